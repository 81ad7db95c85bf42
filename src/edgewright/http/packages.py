"""`GET /packages` and `GET /packages/content`: what a job recorded of its package, and what is at its place now.

`edgewright jobs verify` reads both, and compares them where it runs.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edgewright.errors import ResourceNotFound
from edgewright.http.threads import in_thread
from edgewright.jobs import JobKey, Kind, PackagingJob, writers
from edgewright.operations import describe_access
from edgewright.operations.access import reading
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edgewright.auth.identity import Identity
    from edgewright.http.authentication import PageAuthentication
    from edgewright.jobs import JobStore
    from edgewright.roles import Roles

NO_PACKAGE = "This job has no package: only a completed job has one."
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class PackagePages:
    """The pages. A job is named by the query's `name`; its caller must be allowed to describe it."""

    def __init__(self, authentication: PageAuthentication, jobs: JobStore, roles: Roles) -> None:
        self._authentication = authentication
        self._jobs = jobs
        self._roles = roles

    def routes(self) -> list[BaseRoute]:
        """What is served at `/packages`."""
        return [
            Route("/packages", self.recorded, methods=["GET"]),
            Route("/packages/content", self.content, methods=["GET"]),
        ]

    async def recorded(self, request: Request) -> Response:
        """`GET /packages`: what the job recorded, and which jobs wrote to the same place."""
        return await self._authentication.answer(request, self._recorded)

    async def content(self, request: Request) -> Response:
        """`GET /packages/content`: the object as it is, read with the job's role, for those who may read it."""
        return await self._authentication.answer(request, self._content)

    async def _recorded(self, request: Request, viewer: Identity) -> Response:
        own = await in_thread(lambda: writers.own_package(self._jobs, self._job(request, viewer), viewer.may_see))
        return Response(orjson.dumps(asdict(own)), headers=_HEADERS, media_type="application/json")

    async def _content(self, request: Request, viewer: Identity) -> Response:
        size, pieces = await in_thread(lambda: self._opened(self._job(request, viewer), viewer))
        headers = _HEADERS | {"content-length": str(size)}
        return StreamingResponse(pieces, headers=headers, media_type="application/gzip")

    def _job(self, request: Request, viewer: Identity) -> PackagingJob:
        key = JobKey(Kind.PACKAGING, *viewer.scope, request.query_params.get("name", ""))
        viewer.authorize(describe_access(key))
        job = self._jobs.get(key)
        assert isinstance(job, PackagingJob)
        if job.model_artifact is None:
            raise ResourceNotFound(NO_PACKAGE)
        return job

    def _opened(self, job: PackagingJob, viewer: Identity) -> tuple[int, Iterator[memoryview]]:
        uri = S3Uri.parse(job.model_artifact or "")
        viewer.authorize(reading(uri, viewer.region, implied=False))
        objects = self._roles.objects(job.role_arn, job.key.name)
        return objects.size(uri), (memoryview(piece) for piece in objects.read(uri))
