"""One HTTP connection, kept within bounds: of headers, trailers and bodies, in bytes, in number and in time.

uvicorn's own protocol takes headers and trailers of any length, and waits without end. A body's bytes are capped by
`http.bodies`. Written against uvicorn 0.54: `tests/unit/http/test_uvicorn_internals.py` lists what is used of it.

As long as a connection is open it has a timer, whatever bytes came. Three bounds end it: what the client has begun must
become whole by `_read_by`, what it is sent must be taken by `_write_by`, and a connection that closes has
`write_seconds` to send what is left. While a request is answered and the client keeps up, there is no such bound: an
answer has its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edgewright.http import refusals

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from edgewright.http.connections import Connections
    from edgewright.http.refusals import Refusal

MOST_HEADERS = 100
"""Of one request; and as many trailers, which are dropped."""
MOST_PIPELINED = 16
"""Requests that may wait for the answer to one before them."""
TAKEN = 4096
"""Bytes that a client must take within `write_seconds`, which any link can carry."""


class Refused(Exception):
    """Raised inside the parser, which then gives up the connection."""


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """What a client may take.

    Attributes:
        header_limit: bytes of request line and headers, or of what stands between two pieces of a body, or behind it.
        header_seconds: from a connection's start, or a request's first byte, to the end of its headers.
        body_seconds: from the end of a request's headers to the end of its body.
        idle_seconds: from an answer to the next request's first byte.
        write_seconds: in which the client must take some kilobytes of what it is sent.
    """

    header_limit: int
    header_seconds: float
    body_seconds: float
    idle_seconds: float
    write_seconds: float


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds; `bounded` makes a class with the operator's.

    A request that comes whole in one piece, as nearly all do, starts no timer: the one that runs looks again.
    """

    bounds: ConnectionBounds
    open_connections: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._in_headers = False
        self._whole = True  # no request has begun that has not come to its end
        self._progress = False  # with the bytes that came last: headers or a message ended, or some of a body came
        self._incomplete = 0  # bytes received since then
        self._headed = 0  # bytes received with the headers, some of which may be older
        self._piece = 0  # bytes that came last
        self._trailers = 0
        self._refusal = refusals.MALFORMED
        self._read_by = self._write_by = inf
        self._unsent = 0  # bytes that the client has not taken, when `_write_by` was set
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = inf
        self._was_closing = False

    # --- the connection ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A connection begins: its first headers have their time."""
        super().connection_made(transport)
        self._read_by = self.loop.time() + self.bounds.header_seconds
        self._start_timer()
        if self.open_connections.admit(self, self.client[0] if self.client else ""):
            self.open_connections.waits(self)
        else:
            self._refuse(refusals.BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection ends."""
        if self._timer is not None:
            self._timer.cancel()
        self.open_connections.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: what is not whole now has its time to become so. Bytes between requests change nothing."""
        self._progress = False
        self._piece = len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_headers:
            self._headed += len(data)
        if not self._whole and not self._progress:
            self._incomplete += len(data)
            if self._incomplete > self.bounds.header_limit:
                self._refuse(refusals.TOO_LARGE)
        self._hasten_timer()

    def pause_writing(self) -> None:
        """The client is behind with taking what it is sent."""
        super().pause_writing()
        self.open_connections.waits(self)
        self._expect_taken()
        self._hasten_timer()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._write_by = inf
        if self._read_by == inf:
            self.open_connections.works(self)

    def give_way(self) -> None:
        """End now, as if the client's time had passed."""
        if self._write_by < inf or self.transport.is_closing():
            self.transport.abort()  # what is left to send is not taken
        elif self._whole and self.cycle is not None:
            self.transport.close()  # idle: an answer would be taken for that to the next request
        else:
            self._refuse(refusals.TIMED_OUT)

    # --- the parser's callbacks -------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers = True
        self._whole = False
        self._incomplete = self._headed = self._trailers = 0
        self._read_by = self.loop.time() + self.bounds.header_seconds

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those are dropped, since the application has seen the headers already."""
        if not self._in_headers:
            self._trailers += 1
            if self._trailers > MOST_HEADERS:
                self._give_up(refusals.TOO_MANY)
            return
        if len(self.headers) >= MOST_HEADERS:
            self._give_up(refusals.TOO_MANY)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        limit = self.bounds.header_limit
        if self._headed + self._piece > limit and self._header_bytes() > limit:
            self._give_up(refusals.TOO_LARGE)
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):
            self._give_up(refusals.HOST)
        upgrade = self.parser.should_upgrade()
        if upgrade and any(name in {b"content-length", b"transfer-encoding"} for name, _ in self.headers):
            self._give_up(refusals.UPGRADE)  # the parser would take its body for the next request
        if len(self.pipeline) >= MOST_PIPELINED:
            self._give_up(refusals.PIPELINED)
        super().on_headers_complete()
        if upgrade:
            self.cycle.keep_alive = False
        self._in_headers = False
        self._progress = True
        self._incomplete = 0
        self._read_by = self.loop.time() + self.bounds.body_seconds

    def _header_bytes(self) -> int:
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers)))

    def on_body(self, body: bytes) -> None:
        """A piece of the body came."""
        self._progress = True
        self._incomplete = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._whole = self._progress = True
        self._incomplete = 0
        if self.cycle.response_complete:
            self._read_by = self.loop.time() + self.bounds.idle_seconds
        else:
            self._read_by = inf
            self.open_connections.works(self)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up."""
        self._refuse(self._refusal)

    # --- answers ----------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """An answer went out: the client has the time of an idle connection, unless it has begun more."""
        super().on_response_complete()
        closing = self.transport.is_closing()
        if not closing and not self.cycle.response_complete:
            return  # another request waits for its answer
        self.open_connections.waits(self)
        if self._whole and not closing:
            self._read_by = self.loop.time() + self.bounds.idle_seconds
        self._hasten_timer()

    def _give_up(self, refusal: Refusal) -> None:
        self._refusal = refusal
        raise Refused(refusal.code)

    def _refuse(self, refusal: Refusal) -> None:
        """End the connection, with an answer where none is in progress or due to a request before."""
        if self.transport.is_closing():
            return
        if self._may_answer():
            self.transport.write(refusal.answer())
        if self.cycle is not None:
            self.cycle.disconnected = True  # its application writes no more, and sees that the client is gone
            self.cycle.message_event.set()
        self.transport.close()

    def _may_answer(self) -> bool:
        if self.pipeline:
            return False
        if not self._whole and not self._in_headers:  # in the body of the request whose answer this would be
            return not self.cycle.response_started
        return self.cycle is None or self.cycle.response_complete

    # --- the timer --------------------------------------------------------------------------------------------

    def _start_timer(self) -> None:
        now = self.loop.time()
        self._timer_at = min(self._read_by, self._write_by, now + self.bounds.write_seconds)
        self._timer = self.loop.call_later(max(0.0, self._timer_at - now), self._check)

    def _hasten_timer(self) -> None:
        if self._timer is not None and min(self._read_by, self._write_by) < self._timer_at:
            self._timer.cancel()
            self._start_timer()

    def _expect_taken(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._write_by = self.loop.time() + self.bounds.write_seconds

    def _check(self) -> None:
        """Whether a bound has passed."""
        now = self.loop.time()
        if now >= self._write_by and self.transport.get_write_buffer_size() > self._unsent - TAKEN:
            self.transport.abort()
        elif now >= self._write_by:
            self._expect_taken()
        if self.transport.is_closing():
            if self._was_closing:
                self.transport.abort()
            self._was_closing = True
            self._read_by = self._write_by = inf
        elif now >= self._read_by:
            self._read_by = inf
            self.give_way()
        self._start_timer()


def bounded(bounds: ConnectionBounds, open_connections: Connections) -> type[BoundedProtocol]:
    """The protocol class for uvicorn, with these bounds, counted there."""
    return type("BoundedProtocol", (BoundedProtocol,), {"bounds": bounds, "open_connections": open_connections})
