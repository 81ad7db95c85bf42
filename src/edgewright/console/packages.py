"""A job's package itself: downloaded, and verified where it is stored.

Verifying reads the object in a thread and shows how far it is while it does: one answer, in pieces that the script
shows as they come. So no server has to remember a verification, and any of them may do it.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from starlette.responses import Response, StreamingResponse

from edgewright.console import rendering
from edgewright.errors import (
    CallerError,
    EdgewrightError,
    JobStopped,
    PackageRefused,
    ResourceNotFound,
    Throttled,
)
from edgewright.http.packages import NO_PACKAGE
from edgewright.http.threads import in_thread
from edgewright.stores import ObjectStore, S3Uri

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from edgewright.console.page_requests import PageRequest
    from edgewright.limits import Limits
    from edgewright.packaging import Verified
    from edgewright.packaging.own_package import OwnPackage
    from edgewright.signing.keys import PublicKey

AT_ONCE = 2
"""Verifications that one server does at a time."""
BUSY = f"{AT_ONCE} verifications run on this server already. Try again when one of them has ended."
TOLD_SECONDS = 0.15
"""Between two pieces of an answer."""
NEXT = b"\x00"
"""Ends a piece; no text has this character."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """How a verification ended.

    Attributes:
        verified: what was checked; None where the package does not hold.
        fault: why it does not hold.
        size: bytes that were read.
        seconds: that it took.
    """

    verified: Verified | None
    fault: str
    size: int
    seconds: float


class Packages:
    """Downloads of packages, and their verification."""

    def __init__(self, trusted: Callable[[], list[PublicKey]], limits: Limits) -> None:
        """Keep the parts.

        Args:
            trusted: reads every key that the service knows, with its state.
            limits: what a package may hold.
        """
        self._trusted = trusted
        self._limits = limits
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def trusted(self) -> list[PublicKey]:
        """The public keys that the service knows, the retired and the revoked ones too."""
        return self._trusted()

    def download(self, page_request: PageRequest) -> Response:
        """`GET /console/jobs/<name>/package`: the package's bytes, for those who may read the object.

        Where the bytes turn out not to be the job's, the answer breaks off before its end.
        """
        own, uri, objects = self._package_of(page_request)
        page_request.api.authorize_download(uri)
        own.check()
        size = objects.size(uri)
        name = uri.key.rpartition("/")[2]
        headers = {
            **rendering.HEADERS,
            **rendering.PRIVATE,
            "content-length": str(size),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        pieces = (memoryview(piece) for piece in own.checked(objects.read(uri)))
        return StreamingResponse(pieces, headers=headers, media_type="application/gzip")

    async def verify(self, page_request: PageRequest) -> Response:
        """`POST /console/jobs/<name>/verify`: read and check the object; the script gets the answer in pieces."""
        work = await in_thread(self._prepared, page_request)
        if page_request.fragment:
            headers = {**rendering.HEADERS, **rendering.PRIVATE, "x-accel-buffering": "no"}
            return StreamingResponse(work.stream(page_request, work.start()), headers=headers, media_type="text/html")
        result = await work.start()
        return page_request.page("verified.html", result=result, name=page_request.place["name"])

    def _prepared(self, page_request: PageRequest) -> _Work:
        own, uri, objects = self._package_of(page_request)
        if not self._free.acquire(blocking=False):
            raise Throttled(BUSY)
        try:
            size, trusted = objects.size(uri), self._trusted()
        except BaseException:
            self._free.release()
            raise

        def check(progress: Callable[[int], None]) -> Verified:
            return own.verify(objects.read(uri), trusted, limits=self._limits, progress=progress)

        return _Work(check, size, self._free.release)

    @staticmethod
    def _package_of(page_request: PageRequest) -> tuple[OwnPackage, S3Uri, ObjectStore]:
        """The job's package, where it was written, and the store as the job's own role may use it.

        Raises:
            ResourceNotFound: the job has none.
            RoleRefused: the service is not given the job's role any more.
        """
        name = page_request.place["name"]
        job = page_request.api.packaging_job(name)
        if job.model_artifact is None:
            raise ResourceNotFound(NO_PACKAGE)
        objects = page_request.api.objects(job.role_arn, name)
        return page_request.api.own_package(job), S3Uri.parse(job.model_artifact), objects


class _Work:
    """One verification."""

    def __init__(
        self, check: Callable[[Callable[[int], None]], Verified], size: int, release: Callable[[], None]
    ) -> None:
        self._check = check
        self._size = size
        self._release = release
        self._done = 0
        self._stop = threading.Event()
        self._begun = time.monotonic()

    def start(self) -> asyncio.Future[Result]:
        """Begin at once, so that it ends whether anybody listens or not."""
        return asyncio.ensure_future(in_thread(self._run))

    def _run(self) -> Result:
        try:
            return self._result(self._check(self._note), "")
        except (PackageRefused, CallerError) as error:
            return self._result(None, error.message)
        except EdgewrightError as error:
            log.warning("package not verified", reason=error.message)
            return self._result(None, f"The package could not be read: {error.message}")
        finally:
            self._release()

    async def stream(self, page_request: PageRequest, work: asyncio.Future[Result]) -> AsyncIterator[bytes]:
        """Pieces of HTML while a thread verifies, and the result last."""
        try:
            while not (await asyncio.wait({work}, timeout=TOLD_SECONDS))[0]:
                yield self._piece(page_request, "verifying.html", done=self._done, total=self._size, rate=self._rate())
            yield self._piece(page_request, "verified_result.html", result=await work)
        finally:
            self._stop.set()  # the browser may be gone

    def _note(self, done: int) -> None:
        if self._stop.is_set():
            raise JobStopped("The verification is not waited for any more.")
        self._done = done

    def _rate(self) -> float:
        return self._done / max(time.monotonic() - self._begun, 1e-3)

    def _result(self, verified: Verified | None, fault: str) -> Result:
        return Result(verified, fault, self._size, time.monotonic() - self._begun)

    @staticmethod
    def _piece(page_request: PageRequest, template: str, **names: Any) -> bytes:
        return rendering.render(template, request=page_request, **names).encode() + NEXT
