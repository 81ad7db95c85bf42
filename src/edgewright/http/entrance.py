"""The entrance to pages that are no operation of AWS's: signed as its calls are, or with the console's session.

Whoever enters sees what Describe would show them, and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response

from edgewright.auth.rights import EVERYTHING
from edgewright.errors import Throttled
from edgewright.jobs import Kind
from edgewright.protocol.signature import Request as Signable

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.auth.principals import Principal, Principals
    from edgewright.auth.sigv4 import Verifier
    from edgewright.auth.throttling import Throttle
    from edgewright.http.service_protocols import ServiceProtocol
    from edgewright.jobs import JobKey

log = structlog.get_logger(__name__)

DESCRIBES = {Kind.PACKAGING: "sagemaker:DescribeEdgePackagingJob", Kind.COMPILATION: "sagemaker:DescribeCompilationJob"}

Session = Callable[["Request"], "tuple[Principal, str] | None"]
"""Who sends a request by a session's cookie, and the region that they look at."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and at which region's jobs."""

    principal: Principal
    region: str

    @property
    def place(self) -> tuple[str, str]:
        """The account and region whose jobs are meant."""
        return self.principal.account, self.region

    def may_see(self, key: JobKey) -> bool:
        """Whether Describe would show them this job."""
        if (key.account, key.region) != self.place:
            return False
        rights = self.principal.rights
        return rights is EVERYTHING or rights.permit(DESCRIBES[key.kind], key.name)


@dataclass(frozen=True, slots=True)
class Entrance:
    """Finds out who looks.

    Attributes:
        wire: in whose words errors are told.
        verifier: checks signatures.
        principals: who has which access key now.
        throttle: bounds the requests that may come; None for no bound.
        session: finds the console's session; None where there is no console.
    """

    wire: ServiceProtocol
    verifier: Verifier[Principal]
    principals: Principals
    throttle: Throttle | None
    session: Session | None = None

    def viewer(self, request: Request) -> Viewer:
        """Who sends the request.

        Raises:
            CallerError: nobody who may: not signed, not signed well, or too often.
        """
        viewer = self._by_session(request) or self._by_signature(request)
        if self.throttle is not None:
            self.throttle.take(viewer.principal.access_key_id, time.monotonic())
        return viewer

    def still(self, viewer: Viewer) -> bool:
        """Whether the viewer's access key is what it was when they came."""
        return self.principals.get(viewer.principal.access_key_id) == viewer.principal

    def refusal(self, error: Exception) -> Response:
        """The answer to an error, as the API would give it; what is not the caller's fault is logged whole."""
        code, reply = self.wire.refusal(error)
        if reply.status >= 500:
            log.error("page failed", code=code, exc_info=error)
        headers = {name.decode("ascii"): value.decode("ascii") for name, value in reply.headers}
        return Response(reply.body, reply.status, headers | {"cache-control": "no-store"})

    def _by_session(self, request: Request) -> Viewer | None:
        """A signature that is there counts, whatever cookie comes beside it."""
        if self.session is None or "authorization" in request.headers or "X-Amz-Signature" in request.query_params:
            return None
        found = self.session(request)
        return None if found is None else Viewer(*found)

    def _by_signature(self, request: Request) -> Viewer:
        scope = request.scope
        signable = Signable(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"], b"")
        signed = self.verifier.verify(signable, datetime.now(UTC))
        return Viewer(signed.holder, signed.region)


class Crowded(Throttled):
    """More streams than one process keeps open."""
