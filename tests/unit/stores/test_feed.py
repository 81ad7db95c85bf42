from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from edgewright.stores.feed import WAITING, Feed

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_pieces_come_out_in_order_and_end() -> None:
    feed = Feed()
    filler = Thread(target=feed.fill, args=([bytes([number]) for number in range(50)],))
    filler.start()
    assert b"".join(feed) == bytes(range(50))
    filler.join()


def test_a_buffer_may_be_used_again() -> None:
    feed = Feed()
    buffer = bytearray(b"0")

    def pieces() -> Iterator[bytearray]:
        for number in range(5):
            buffer[0] = number
            yield buffer

    feed.fill(pieces())
    assert b"".join(feed) == bytes(range(5))


def test_an_error_comes_out_at_both_ends() -> None:
    feed = Feed()
    error = RuntimeError("broken")

    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise error

    with pytest.raises(RuntimeError) as raised:
        feed.fill(pieces())
    assert raised.value is error
    assert next(feed) == b"x"
    with pytest.raises(RuntimeError) as raised:
        next(feed)
    assert raised.value is error


def test_closing_frees_a_filler_that_waits() -> None:
    feed, full = Feed(), Event()
    made: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(1000):
            made.append(number)
            if number == WAITING:
                full.set()
            yield b"x"

    filler = Thread(target=feed.fill, args=(pieces(),))
    filler.start()
    assert full.wait(30)
    feed.close()
    filler.join(30)
    assert not filler.is_alive()
    assert len(made) <= WAITING + 3
