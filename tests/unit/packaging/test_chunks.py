"""How files are cut into chunks, and how much of a package stays the same."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz
from edgewright.archives import tar_headers
from edgewright.limits import Limits
from edgewright.packaging import gzip_members
from edgewright.packaging.chunks import Batch, Chunker
from edgewright.packaging.gzip_members import CHUNK

if TYPE_CHECKING:
    from packing import Pack


class Batches:
    """Takes batches as a pipeline does, and compresses them at once."""

    def __init__(self) -> None:
        self.chunker = Chunker(lambda: memoryview(bytearray(b"\xee" * CHUNK)), self.send)
        self.tars: list[list[bytes]] = []

    def send(self, batch: Batch) -> None:
        self.tars.append([bytes(chunk.tar) for chunk in batch.chunks])
        batch.compress()

    def add(self, path: str, data: bytes) -> str:
        at = 0

        def fill(target: memoryview) -> None:
            nonlocal at
            target[:] = data[at : at + len(target)]
            at += len(target)

        file = self.chunker.add(path, len(data), fill)
        self.chunker.finish()
        return file.digest


EDGES = [
    0,
    1,
    511,
    512,
    513,
    CHUNK - 1025,
    CHUNK - 512,
    CHUNK - 511,
    CHUNK,
    2 * CHUNK - 512,
    2 * CHUNK - 511,
    3 * CHUNK,
]


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("path", ["name", "long" * 40])
def test_one_file(size: int, path: str) -> None:
    data, batches = random.Random(size).randbytes(size), Batches()
    assert batches.add(path, data) == hashlib.sha256(data).hexdigest()
    record = tar_headers.build(path, size) + data + bytes(-size % 512)
    assert [chunk for batch in batches.tars for chunk in batch] == [
        record[at : at + CHUNK] for at in range(0, len(record), CHUNK)
    ]
    assert batches.chunker.size == len(record)


def test_small_files_share_a_buffer_but_no_chunk() -> None:
    batches = Batches()
    for number in range(5):
        batches.chunker.add(str(number), 100, lambda target: target.release())
    batches.chunker.end()
    assert [[len(chunk) for chunk in batch] for batch in batches.tars] == [[1024] * 6]


def test_a_file_that_does_not_fit_begins_a_buffer() -> None:
    batches = Batches()
    for size in (1000, CHUNK - 600, CHUNK, 1000):
        batches.chunker.add(str(size) + str(len(batches.tars)), size, lambda _: None)
    batches.chunker.finish()
    lengths = [[len(chunk) for chunk in batch] for batch in batches.tars]
    assert lengths == [[1536], [CHUNK], [CHUNK], [512, 1536]]


def standing_share(new: bytes, old: bytes) -> float:
    """The share of the new package's bytes whose gzip members stand in the old one."""
    known = set(gzip_members.split([old], Limits(), None))
    return sum(len(one) for one in gzip_members.split([new], Limits(), None) if one in known) / len(new)


def test_a_contiguous_change_leaves_the_rest(pack: Pack) -> None:
    weights = random.Random(1).randbytes(60_000_000)
    changed = weights[:20_000_000] + random.Random(2).randbytes(600_000) + weights[20_600_000:]
    old, new = (pack(model_tar_gz({"weights": data}, level=0))[1] for data in (weights, changed))
    assert standing_share(new, old) >= 0.95


def test_one_file_of_several_that_grew_leaves_the_others(pack: Pack) -> None:
    files = {str(number): random.Random(number).randbytes(8_000_000) for number in range(8)}
    old = pack(model_tar_gz(files, level=0))[1]
    new = pack(model_tar_gz(files | {"3": files["3"] + b"more" * 1000}, level=0))[1]
    assert standing_share(new, old) >= 0.95
