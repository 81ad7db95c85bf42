"""`GET /progress`: how far jobs are, in bytes, which Describe has no member for.

`edgewright jobs watch` asks it, from any host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.http.threads import in_thread
from edgewright.jobs import JobKey, Kind, ListQuery, PackagingJob, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.requests import Request

    from edgewright.auth.identity import Identity
    from edgewright.http.authentication import PageAuthentication
    from edgewright.jobs import Job, JobStore

MOST = 100
"""Jobs of one answer."""


class ProgressPages:
    """The page."""

    def __init__(self, authentication: PageAuthentication, jobs: JobStore) -> None:
        self._authentication = authentication
        self._jobs = jobs

    async def page(self, request: Request) -> Response:
        """`GET /progress`: the edge packaging jobs that are named by `name`, else those that have not ended."""
        return await self._authentication.answer(request, self._page)

    async def _page(self, request: Request, viewer: Identity) -> Response:
        names = _names(request)
        found = await in_thread(lambda: [_shown(job) for job in self._found(viewer, names)])
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        return Response(orjson.dumps({"jobs": found}), headers=headers)

    def _found(self, viewer: Identity, names: Sequence[str]) -> Iterator[Job]:
        for job in self._named(viewer, names) if names else self._unfinished(viewer):
            if viewer.may_see(job.key):
                yield job

    def _named(self, viewer: Identity, names: Sequence[str]) -> Iterator[Job]:
        """Those that are there; who asks sees which are missing."""
        for name in dict.fromkeys(names):
            try:
                yield self._jobs.get(JobKey(Kind.PACKAGING, *viewer.scope, name))
            except ResourceNotFound:
                continue

    def _unfinished(self, viewer: Identity) -> Iterator[Job]:
        """Those that run first; the oldest first within each status."""
        account, region = viewer.scope
        left = MOST
        for status in (Status.INPROGRESS, Status.STOPPING, Status.STARTING):
            query = ListQuery(
                kind=Kind.PACKAGING, account=account, region=region, status=status, descending=False, limit=left or 1
            )
            found = self._jobs.list(query).jobs[:left]
            left -= len(found)
            yield from found


def _names(request: Request) -> Sequence[str]:
    names: Sequence[str] = request.query_params.getlist("name")
    if len(names) > MOST:
        raise ValidationFault(f"{len(names)} jobs are named, and {MOST} may be. Ask again for the others.")
    return names


def _shown(job: Job) -> dict[str, Any]:
    assert isinstance(job, PackagingJob)
    return {
        "arn": job.key.arn,
        "name": job.key.name,
        "status": job.status,
        "message": job.status_message,
        "bytesDone": job.bytes_done,
        "bytesTotal": job.bytes_total,
        "attempt": job.attempt,
        "createdAt": job.created_at.isoformat(timespec="milliseconds"),
    }
