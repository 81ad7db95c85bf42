"""Calls in threads."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import NoReturn

import pytest

from edgewright.http.threads import in_thread


class Held:
    """What a request holds."""


def refused(held: Held) -> NoReturn:
    raise ValueError(f"{held} is refused")


def test_a_result_comes_from_another_thread() -> None:
    assert asyncio.run(in_thread(threading.get_ident)) != threading.get_ident()


def test_an_error_is_raised_with_where_it_came_from() -> None:
    with pytest.raises(ValueError, match="is refused") as raised:
        asyncio.run(in_thread(refused, Held()))
    assert raised.traceback[-1].name == "refused"


def test_nothing_of_a_refused_call_is_left_when_it_is_answered() -> None:
    """It was, for hundreds of calls: a server took 650 MB while one caller was told that names were too long."""

    async def answer() -> weakref.ref[Held]:
        held = Held()
        try:
            await in_thread(refused, held)
        except ValueError:
            return weakref.ref(held)

    async def ask() -> None:
        left = await asyncio.create_task(answer())
        while left() is not None:  # noqa: ASYNC110 - its thread lets go of it a moment later, without an event
            await asyncio.sleep(0.01)

    gc.collect()
    gc.disable()
    try:
        asyncio.run(asyncio.wait_for(ask(), 10))
    finally:
        gc.enable()
