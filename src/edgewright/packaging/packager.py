"""From a compiled model's archive to a signed package, in one pass."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.archives import tar_headers
from edgewright.archives.inflation import InflatedSource
from edgewright.archives.tar_reader import TarReader
from edgewright.errors import ArchiveRefused, LimitExceeded
from edgewright.limits import DEFAULT, Limits
from edgewright.packaging.chunks import Chunker, FileHash
from edgewright.packaging.inline_pipeline import InlinePipeline
from edgewright.packaging.manifest import Manifest, PackagedFile
from edgewright.packaging.model import MANIFEST_NAME, Model
from edgewright.packaging.threaded_pipeline import ThreadedPipeline, processors
from edgewright.signing import signature
from edgewright.signing.documents import path_order
from edgewright.signing.signature import SIGNATURE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.packaging.chunks import Fill
    from edgewright.signing.signers import Signer


@dataclass(frozen=True, slots=True)
class Package:
    """A package that was written.

    Attributes:
        manifest: what its `sagemaker_edge_manifest` holds.
        signature: the text of its `sagemaker_edge_signature`.
        size: bytes of the tar.gz.
        sha256: of the tar.gz, in hexadecimal.
    """

    manifest: Manifest
    signature: str
    size: int
    sha256: str


def package(  # noqa: PLR0913 - five name what is done, two how
    source: Iterable[Buffer],
    write: Callable[[Iterator[Buffer]], None],
    model: Model,
    signer: Signer,
    limits: Limits = DEFAULT,
    *,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Package:
    """Check, normalise, hash, sign and write a compiled model, each byte once.

    Args:
        source: the model's tar.gz, cut anywhere. It is read in the calling thread, and to its end before anything is
            signed: what it raises there ends the work too.
        write: stores the package that it iterates over, whole or not at all: when the iterator raises, nothing may be
            left. It runs in a thread of its own, unless `threads` is 0.
        model: what the package is called.
        signer: signs once, at the end.
        limits: what the source may hold.
        threads: how many compress side by side; one less than there are processors when None. With 0 all is done in
            the calling thread, and the package is in memory before it is written: best for a few MiB. The bytes are
            always the same.
        progress: called in the calling thread with the bytes read so far, after each MiB of the source or of its tar at
            the latest, and several times a second while the store is waited for. What it raises ends the work, and
            nothing is written.

    Raises:
        ArchiveRefused: the source is malformed or unsafe; the message names the member and the rule.
        LimitExceeded: the source is larger than a limit.
    """
    tar = InflatedSource(source, limits, progress)
    with _pipeline(write, tar.poll, threads) as pipeline:
        chunker = Chunker(pipeline.take, pipeline.send)
        added = _add_model(tar, chunker, limits)
        pipeline.flush()
        manifest = Manifest(
            model, tuple(file.settled() for file in sorted(added, key=lambda file: path_order(file.path)))
        )
        text = _sign_and_close(manifest, signer, chunker)
        pipeline.flush()
        _check_size(chunker.size, pipeline.size, limits)
        pipeline.finish()
    return Package(manifest, text, pipeline.size, pipeline.sha256)


def _pipeline(
    write: Callable[[Iterator[Buffer]], None], poll: Callable[[], None], threads: int | None
) -> ThreadedPipeline | InlinePipeline:
    if threads == 0:
        return InlinePipeline(write, poll)
    return ThreadedPipeline(write, threads or compressors(), poll)


def compressors() -> int:
    """One processor reads and inflates, which nothing can do side by side; the others compress."""
    return max(1, processors() - 1)


@dataclass(frozen=True, slots=True)
class _Added:
    """A file that was sent into the pipeline."""

    path: str
    size: int
    executable: bool
    hash: FileHash

    def settled(self) -> PackagedFile:
        """The file as the manifest has it, once the pipeline was flushed."""
        return PackagedFile(self.path, self.size, self.hash.digest, self.executable)


def _add_model(tar: InflatedSource, chunker: Chunker, limits: Limits) -> list[_Added]:
    """Send every file of the source, in the source's order."""
    reader = TarReader(tar.read, limits, reserved=(MANIFEST_NAME, SIGNATURE_NAME))
    added = []
    while (entry := reader.next()) is not None:
        file = chunker.add(entry.path, entry.size, tar.fill, executable=entry.executable)
        tar.read(tar_headers.padding(entry.size))
        added.append(_Added(entry.path, entry.size, entry.executable, file))
    tar.finish()
    if not added:
        raise ArchiveRefused("The archive holds no file: a model of at least one file is wanted.")
    chunker.finish()
    return added


def _sign_and_close(manifest: Manifest, signer: Signer, chunker: Chunker) -> str:
    """Send the manifest, the signature and the archive's end; the signature's text."""
    document = manifest.to_json()
    digests = {file.path: file.sha256 for file in manifest.files}
    digests[MANIFEST_NAME] = hashlib.sha256(document).hexdigest()
    text = signature.sign(manifest.model.name, digests, signer)
    for name, data in ((MANIFEST_NAME, document), (SIGNATURE_NAME, text.encode())):
        chunker.add(name, len(data), _filler(data))
    chunker.end()
    return text


def _filler(data: bytes) -> Fill:
    """Fills buffers from bytes in memory."""
    stream = io.BytesIO(data)

    def fill(target: memoryview) -> None:
        stream.readinto(target)

    return fill


def _check_size(tar: int, compressed: int, limits: Limits) -> None:
    """What is packaged can be verified under the same limits."""
    for name, size, most in (
        ("archive_size", compressed, limits.archive_size),
        ("unpacked_size", tar, limits.unpacked_size),
    ):
        if size > most:
            raise LimitExceeded(f"The package would have {size} bytes, and limits.{name} allows {most}.")
    if tar > max(limits.expansion_free, compressed * limits.expansion_ratio):
        raise LimitExceeded(
            f"The package would expand over {limits.expansion_ratio} times (limits.expansion_ratio): "
            f"{compressed} bytes to {tar}."
        )
