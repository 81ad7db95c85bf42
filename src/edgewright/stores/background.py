"""Work on a thread of its own, which no process waits for when it ends.

`concurrent.futures` has pools for this, and joins their threads when the interpreter exits: a request that stalls would
hold up a worker that was asked to end.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

POLL_SECONDS = 0.2
"""Between two polls while a result is waited for."""


def start(work: Callable[[], T]) -> Future[T]:
    """Do the work on a new daemon thread; its result or its error comes through the future."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is taken
            future.set_exception(error)
        else:
            future.set_result(result)

    Thread(target=run, name="edgewright-store", daemon=True).start()
    return future


def awaited(future: Future[T], poll: Callable[[], None] | None) -> T:
    """The result; while it is waited for, `poll` is called several times a second, and may raise."""
    if poll is None:
        return future.result()
    while True:
        try:
            return future.result(POLL_SECONDS)
        except NotYet:
            if future.done():
                return future.result()  # the work's own TimeoutError
        poll()


def settled(future: Future[T], seconds: float | None) -> bool:
    """Wait until the work has ended or failed, for so long at most; whether it has."""
    try:
        future.exception(seconds)
    except NotYet:
        return False
    return True
