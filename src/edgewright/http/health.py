"""Health: whether the process answers, and whether it can do what it is there for.

`/health/live` says that the process answers: for those who restart processes. `/health/ready` says whether a
request would find what it needs: for those who send requests. Neither says anything that is secret, and what the checks
found, and the version, is only for those whom `http.admin` lets in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.responses import JSONResponse

from edgewright import __version__
from edgewright.errors import EdgewrightError

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.http.admin import AdminAccess

MOST_SECONDS = 3.0
"""What the checks may take; one that takes longer has failed."""
KEPT_SECONDS = 1.0
"""How long an answer is kept, so that probes cost little."""
MOST_THREADS = 12
NOT_READY = 503

Check = Callable[[], str]
"""Says in a few words what it found; raises an error of ours where something is wrong. It may take a while."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HealthResult:
    """What one check found.

    Attributes:
        status: `ok`, `failed`, or `warning` where requests are answered all the same.
        detail: in a few words, without names of hosts, paths or users.
    """

    status: str
    detail: str

    @property
    def ok(self) -> bool:
        """Whether requests can be answered."""
        return self.status != "failed"


class Health:
    """The two pages."""

    def __init__(self, access: AdminAccess, checks: Mapping[str, Check], advice: Mapping[str, Check]) -> None:
        """Keep the checks.

        Args:
            access: who may have details.
            checks: what must hold for the service to be ready.
            advice: what only warns: a server without workers takes jobs that no worker does yet.
        """
        self._access = access
        self._checks = checks
        self._advice = advice
        self._kept: tuple[float, dict[str, HealthResult]] = (-KEPT_SECONDS, {})
        self._threads = CapacityLimiter(MOST_THREADS)
        self._looking: asyncio.Task[dict[str, HealthResult]] | None = None

    async def live(self, request: Request) -> JSONResponse:
        """`GET /health` and `GET /health/live`: the process answers."""
        details = {"version": __version__} if self._access.permits(request) else {}
        return JSONResponse({"status": "ok", **details}, headers={"cache-control": "no-store"})

    async def ready(self, request: Request) -> JSONResponse:
        """`GET /health/ready`: each check with what it found; 503 where one has failed."""
        results = await self._results()
        ready = all(result.ok for result in results.values())
        body: dict[str, Any] = {"status": "ready" if ready else "not ready"}
        if self._access.permits(request):
            checks = {name: {"status": found.status, "detail": found.detail} for name, found in results.items()}
            body |= {"version": __version__, "checks": checks}
        return JSONResponse(body, 200 if ready else NOT_READY, headers={"cache-control": "no-store"})

    async def _results(self) -> dict[str, HealthResult]:
        """What the checks found, not longer ago than `KEPT_SECONDS`; who asks meanwhile waits for the same look."""
        taken, results = self._kept
        if results and time.monotonic() - taken < KEPT_SECONDS:
            return results
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> dict[str, HealthResult]:
        tries = [self._tried(check, "failed") for check in self._checks.values()]
        tries += [self._tried(check, "warning") for check in self._advice.values()]
        results = dict(zip((*self._checks, *self._advice), await asyncio.gather(*tries), strict=True))
        self._kept = (time.monotonic(), results)
        return results

    async def _tried(self, check: Check, otherwise: str) -> HealthResult:
        try:
            # A check that does not come back is left to itself; threads of their own keep it from holding others up.
            found = run_sync(check, abandon_on_cancel=True, limiter=self._threads)
            return HealthResult("ok", await asyncio.wait_for(found, MOST_SECONDS))
        except TimeoutError:
            return HealthResult(otherwise, f"no answer within {MOST_SECONDS:g} seconds")
        except EdgewrightError as error:
            log.warning("health check failed", reason=error.message)
            return HealthResult(otherwise, type(error).__name__)  # its message may name hosts and paths
        except Exception:  # a check that breaks down says that nothing is well
            log.exception("health check broke down")
            return HealthResult(otherwise, "the check broke down; see the log")
