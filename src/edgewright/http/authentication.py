"""Who sends an HTTP request: what `auth.authenticator` wants to know, taken out of requests.

Pages that are no operation of AWS's are signed as calls of the API are, or come with the console's session.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response

from edgewright.auth import audit
from edgewright.auth.sessions import COOKIE
from edgewright.protocol.signature import Request as SignedRequest

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.auth.authenticator import Authenticator
    from edgewright.auth.identity import Identity
    from edgewright.http.service_protocols import Scope, ServiceProtocol

Page = Callable[["Request", "Identity"], Awaitable[Response]]

log = structlog.get_logger(__name__)


def signed_request(scope: Scope) -> SignedRequest:
    """A request as its signature covers it, but for the body, which may not have come yet."""
    return SignedRequest(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], b"")


@dataclass(frozen=True, slots=True)
class PageAuthentication:
    """Lets callers of the API and users of the console see a page.

    Attributes:
        authenticator: identifies them.
        service_protocol: of the service that signatures are for; errors are worded as its own.
    """

    authenticator: Authenticator
    service_protocol: ServiceProtocol

    async def answer(self, request: Request, page: Page) -> Response:
        """The page for who sends the request; an error is answered as the API would, and logged where it is ours."""
        identity: Identity | None = None
        try:
            identity = self._identify(request)
            return await page(request, identity)
        except Exception as error:  # noqa: BLE001 - as the API's: every error has an answer
            audit.refused(error, identity.principal if identity else None, f"{request.method} {request.url.path}")
            return self._refusal(error)

    def _identify(self, request: Request) -> Identity:
        """A signature that is there counts, whatever cookie comes beside it."""
        if "authorization" not in request.headers and "X-Amz-Signature" not in request.query_params:
            found = self.authenticator.by_session(request.cookies.get(COOKIE, ""))
            if found is not None:
                return found[1]
        service = self.service_protocol.service.signing_name
        return self.authenticator.by_signature(self.authenticator.claim(signed_request(request.scope), service), b"")

    def _refusal(self, error: Exception) -> Response:
        code, reply = self.service_protocol.refusal(error)
        if reply.status >= 500:
            log.error("page failed", code=code, exc_info=error)
        headers = {name.decode("ascii"): value.decode("ascii") for name, value in reply.headers}
        return Response(reply.body, reply.status, headers | {"cache-control": "no-store"})
