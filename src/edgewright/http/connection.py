"""One HTTP connection, kept within bounds: headers capped in bytes, headers and bodies in time.

uvicorn's own protocol takes headers of any length, and waits for ever. A body's bytes are capped by the API: see
`http.api`. Written against uvicorn 0.54's `HttpToolsProtocol`.
"""

from __future__ import annotations

from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState


class HeadersTooLarge(Exception):
    """Raised inside the parser, which then gives up the connection."""


class OneWrite:
    """What a cycle of uvicorn's writes an answer to: its head goes out with the first piece of its body.

    uvicorn writes the two by themselves, each a call of the kernel and a packet, which is a tenth of what a small
    answer costs. A head that no body follows at once goes out by itself, as soon as the loop comes round.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = b""  # None once the answer has begun to go out

    def write(self, data: bytes) -> None:
        """Hold the head; write everything else."""
        if self._head is None:
            self._transport.write(data)
        elif not self._head:
            self._head = data
            self._loop.call_soon(self.flush)
        else:
            data, self._head = self._head + data, None
            self._transport.write(data)

    def flush(self) -> None:
        """Write a head that is still held."""
        if self._head and not self._transport.is_closing():
            data, self._head = self._head, None
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection when everything is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is closed, or about to be."""
        return self._transport.is_closing()


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds; `bounded` makes a class with the operator's.

    A request that comes whole in one piece, as nearly all do, costs no timer: an idle connection has one that is left
    to run, and looks when it ends whether the connection has been idle since.
    """

    header_limit = 32 * 1024
    """Bytes of request line and headers."""
    header_seconds = 10.0
    """From a connection's start, or a request's first byte, to the end of its headers."""
    body_seconds = 30.0
    """From the end of a request's headers to the end of its body."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._begun = False  # a request began with the bytes that came last
        self._in_headers = True
        self._whole = False
        self._incomplete = 0  # bytes received of headers that are not complete
        self._refusal = HTTPStatus.BAD_REQUEST
        self._timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0  # by the loop's clock; 0 while a request is on its way or being answered
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A connection begins: its first headers have their time."""
        super().connection_made(transport)
        self._start_timer(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection ends."""
        self._stop_timer()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: what is not whole now has its time to become so."""
        self._begun = False
        self._idle_since = 0.0
        super().data_received(data)
        if self.transport.is_closing():
            self._stop_timer()
        elif not self._whole:
            if self._in_headers:
                self._incomplete += len(data)
                if self._incomplete > self.header_limit:
                    self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                    return
            if self._timer is None:
                self._start_timer(self.header_seconds if self._in_headers else self.body_seconds)
        elif self._timer is not None:
            self._stop_timer()
        elif not self._begun and (self.cycle is None or self.cycle.response_complete):
            self._start_timer(self.header_seconds)  # bytes between requests, which ended the keep-alive's own timer

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._begun = self._in_headers = True
        self._whole = False
        self._incomplete = 0

    def on_headers_complete(self) -> None:
        """The headers are whole."""
        self._in_headers = False
        if len(self.url) + sum(map(len, chain.from_iterable(self.headers))) > self.header_limit:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadersTooLarge
        if self._timer is not None:
            self._stop_timer()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before and not self.expect_100_continue:  # which is no head, and must go out at once
            self.cycle.transport = OneWrite(self.transport, self.loop)  # type: ignore[assignment] # all that it uses

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out: uvicorn's own way, but for its timer of each answer."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_if_idle)

    def _look_if_idle(self) -> None:
        """Close a connection that has been idle for its time, else look again when it could be."""
        self._idle_timer = None
        if not self._idle_since:
            return  # busy: the end of its answer starts the timer again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            self.timeout_keep_alive_handler()
        else:
            self._idle_timer = self.loop.call_later(left, self._look_if_idle)

    def send_400_response(self, msg: str) -> None:
        """The parser gave up."""
        if self._refusal is HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _start_timer(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(line.encode("ascii"))
        self.transport.close()


def bounded(header_limit: int, header_seconds: float, body_seconds: float) -> type[BoundedProtocol]:
    """The protocol class for uvicorn, with these bounds."""
    bounds = {"header_limit": header_limit, "header_seconds": header_seconds, "body_seconds": body_seconds}
    return type("BoundedProtocol", (BoundedProtocol,), bounds)
