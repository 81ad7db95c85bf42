"""The API: a request read up to the body cap, its signature checked, answered by an operation.

What differs from protocol to protocol is behind `http.service_protocols`.

Nothing behind this room knows HTTP or asyncio. A call goes through `_answer` step by step, and the one catch-all of
the API is there: whatever an operation raises becomes an AWS error.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import structlog
from starlette.concurrency import run_in_threadpool

from edgewright.errors import RequestTooLarge
from edgewright.http.connection import WHOLE
from edgewright.http.dispatch import perform
from edgewright.logs import REQUEST_ID
from edgewright.operations import QUICK, Caller, Context
from edgewright.protocol.signature import Request
from edgewright.telemetry.requests import UNKNOWN

if TYPE_CHECKING:
    from edgewright.auth.principals import Principal
    from edgewright.auth.sigv4 import Signed, Verifier
    from edgewright.auth.throttling import Throttle
    from edgewright.http.service_protocols import Reply, Scope, ServiceProtocol
    from edgewright.telemetry.requests import RequestCounters

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CALLERS = 1024
"""Callers whose context is kept: accounts and regions, and the addresses that they have of this server."""
CLOSE = (b"connection", b"close")
OK = "OK"
OPERATION = "edgewright.operation"
"""Where a scope holds the name of its operation, once that is known."""
NO_CONTENT = 204
DISCARDED = 8
"""Times the body limit that is read of a body that is refused."""
log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What requests may ask of the server."""

    body_limit: int
    """Bytes of a body."""
    embedded: bool
    """The database is a file on this host, so that one row is read faster than a thread is reached."""
    throttle: Throttle | None = None
    """Bounds the requests that may come; shared by all services. None for no bound."""


class Api:
    """The ASGI application of one service."""

    def __init__(
        self,
        wire: ServiceProtocol,
        verifier: Verifier[Principal],
        context_for: Callable[[Caller], Context],
        bounds: Bounds,
        tally: RequestCounters,
    ) -> None:
        """Keep the parts.

        Args:
            wire: how the service is spoken.
            verifier: checks signatures, and knows who has which access key.
            context_for: makes an operation's context for a caller.
            bounds: what one request may ask, and how many may come.
            tally: counts them; shared by all services.
        """
        self._wire = wire
        self._verifier = verifier
        # A caller's context is the same for every call.
        self._context = lru_cache(maxsize=CALLERS)(lambda *caller: context_for(Caller(*caller)))
        self._body_limit = bounds.body_limit
        self._throttle = bounds.throttle
        self._tally = tally
        self._request_ids = _request_ids()
        self._debug = log.bind().debug  # the bound logger's own: to find it costs more than not to write
        self._inline = QUICK if bounds.embedded else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        begun, code = time.perf_counter(), OK
        request_id = next(self._request_ids)
        REQUEST_ID.set(request_id)  # of this task alone: each request has its own
        try:
            reply = await self._answer(scope, receive)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the API's one catch-all: every error has an answer
            code, reply = _error_reply(self._wire, error)
        await _send(scope, send, reply, request_id)
        operation, seconds = scope.get(OPERATION, UNKNOWN), time.perf_counter() - begun
        self._tally.count(operation, code, seconds)
        self._debug("request", operation=operation, code=code, seconds=seconds)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        """Sync code crosses to async here and nowhere else: what may wait runs in a thread."""
        body = await read_body(scope, receive, self._body_limit)
        signed = self._verified(scope, body)
        if self._throttle is not None:
            self._throttle.take(signed.holder.access_key_id, time.monotonic())
        operation, request = self._wire.read(scope, body)
        scope[OPERATION] = operation.name
        context = self._context(signed.holder.account, signed.region, self._wire.endpoint(scope))
        call = (self._wire, signed.holder, context, operation, request)
        response = perform(*call) if operation.name in self._inline else await run_in_threadpool(perform, *call)
        return self._wire.reply(operation, response)

    def _verified(self, scope: Scope, body: bytes) -> Signed[Principal]:
        request = Request(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], body)
        return self._verifier.verify(request, datetime.now(UTC))


def _request_ids() -> Iterator[str]:
    """Names of calls in the form of UUIDs: random for each process, then counted. They need be no secret."""
    prefix = str(uuid.uuid4())[:24]
    return (f"{prefix}{number:012x}" for number in itertools.count(random.getrandbits(40)))


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, refused where it is over the limit, announced or not.

    A body that is not far over the limit is read to its end and thrown away: a client that is still sending when the
    connection closes sees a broken connection, and not the refusal.

    Raises:
        RequestTooLarge: it is over the limit.
        Disconnected: the client went away.
    """
    message = await receive()
    if not message.get("more_body", False) and message["type"] == "http.request":  # whole at once, as nearly all are
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if announced.isdigit() and int(announced) > limit * DISCARDED:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    while message["type"] != "http.disconnect":
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        last = not message.get("more_body", False)
        if size > limit * DISCARDED or (size > limit and last):
            raise _too_large(limit)
        if last:
            return b"".join(pieces)
        message = await receive()
    raise Disconnected


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request's body is larger than {limit} bytes.")


def _error_reply(wire: ServiceProtocol, error: Exception) -> tuple[str, Reply]:
    """The AWS error for anything raised, its code first; what is not the caller's fault is logged whole."""
    code, reply = wire.refusal(error)
    if reply.status >= 500:
        log.error("request failed", code=code, exc_info=error)
    if isinstance(error, RequestTooLarge):
        return code, reply._replace(headers=(*reply.headers, CLOSE))  # what is left of the body is not waited for
    return code, reply


async def _send(scope: Scope, send: Send, reply: Reply, request_id: str) -> None:
    headers = [(b"x-amzn-requestid", request_id.encode("ascii")), *reply.headers]
    if reply.status != NO_CONTENT:  # whose answers have no length, not even 0
        headers.append((b"content-length", b"%d" % len(reply.body)))
        whole = scope["extensions"].get(WHOLE) if "extensions" in scope and CLOSE not in headers else None
        if whole is not None and whole(reply.status, headers, reply.body):
            return
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
