"""Calls that may wait, in a thread beside the event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What a function returns or raises.

    An error crosses as a value. One that a future raises is held by a frame of its own traceback, and so is the request
    that it refuses: until the collector passes, which it seldom does, a megabyte each.
    """
    result, error = await run_in_threadpool(_outcome, partial(function, *args, **kwargs))
    if error is None:
        return result  # type: ignore[return-value] # it is what the function returned
    try:
        raise error
    finally:
        del error


def _outcome(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 - raised again where the result is waited for
        return None, error
