"""Every archive of the hostile corpus is refused, with its reason, in bounded memory, and nothing is stored."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

import pytest
from typing_extensions import Buffer

from edgewright.errors import ArchiveRefused
from edgewright.limits import Limits
from edgewright.packaging import Model, package
from hostile import CORPUS, Hostile, main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgewright.signing.signers import Signer


class Store:
    """Keeps what was written whole, as the object stores do."""

    def __init__(self) -> None:
        self.objects: list[bytes] = []

    def write(self, pieces: Iterator[Buffer]) -> None:
        self.objects.append(b"".join(bytes(piece) for piece in pieces))


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.name)
def test_refused_with_its_reason(entry: Hostile, signer: Signer) -> None:
    store = Store()
    with pytest.raises(ArchiveRefused) as refusal:
        package([entry.make()], store.write, Model("m", "1"), signer, Limits(**dict(entry.limits)), threads=2)
    assert entry.rule in refusal.value.message
    assert store.objects == []
    if entry.member is not None:
        assert refusal.value.member == entry.member
        assert repr(entry.member)[1:60] in refusal.value.message


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry.name)
def test_refused_byte_by_byte_too(entry: Hostile, signer: Signer) -> None:
    archive = entry.make()[:20_000]  # what is cut off makes it no better
    pieces = (archive[at : at + 1] for at in range(len(archive)))
    with pytest.raises(ArchiveRefused):
        package(pieces, Store().write, Model("m", "1"), signer, Limits(**dict(entry.limits)), threads=1)


def test_names_of_entries_are_unique() -> None:
    assert len({entry.name for entry in CORPUS}) == len(CORPUS)


def test_memory_stays_bounded(signer: Signer) -> None:
    """300 MB of zeros behind a name, and a gzip header without end: peak memory hardly moves."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    endless = [b"\x1f\x8b\x08\x08" + bytes(6), *[b"n" * 1_000_000] * 100]
    with pytest.raises(ArchiveRefused, match="gzip header"):
        package(endless, Store().write, Model("m", "1"), signer)
    bombs = [entry for entry in CORPUS if "bomb" in entry.name]
    for entry in bombs:
        with pytest.raises(ArchiveRefused):
            package([entry.make()], Store().write, Model("m", "1"), signer, Limits(**dict(entry.limits)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_the_corpus_can_be_written(tmp_path: Path) -> None:
    main(tmp_path / "corpus")
    assert len(list((tmp_path / "corpus").iterdir())) == len(CORPUS)
