"""`GET /metrics`: for those whom `http.admin` lets in, and how often the database is asked for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from starlette.responses import PlainTextResponse, Response

from edgewright.auth import audit
from edgewright.errors import AccessDenied, DatabaseUnavailable
from edgewright.http.threads import in_thread
from edgewright.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from edgewright.http.admin import AdminAccess
    from edgewright.telemetry.requests import RequestCounters
    from edgewright.telemetry.snapshot import Snapshot

KEPT_SECONDS = 10.0
"""How long a snapshot is good for: many scrapers cost what one does."""

log = structlog.get_logger(__name__)


class Metrics:
    """The page, for those who may read it."""

    def __init__(
        self,
        access: AdminAccess,
        take_snapshot: Callable[[], Snapshot],
        counters: RequestCounters,
        liveness_seconds: float,
    ) -> None:
        """Keep the parts.

        Args:
            access: who may read.
            take_snapshot: asks the database; it may take a while, and may raise DatabaseUnavailable.
            counters: what this process has counted of its requests.
            liveness_seconds: how old a worker's heartbeat is when it counts as dead.
        """
        self._access = access
        self._liveness_seconds = liveness_seconds
        self._take_snapshot = take_snapshot
        self._counters = counters
        self._kept: tuple[float, Snapshot | None] = (-KEPT_SECONDS, None)

    async def page(self, request: Request) -> Response:
        """`GET /metrics`."""
        refusal = self._refusal(request)
        if refusal is not None:
            audit.refused(AccessDenied(bytes(refusal.body).decode().strip()), None, f"{request.method} /metrics")
            return refusal
        body, content_type = await in_thread(
            metrics.page, self._snapshot, self._counters, request.headers.get("accept", ""), self._liveness_seconds
        )
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    def _refusal(self, request: Request) -> Response | None:
        mode = self._access.mode
        if mode == "off":
            return PlainTextResponse("Metrics are off: see the setting `metrics`.\n", 404)
        if not self._access.is_named(request):
            return PlainTextResponse(
                "The Host of the request is no name of this server: see the setting `admin.allowed_hosts`.\n", 421
            )
        if self._access.has_right(request):
            return None
        if mode == "token":
            challenge = {"www-authenticate": 'Bearer realm="metrics"'}
            return PlainTextResponse("Metrics need the bearer token of `metrics_token`.\n", 401, headers=challenge)
        return PlainTextResponse("Metrics are for this host alone: see the settings `metrics` and `admin`.\n", 403)

    def _snapshot(self) -> Snapshot | None:
        """The snapshot, not older than `KEPT_SECONDS`; None where the database cannot be read."""
        taken, snapshot = self._kept
        now = time.monotonic()
        if snapshot is None or now - taken >= KEPT_SECONDS:
            try:
                snapshot = self._take_snapshot()
            except DatabaseUnavailable as error:
                log.warning("metrics without the database", reason=error.message)
                snapshot = None
            self._kept = (now, snapshot)
        return snapshot
