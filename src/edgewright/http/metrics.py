"""`GET /metrics`: who may read it, and how often the database is asked for it.

The figures are private to those who run the service: by default only this host may read it.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
from typing import TYPE_CHECKING

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from edgewright.errors import DatabaseUnavailable
from edgewright.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from edgewright.settings import Settings
    from edgewright.telemetry.requests import RequestCounters
    from edgewright.telemetry.snapshot import Snapshot

KEPT_SECONDS = 10.0
"""How long a snapshot is good for: many scrapers cost what one does."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers of a request that came through a proxy: its address is the proxy's, which may well be on this host."""

log = structlog.get_logger(__name__)


class Metrics:
    """The page, for those who may read it."""

    def __init__(self, settings: Settings, take_snapshot: Callable[[], Snapshot], counters: RequestCounters) -> None:
        """Keep the parts.

        Args:
            settings: who may read, and when a worker counts as dead.
            take_snapshot: asks the database; it may take a while, and may raise DatabaseUnavailable.
            counters: what this process has counted of its requests.
        """
        self._readers = settings.metrics
        self._lapse_seconds = settings.worker.liveness_timeout_seconds
        token = settings.metrics_token
        self._token = b"" if token is None else token.get_secret_value().encode()
        self._take_snapshot = take_snapshot
        self._counters = counters
        self._kept: tuple[float, Snapshot | None] = (-KEPT_SECONDS, None)

    async def page(self, request: Request) -> Response:
        """`GET /metrics`."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        body, content_type = await run_in_threadpool(
            metrics.page, self._snapshot, self._counters, request.headers.get("accept", ""), self._lapse_seconds
        )
        return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})

    def _refusal(self, request: Request) -> Response | None:
        if self._readers == "off":
            return PlainTextResponse("Metrics are off: see the setting `metrics`.\n", 404)
        if self._readers == "token" and not self._has_token(request):
            challenge = {"www-authenticate": 'Bearer realm="metrics"'}
            return PlainTextResponse("Metrics need the bearer token of `metrics_token`.\n", 401, headers=challenge)
        if self._readers == "loopback" and not _is_local(request):
            return PlainTextResponse("Metrics are for this host alone: see the setting `metrics`.\n", 403)
        return None

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token)

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


def _is_local(request: Request) -> bool:
    """Whether a request came from this host, and through no proxy."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
