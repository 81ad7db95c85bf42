"""Bodies are read up to their caps, each and together; those of strangers are read past."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edgewright.errors import RequestTooLarge, Throttled
from edgewright.http.bodies import DISCARDED, TOGETHER, Bodies, Disconnected

LIMIT = 100


class Sent:
    """What a client sends, piece by piece."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self._pieces = list(pieces)
        self._ends = ends
        self.taken = 0

    async def __call__(self) -> dict[str, Any]:
        if self.taken == len(self._pieces):
            return {"type": "http.disconnect"}
        self.taken += 1
        more = self.taken < len(self._pieces) or not self._ends
        return {"type": "http.request", "body": self._pieces[self.taken - 1], "more_body": more}


def scope(**headers: str) -> dict[str, Any]:
    return {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


def test_a_body_is_read_whole() -> None:
    assert asyncio.run(Bodies(LIMIT).read(scope(), Sent(b"a" * LIMIT))) == b"a" * LIMIT
    assert asyncio.run(Bodies(LIMIT).read(scope(), Sent(b"ab", b"", b"c"))) == b"abc"


@pytest.mark.parametrize("pieces", [[b"a" * 101], [b"a" * 60, b"a" * 41], [b"a" * 90] * 5])
def test_one_that_is_too_large_is_read_to_its_end_and_refused(pieces: list[bytes]) -> None:
    sent = Sent(*pieces)
    with pytest.raises(RequestTooLarge):
        asyncio.run(Bodies(LIMIT).read(scope(), sent))
    assert sent.taken == len(pieces)


@pytest.mark.parametrize("announced", ["", str(LIMIT * DISCARDED + 1)])
def test_one_that_is_much_too_large_is_not_waited_for(announced: str) -> None:
    sent = Sent(*[b"a" * 90] * 50)
    with pytest.raises(RequestTooLarge):
        asyncio.run(Bodies(LIMIT).read(scope(content_length=announced) if announced else scope(), sent))
    assert sent.taken < 11


def test_who_goes_away_is_not_answered() -> None:
    with pytest.raises(Disconnected):
        asyncio.run(Bodies(LIMIT).read(scope(), Sent(b"a", ends=False)))


def test_a_lower_cap_counts() -> None:
    with pytest.raises(RequestTooLarge, match="larger than 10 bytes"):
        asyncio.run(Bodies(LIMIT).read(scope(), Sent(b"a" * 11), 10))


def test_all_bodies_together_are_capped_while_they_come() -> None:
    async def run() -> None:
        bodies, ending = Bodies(LIMIT), asyncio.Event()

        async def half() -> dict[str, Any]:
            """One body's worth for each reader, and then nothing until the end."""
            task = asyncio.current_task()
            if task in begun:
                await ending.wait()
                return {"type": "http.request", "body": b"", "more_body": False}
            begun.add(task)
            return {"type": "http.request", "body": b"a" * LIMIT, "more_body": True}

        begun: set[asyncio.Task[Any] | None] = set()
        held = [asyncio.create_task(bodies.read(scope(), half)) for _ in range(TOGETHER)]
        await asyncio.sleep(0.01)
        with pytest.raises(Throttled):
            await bodies.read(scope(), Sent(b"a", b"b"))
        assert await bodies.read(scope(), Sent(b"whole")) == b"whole"
        await bodies.discard(scope(), Sent(b"a", b"b"))
        ending.set()
        await asyncio.gather(*held)
        assert await bodies.read(scope(), Sent(b"a", b"b")) == b"ab"

    asyncio.run(run())


def test_a_strangers_body_is_read_past() -> None:
    sent = Sent(*[b"a" * 20] * 5)
    asyncio.run(Bodies(LIMIT).discard(scope(), sent))
    assert sent.taken == 5


def test_a_stranger_who_waits_to_be_asked_is_not_asked() -> None:
    sent = Sent(b"a")
    asyncio.run(Bodies(LIMIT).discard(scope(expect="100-continue"), sent))
    assert sent.taken == 0
