"""The API: a request of a known access key, read up to the body cap, its signature checked, answered by an operation.

What differs from protocol to protocol is behind `http.service_protocols`.

Nothing below this package knows HTTP or asyncio. A request goes through `_answer` step by step, and whatever is raised
there becomes an AWS error in `__call__`: the API's one catch-all.
"""

from __future__ import annotations

import itertools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import structlog

from edgewright.auth import audit
from edgewright.auth.dispatch import dispatch
from edgewright.errors import CallerError, RequestTooLarge
from edgewright.http.authentication import signed_request
from edgewright.http.bodies import Disconnected
from edgewright.http.service_protocols import header
from edgewright.http.threads import in_thread
from edgewright.logs import REQUEST_ID
from edgewright.operations import OPERATIONS, Caller, Context
from edgewright.telemetry.requests import UNKNOWN

if TYPE_CHECKING:
    from edgewright.auth.authenticator import Authenticator
    from edgewright.http.bodies import Bodies, Receive
    from edgewright.http.service_protocols import Reply, Scope, ServiceProtocol
    from edgewright.telemetry.requests import RequestCounters

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

CALLERS = 1024
"""Callers whose context is kept: accounts and regions, and the addresses that they have of this server."""
CLOSE = (b"connection", b"close")
OK = "OK"
OPERATION = "edgewright.operation"
"""Where a scope holds the name of its operation, once that is known."""
PRINCIPAL = "edgewright.principal"
"""Where a scope holds who signed the request, once that is known."""
NO_CONTENT = 204
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RequestBounds:
    """What a request may ask of the server, and how it is answered."""

    bodies: Bodies
    """Reads bodies up to their cap; shared by all services."""
    embedded: bool
    """The database is a file on this host, so that one row is read faster than a thread is reached."""


class Api:
    """The ASGI application of one service."""

    def __init__(
        self,
        service_protocol: ServiceProtocol,
        authenticator: Authenticator,
        context_for: Callable[[Caller], Context],
        bounds: RequestBounds,
        counters: RequestCounters,
    ) -> None:
        """Keep the parts.

        Args:
            service_protocol: how the service is spoken.
            authenticator: identifies callers; shared by all services, as are the counters.
            context_for: makes an operation's context for a caller.
            bounds: what one request may ask.
            counters: of requests.
        """
        self._protocol = service_protocol
        self._service = service_protocol.service.signing_name
        self._authenticator = authenticator
        # A caller's context is the same for every request.
        self._context = lru_cache(maxsize=CALLERS)(lambda *caller: context_for(Caller(*caller)))
        self._bodies = bounds.bodies
        self._counters = counters
        self._request_ids = _request_ids()
        self._debug = log.bind().debug  # the bound logger's own: to find it costs more than not to write
        self._embedded = bounds.embedded

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
            audit.refused(error, scope.get(PRINCIPAL), scope.get(OPERATION) or _asked(scope))
            code, reply = _error_reply(self._protocol, error)
        await _send(send, reply, request_id)
        operation, seconds = scope.get(OPERATION, UNKNOWN), time.perf_counter() - begun
        self._counters.count(operation, code, seconds)
        self._debug("request", operation=operation, code=code, seconds=seconds)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        """Sync code crosses to async here and nowhere else: what may wait runs in a thread."""
        try:
            claim = self._authenticator.claim(signed_request(scope), self._service)
        except CallerError:
            await self._bodies.discard(scope, receive)
            raise
        body = await self._bodies.read(scope, receive)
        identity = self._authenticator.by_signature(claim, body)
        scope[PRINCIPAL] = identity.principal
        operation, request = self._protocol.read(scope, body)
        scope[OPERATION] = operation.name
        context = self._context(*identity.scope, self._protocol.endpoint(scope))
        call = (identity, context, operation, request)
        inline = self._embedded and OPERATIONS[operation.name].is_quick(request)
        response = dispatch(*call) if inline else await in_thread(dispatch, *call)
        return self._protocol.reply(operation, response)


def _asked(scope: Scope) -> str:
    """What a request asks for whose operation is not known, in the client's own words."""
    target = header(scope, b"x-amz-target")
    return f"{scope['method']} {scope['raw_path'].decode('latin-1')}" + (f" {target}" if target else "")


def _request_ids() -> Iterator[str]:
    """Names of requests in the form of UUIDs: random for each process, then counted. They need be no secret."""
    prefix = str(uuid.uuid4())[:24]
    return (f"{prefix}{number:012x}" for number in itertools.count(random.getrandbits(40)))


def _error_reply(service_protocol: ServiceProtocol, error: Exception) -> tuple[str, Reply]:
    """The AWS error for anything raised, its code first; what is not the caller's fault is logged whole."""
    code, reply = service_protocol.refusal(error)
    if reply.status >= 500:
        log.error("request failed", code=code, exc_info=error)
    if isinstance(error, RequestTooLarge):
        return code, reply._replace(headers=(*reply.headers, CLOSE))  # what is left of the body is not waited for
    return code, reply


async def _send(send: Send, reply: Reply, request_id: str) -> None:
    headers = [(b"x-amzn-requestid", request_id.encode("ascii")), *reply.headers]
    if reply.status != NO_CONTENT:  # whose answers have no length, not even 0
        headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
