"""The wire: `POST /` in AWS JSON 1.1, read up to the body cap, its signature checked, answered by an operation.

Nothing behind this room knows HTTP or asyncio. A call goes through `_answer` step by step, and the one catch-all of
the API is there: whatever an operation raises becomes an AWS error.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from starlette.concurrency import run_in_threadpool

from edgewright import protocol
from edgewright.errors import RequestTooLarge, UnknownOperation
from edgewright.http.authorization import EVERYTHING, Wanted, authorize
from edgewright.http.sigv4 import Request, Verifier
from edgewright.http.throttling import Throttle
from edgewright.operations import OPERATIONS, QUICK, Caller, Context

if TYPE_CHECKING:
    from edgewright.http.principals import Principal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CONTENT_TYPE = (b"content-type", b"application/x-amz-json-1.1")
DISCARDED = 8
"""Times the body limit that is read of a body that is refused."""
log = structlog.get_logger(__name__)


class Disconnected(Exception):
    """The client went away before its request was whole."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status, a body, and headers beside those that every answer has."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request, and one principal's requests together, may ask of the server."""

    body_limit: int
    """Bytes of a body."""
    requests_per_second: float | None
    """For one access key; None for no limit."""
    request_burst: int
    """Requests that may come at once."""


class Api:
    """The ASGI application behind `POST /`."""

    def __init__(
        self,
        service: protocol.Service,
        verifier: Verifier[Principal],
        context_for: Callable[[Caller], Context],
        bounds: Bounds,
        *,
        embedded: bool,
    ) -> None:
        """Keep the parts.

        Args:
            service: the service model that requests and responses follow.
            verifier: checks signatures, and knows who has which access key.
            context_for: makes an operation's context for a caller.
            bounds: how large and how slow a body may be, and how many requests may come.
            embedded: the database is a file on this host, so that one row is read faster than a thread is reached.
        """
        self._service = service
        self._verifier = verifier
        self._context_for = context_for
        self._bounds = bounds
        rate = bounds.requests_per_second
        self._throttle = None if rate is None else Throttle(rate, bounds.request_burst)
        self._inline = QUICK if embedded else frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = str(uuid.UUID(int=random.getrandbits(128), version=4))  # names a call, and need be no secret
        begun = time.perf_counter()
        try:
            reply = await self._answer(scope, receive)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001 - the API's one catch-all: every error has an answer
            reply = _error_reply(error, request_id)
        await _send(send, reply, request_id)
        log.debug(
            "answered",
            request_id=request_id,
            operation=_target(scope),
            status=reply.status,
            milliseconds=round((time.perf_counter() - begun) * 1000, 2),
        )

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        body = await _read_body(scope, receive, self._bounds.body_limit)
        principal, caller = self._verified(scope, body)
        if self._throttle is not None:
            self._throttle.take(principal.access_key_id, time.monotonic())
        operation = self._operation(_target(scope))
        request = protocol.parse_request(operation, body)
        if principal.rights is not EVERYTHING:
            authorize(principal.arn, principal.rights, Wanted.of(operation.name, request, caller.arn_prefix))
        protocol.validate(operation, request)
        response = await self._run(operation.name, self._context_for(caller), request)
        return Reply(200, protocol.serialize_response(operation, response))

    def _verified(self, scope: Scope, body: bytes) -> tuple[Principal, Caller]:
        request = Request(
            method=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=scope["headers"],
            body=body,
        )
        signed = self._verifier.verify(request, datetime.now(UTC))
        return signed.holder, Caller(signed.holder.account, signed.region)

    def _operation(self, target: str) -> protocol.Operation:
        name = target.removeprefix(f"{self._service.target_prefix}.")
        operation = self._service.operations.get(name)
        if operation is None or name == target:
            raise UnknownOperation(f"'{target}' in X-Amz-Target names no operation of this service.")
        if name not in OPERATIONS:
            raise UnknownOperation(f"{name} is not implemented yet. Implemented are: {', '.join(sorted(OPERATIONS))}.")
        return operation

    async def _run(self, name: str, context: Context, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Sync code crosses to async here and nowhere else: what may wait runs in a thread."""
        if name in self._inline:
            return OPERATIONS[name](context, request)
        return await run_in_threadpool(OPERATIONS[name], context, request)


def _target(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-amz-target"), "")


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body, refused where it is over the limit, announced or not.

    A body that is not far over the limit is read to its end and thrown away: a client that is still sending when the
    connection closes sees a broken connection, and not the refusal.
    """
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if announced.isdigit() and int(announced) > limit * DISCARDED:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        piece = message.get("body", b"")
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        if size > limit * DISCARDED or (size > limit and not message.get("more_body", False)):
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(pieces)


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"The request's body is larger than {limit} bytes.")


def _error_reply(error: Exception, request_id: str) -> Reply:
    """The AWS error for anything raised; what is not the caller's fault is logged whole."""
    reply = protocol.error_reply(error)
    if reply.status >= 500:  # noqa: PLR2004 - HTTP's server errors
        log.error("request failed", request_id=request_id, code=reply.code, exc_info=error)
    headers = [(b"x-amzn-errortype", reply.code.encode("ascii"))]
    if isinstance(error, RequestTooLarge):
        headers.append((b"connection", b"close"))  # what is left of the body is not waited for
    return Reply(reply.status, reply.body, tuple(headers))


async def _send(send: Send, reply: Reply, request_id: str) -> None:
    headers = [
        (b"x-amzn-requestid", request_id.encode("ascii")),
        CONTENT_TYPE,
        (b"content-length", str(len(reply.body)).encode("ascii")),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
