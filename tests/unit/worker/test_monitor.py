from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import JobStopped, StoreUnavailable
from edgewright.worker.monitor import watched

if TYPE_CHECKING:
    from collections.abc import Iterator


def nothing() -> None:
    """A look that sees nothing."""


def test_pieces_come_in_order_and_unchanged() -> None:
    pieces = [bytes([number]) * number for number in range(50)]
    assert list(watched(pieces, nothing)) == pieces


def test_the_sources_error_comes_out_behind_its_pieces() -> None:
    def source() -> Iterator[bytes]:
        yield b"one"
        raise StoreUnavailable("cut off")

    pieces = watched(source(), nothing)
    assert next(pieces) == b"one"
    with pytest.raises(StoreUnavailable, match="cut off"):
        next(pieces)


def test_a_stalled_source_does_not_keep_a_stop_away() -> None:
    stalled = threading.Event()

    def source() -> Iterator[bytes]:
        yield b"one"
        stalled.wait(60)

    def look() -> None:
        raise JobStopped("stopped")

    pieces = watched(source(), look)
    assert next(pieces) == b"one"
    with pytest.raises(JobStopped):
        next(pieces)
    stalled.set()


def test_the_source_is_not_read_far_ahead() -> None:
    read = 0

    def source() -> Iterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"piece"

    pieces = watched(source(), nothing)
    next(pieces)
    time.sleep(0.2)
    assert read < 10


def test_the_reading_thread_ends_when_nobody_wants_more() -> None:
    closed = threading.Event()

    def source() -> Iterator[bytes]:
        try:
            while True:
                yield b"piece"
        finally:
            closed.set()

    pieces = watched(source(), nothing)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined] # a generator, as tests may know
    assert closed.wait(30)
