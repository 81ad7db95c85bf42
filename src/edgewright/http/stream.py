"""`GET /events`: changes of jobs' states as they happen, as server-sent events.

Each has its number as its id; a client that reconnects with `Last-Event-ID`, as browsers do by themselves, gets what
it missed. Everybody reads from the database at their own pace: nothing is held in memory for a slow client.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import orjson
import structlog
from starlette.responses import Response, StreamingResponse

from edgewright.errors import DatabaseUnavailable, Throttled, ValidationFault
from edgewright.http.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from edgewright.auth.identity import Identity
    from edgewright.events.outbox import JobEvent, JobEvents
    from edgewright.http.authentication import PageAuthentication

LOOK_SECONDS = 0.5
"""Between two looks for new events; all streams of a process share a look."""
SILENCE_SECONDS = 15.0
"""After so long without an event a comment is sent, so that no proxy takes the stream for dead."""
LONGEST_SECONDS = 3600.0
"""Then the client has to come again, with a signature that still holds."""
MOST_STREAMS = 200
"""Of one process; never more than half of its connections."""
MOST_OF_A_KEY = 40
"""Of these for one access key, and for the console's sessions of its holder; never more than half of the streams."""
PAGE = 100
LARGEST = 2**62
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}

log = structlog.get_logger(__name__)


class TooManyStreams(Throttled):
    """More streams than one process, or one access key, keeps open."""


class _Counted(StreamingResponse):
    """A stream that is counted until its answer ends, however that happens."""

    def __init__(self, pieces: AsyncIterator[bytes], release: Callable[[], None]) -> None:
        super().__init__(pieces, media_type="text/event-stream", headers=HEADERS)
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._release()


class EventStream:
    """The streams of one process. For one thread: the event loop's."""

    def __init__(
        self,
        authentication: PageAuthentication,
        events: JobEvents,
        leaving: Callable[[], bool],
        most: int = MOST_STREAMS,
    ) -> None:
        """Keep the parts.

        Args:
            authentication: finds out who looks.
            events: what happened.
            leaving: whether the server is ending; streams then end by themselves.
            most: streams at once.
        """
        self._authentication = authentication
        self._is_current = authentication.authenticator.is_current
        self._events = events
        self._leaving = leaving
        self._open: Counter[str] = Counter()
        self._most = most
        self._most_of_a_key = min(MOST_OF_A_KEY, max(1, most // 2))
        self._last, self._looked_at = 0, -LOOK_SECONDS
        self._looking = asyncio.Lock()

    async def page(self, request: Request) -> Response:
        """`GET /events`, from now on, or behind `Last-Event-ID` (a header) or `after` (in the query)."""
        return await self._authentication.answer(request, self._page)

    async def _page(self, request: Request, viewer: Identity) -> Response:
        seq = _start(request)
        release = self._counted(viewer.principal.access_key_id)
        try:
            missed = await self._missed(seq)
            if seq is None:
                seq = await self._newest()
        except BaseException:  # cancelled ones too: nothing would count them down again
            release()
            raise
        return _Counted(self._events_for(viewer, seq, missed), release)

    def _counted(self, key: str) -> Callable[[], None]:
        """Count a stream of an access key; what counts it down."""
        if self._open.total() >= self._most:
            raise TooManyStreams("Too many event streams are open on this server. Try again later.")
        if self._open[key] >= self._most_of_a_key:
            raise TooManyStreams(
                f"{self._most_of_a_key} event streams of this access key are open on this server, and no more may be. "
                "Close one."
            )
        self._open[key] += 1

        def release() -> None:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

        return release

    async def _missed(self, seq: int | None) -> bytes:
        """The event that says that events behind a client's last one are no longer kept; else nothing."""
        if not seq:
            return b""
        oldest = await in_thread(self._events.oldest)
        if seq + 1 >= oldest:
            return b""
        return b"event: gap\ndata: %b\n\n" % orjson.dumps({"after": seq, "oldest": oldest})

    async def _events_for(self, viewer: Identity, seq: int, missed: bytes) -> AsyncIterator[bytes]:
        ends, spoke = time.monotonic() + LONGEST_SECONDS, time.monotonic()
        yield b"retry: 2000\n\n" + missed
        while time.monotonic() < ends and not self._leaving() and self._is_current(viewer):
            found, seq = await self._behind(viewer, seq)
            for event in found:
                yield _frame(event)
            if found:
                spoke = time.monotonic()
                continue
            if time.monotonic() - spoke >= SILENCE_SECONDS:
                spoke = time.monotonic()
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)

    async def _behind(self, viewer: Identity, seq: int) -> tuple[Sequence[JobEvent], int]:
        """What the viewer may see behind a number, and the number up to which that was looked for."""
        try:
            newest = await self._newest()
            if newest <= seq:
                return [], seq
            page = await in_thread(self._events.after, seq, PAGE, viewer.scope, upto=newest)
        except DatabaseUnavailable as error:
            log.warning("event streams wait for the database", reason=error.message)
            return [], seq
        reached = page[-1].seq if len(page) == PAGE else newest
        return [event for event in page if viewer.may_see(event.key)], reached or seq

    async def _newest(self) -> int:
        """The last event's number, as of `LOOK_SECONDS` ago at most."""
        async with self._looking:
            if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                self._last = await in_thread(self._events.number)
                self._looked_at = time.monotonic()
        return self._last


def _start(request: Request) -> int | None:
    """Behind which number to begin; None for from now on.

    Raises:
        ValidationFault: not a number of an event.
    """
    given = request.headers.get("last-event-id", request.query_params.get("after"))
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST)) and int(given) <= LARGEST):
        raise ValidationFault(
            f"'{given[:40]}' is not the id of an event: give the last one that this stream gave you, or 0 for the "
            "oldest that is kept."
        )
    return int(given)


def _frame(event: JobEvent) -> bytes:
    document = orjson.dumps(event.document())  # one line: line breaks inside are escaped
    return b"id: %d\nevent: job\ndata: %b\n\n" % (event.seq or 0, document)
