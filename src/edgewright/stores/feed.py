"""Hands the pieces of an object from the thread that makes them to the thread that uploads them.

obstore could take the iterable itself, but it would run it inside its own event loop, where making a piece must not
call obstore again: a package that is read from one bucket while it is written to another does just that.
"""

from __future__ import annotations

from queue import Empty, Queue
from threading import Event
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Buffer

WAITING = 8
"""Pieces that may wait for the upload; the maker of the next one waits in its turn."""


class Feed:
    """An iterator for the uploading thread, filled by another."""

    def __init__(self) -> None:
        self._waiting: Queue[bytes | BaseException] = Queue(WAITING)
        self._closed = Event()

    def fill(self, pieces: Iterable[Buffer]) -> None:
        """Hand over all pieces, or as many as the upload takes before it fails.

        Raises:
            BaseException: whatever the iterable raised, which also ends the upload.
        """
        try:
            for piece in pieces:
                if self._closed.is_set():
                    return
                # A copy, unless it cannot change: the maker may use its buffer again.
                self._waiting.put(piece if isinstance(piece, bytes) else bytes(piece))
        except BaseException as error:
            self._waiting.put(error)
            raise
        self._waiting.put(StopIteration())

    def close(self) -> None:
        """The upload has ended: a filler that waits for room goes on, and gives up."""
        self._closed.set()
        try:
            while True:
                self._waiting.get_nowait()
        except Empty:
            return

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        piece = self._waiting.get()
        if isinstance(piece, BaseException):
            raise piece
        return piece
