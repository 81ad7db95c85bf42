"""What packages must be, byte for byte: the sources, and the same sources packaged again in this process."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from archives import model_tar_gz
from chaos.clients import source_key, source_uri
from chaos.harness import register
from chaos.plan import SIZES, Source
from chaos.stores import MODELS
from edgewright.packaging import Model, package, package_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from chaos.harness import Harness
    from edgewright.signing.signers import Signer

TARGET = "jetson_nano"


@cache
def archive(source: Source) -> bytes:
    """A source's tar.gz: noise, which does not compress, and a little text."""
    noise = random.Random(source.value).randbytes(SIZES[source])
    whole = model_tar_gz({"compiled.params": noise, "compiled.meta": b'{"Model": {}}', "libdlr.so": noise[:1000]})
    return whole[: len(whole) // 2] if source is Source.TORN else whole


def upload_sources(harness: Harness, sources: Iterable[Source]) -> None:
    """Put sources into the store, and register each as a compilation job of its name."""
    for source in sources:
        content = archive(Source.TINY if source is Source.MISSING else source)
        harness.objects.put(MODELS, source_key(source), content)
        register(harness, source.value, source_uri(source))
        if source is Source.MISSING:
            harness.objects.remove(MODELS, source_key(source))


class ExpectedPackages:
    """Packages sources in this process."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def sha256(self, source: Source, version: str) -> str:
        """The digest that the package of a source must have."""
        digest, content = hashlib.sha256(), archive(source)
        model = replace(_model(source, version), source_sha256=hashlib.sha256(content).hexdigest())

        def write(pieces: Iterator[Buffer]) -> None:
            for piece in pieces:
                digest.update(piece)

        package([content], write, model, self._signer)
        return digest.hexdigest()


def object_key(source: Source, version: str) -> str:
    """Where the package of a job must be."""
    return f"out/{package_name(_model(source, version))}"


def _model(source: Source, version: str) -> Model:
    return Model("chaos", version, compilation_job=source.value, target=TARGET)
