"""One HTTP connection, kept within bounds: headers capped in bytes, headers and bodies in time.

uvicorn's own protocol takes headers of any length, and waits without end. A body's bytes are capped by the API: see
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


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with bounds; `bounded` makes a class with the operator's.

    A request that comes whole in one piece, as nearly all do, costs no timer but uvicorn's own of idle connections.
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
        self._piece = 0  # bytes that came last
        self._refusal = HTTPStatus.BAD_REQUEST
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A connection begins: its first headers have their time."""
        super().connection_made(transport)
        self._start_timer(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection ends."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came: what is not whole now has its time to become so."""
        self._begun = False
        self._piece = len(data)
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
        received = self._incomplete + self._piece  # no header can be longer than what came
        if received > self.header_limit and self._header_bytes() > self.header_limit:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadersTooLarge
        if self._timer is not None:
            self._stop_timer()
        super().on_headers_complete()

    def _header_bytes(self) -> int:
        return len(self.url) + sum(map(len, chain.from_iterable(self.headers)))

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._whole = True
        super().on_message_complete()

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
