"""The parts of a multipart upload: a stream is cut into them, and several are sent at a time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from edgewright.stores import background
from edgewright.stores.protocols import PART

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from typing_extensions import Buffer

T = TypeVar("T")

UNDER_WAY = 3
"""Parts that are sent at a time: bounds a writer's memory to about 40 MiB."""


class PartSender(Generic[T]):
    """Sends parts, each on a thread of its own, while the next ones are made.

    Args:
        poll: called several times a second while a part is waited for; it may raise.
    """

    def __init__(self, poll: Callable[[], None] | None) -> None:
        self._poll = poll
        self._under_way: deque[Future[T]] = deque()

    def results(self, sends: Iterable[Callable[[], T]]) -> Iterator[T]:
        """What each call returns, in their order. What one of them, the iterable or the poll raises comes out."""
        for send in sends:
            if len(self._under_way) == UNDER_WAY:
                yield self._result()
            self._under_way.append(background.start(send))
        while self._under_way:
            yield self._result()

    def settle(self, seconds: float | None = None) -> None:
        """Wait for the parts under way, so long for each, whether they arrive or fail: none arrives after an abort."""
        while self._under_way:
            background.settled(self._under_way.popleft(), seconds)

    def _result(self) -> T:
        result = background.awaited(self._under_way[0], self._poll)
        self._under_way.popleft()
        return result


def parts_of(pieces: Iterable[Buffer]) -> Iterator[bytearray]:
    """The pieces' bytes in parts of `PART`; the last is shorter, and empty only where it is the first."""
    part = bytearray()
    full = False
    for piece in pieces:
        with memoryview(piece) as view, view.cast("B") as rest:
            done = 0
            while done < len(rest):
                taken = rest[done : done + PART - len(part)]
                part += taken
                done += len(taken)
                if len(part) == PART:
                    yield part
                    part, full = bytearray(), True
    if part or not full:
        yield part
