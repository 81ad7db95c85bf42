"""One HTTP connection, kept within bounds: headers capped in bytes and in time.

uvicorn's own protocol takes headers of any length at any pace. The body's cap and pace are the API's: see
`http.api`. Written against uvicorn 0.54's `HttpToolsProtocol`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.server import ServerState


class HeadersTooLarge(Exception):
    """Raised inside the parser, which then gives up the connection."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with two bounds; `bounded` makes a class with the operator's."""

    header_limit = 32 * 1024
    """Bytes of request line and headers."""
    header_seconds = 10.0
    """From a connection's start, or a request's first byte, to the end of its headers."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._parsed = 0  # bytes of this request's target and headers that the parser has given out
        self._unparsed = 0  # bytes received since, in headers that are not complete
        self._refusal = HTTPStatus.BAD_REQUEST
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A connection begins: its first headers have their time."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection ends."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of headers count."""
        if self._header_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._start_timer()
        super().data_received(data)
        if self._header_timer is not None:  # a header that never ends is seen here, before the parser gives it out
            self._unparsed += len(data)
            if self._unparsed > self.header_limit:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._parsed = self._unparsed = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The headers are whole: from here the API keeps the bounds."""
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up."""
        if self._refusal is HTTPStatus.BAD_REQUEST:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _count(self, size: int) -> None:
        self._parsed += size
        if self._parsed > self.header_limit:
            self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise HeadersTooLarge

    def _start_timer(self) -> None:
        self._stop_timer()
        self._header_timer = self.loop.call_later(self.header_seconds, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._stop_timer()
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(line.encode("ascii"))
        self.transport.close()


def bounded(header_limit: int, header_seconds: float) -> type[BoundedProtocol]:
    """The protocol class for uvicorn, with these bounds."""
    return type("BoundedProtocol", (BoundedProtocol,), {"header_limit": header_limit, "header_seconds": header_seconds})
