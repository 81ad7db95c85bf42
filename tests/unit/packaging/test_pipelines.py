"""The threaded pipeline by itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from edgewright.packaging.chunks import Chunker, FileHash
from edgewright.packaging.gzip_members import CHUNK
from edgewright.packaging.threaded_pipeline import ThreadedPipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer


def drop(pieces: Iterator[Buffer]) -> None:
    for _ in pieces:
        pass


def fill(target: memoryview) -> None:
    target[:] = bytes(len(target))


def fail_after(size: int, begun: list[FileHash]) -> None:
    with ThreadedPipeline(drop, 2, lambda: None) as pipeline:
        chunker = Chunker(pipeline.take, pipeline.send)
        begun.append(chunker.add("zeros", size, fill))
        chunker.finish()
        raise ZeroDivisionError


def test_a_failure_cancels_no_chunk() -> None:
    """A chunk waits for the hash of the one before it: were that one cancelled, its thread would never end."""
    begun: list[FileHash] = []
    with pytest.raises(ZeroDivisionError):
        fail_after(10 * CHUNK, begun)
    assert begun[0].digest == hashlib.sha256(bytes(10 * CHUNK)).hexdigest()
