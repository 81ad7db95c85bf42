"""The bodies of requests: read up to a cap, each and all together, or read past."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from edgewright.errors import RequestTooLarge, Throttled

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

DISCARDED = 8
"""Times the limit that is read of a body that is refused."""
TOGETHER = 32
"""Times the limit that is held of bodies that are not whole."""


class Disconnected(Exception):
    """The client went away before its request was whole."""


class Bodies:
    """Reads the bodies of one server's requests. For one thread: the event loop's."""

    def __init__(self, limit: int) -> None:
        """Keep the limit: bytes of one body."""
        self._limit = limit
        self._held = 0

    async def read(self, scope: Scope, receive: Receive, limit: int | None = None) -> bytes:
        """The whole body, refused where it is over the limit, announced or not.

        A body that is not far over the limit is read to its end and thrown away: a client that is still sending when
        the connection closes sees a broken connection, and not the refusal.

        Args:
            scope: of the request.
            receive: of the request.
            limit: where it is lower than usual.

        Raises:
            RequestTooLarge: it is over the limit.
            Throttled: the bodies that are being received are too many bytes together.
            Disconnected: the client went away.
        """
        cap = self._limit if limit is None else limit
        message = await receive()
        if not message.get("more_body", False) and message["type"] == "http.request":  # whole at once, as nearly all
            body: bytes = message.get("body", b"")
            if len(body) > cap:
                raise _too_large(cap)
            return body
        return await self._joined(scope, receive, message, cap)

    async def discard(self, scope: Scope, receive: Receive) -> None:
        """Read past the body of a request that is refused, so that the client, still sending, sees why.

        A client that waits to be asked for the body is not asked.

        Raises:
            RequestTooLarge: it is over the limit.
            Disconnected: the client went away.
        """
        if not any(name == b"expect" for name, _ in scope["headers"]):
            await self._joined(scope, receive, await receive(), self._limit, keep=False)

    async def _joined(
        self, scope: Scope, receive: Receive, message: MutableMapping[str, Any], limit: int, *, keep: bool = True
    ) -> bytes:
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > limit * DISCARDED:
            raise _too_large(limit)
        pieces: list[bytes] = []
        size = held = 0
        try:
            while message["type"] != "http.disconnect":
                piece = message.get("body", b"")
                size += len(piece)
                if keep and size <= limit:
                    if self._held + len(piece) > self._limit * TOGETHER:
                        raise Throttled("Too many bodies of requests are on their way to this server. Try again later.")
                    pieces.append(piece)
                    held += len(piece)
                    self._held += len(piece)
                last = not message.get("more_body", False)
                if size > limit * DISCARDED or (size > limit and last):
                    raise _too_large(limit)
                if last:
                    return b"".join(pieces)
                message = await receive()
            raise Disconnected
        finally:
            self._held -= held


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request's body is larger than {limit} bytes.")
