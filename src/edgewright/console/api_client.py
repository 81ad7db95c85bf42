"""What a signed-in user may do and see: operations of the API, and what the console alone reads.

Nothing here goes around `auth.dispatch` or the caller's rights, and pages reach no store but through this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.auth.dispatch import answer, dispatch
from edgewright.errors import AccessDenied, ResourceNotFound
from edgewright.jobs import (
    CompilationJob,
    Job,
    JobKey,
    Kind,
    LiveWorker,
    PackagingJob,
    ReportStore,
    Status,
    WorkerRegistry,
    writers,
)
from edgewright.jobs.kinds import KINDS
from edgewright.operations import LIST_WORKERS, OPERATIONS, Access, Caller, Context, describe_access
from edgewright.operations.access import reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from edgewright.auth.identity import Identity
    from edgewright.events.outbox import JobEvent, JobEvents
    from edgewright.jobs import Job, JobKey, LiveWorker, ReportStore, WorkerRegistry
    from edgewright.operations import Caller, Context
    from edgewright.packaging.own_package import OwnPackage
    from edgewright.protocol import Operation, Service
    from edgewright.stores import ObjectStore, S3Uri

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Readings:
    """What pages read that no operation answers: the history of jobs, what was found in them, and the workers."""

    events: JobEvents
    reports: ReportStore
    workers: WorkerRegistry


class ApiClient:
    """What one caller may do. Every method may raise AccessDenied, and DatabaseUnavailable."""

    def __init__(self, services: Sequence[Service], identity: Identity, context: Context, readings: Readings) -> None:
        """Keep the parts.

        Args:
            services: those whose operations may be called.
            identity: who calls.
            context: of the account and region that are looked at.
            readings: what no operation answers.
        """
        self._services = services
        self._identity = identity
        self._context = context
        self._readings = readings

    @property
    def unrestricted(self) -> bool:
        """Whether the caller may do everything in the account."""
        return self._identity.unrestricted

    @property
    def caller(self) -> Caller:
        """The account and region that are looked at."""
        return self._context.caller

    @property
    def now(self) -> datetime:
        """The time."""
        return self._context.now()

    def call(self, name: str, **request: Any) -> Response:
        """The response of an operation.

        Raises:
            EdgewrightError: as the operation says.
        """
        return dict(dispatch(self._identity, self._context, self.operation(name), request) or {})

    def ask(self, name: str, **request: Any) -> Response | None:
        """As `call`, where a page does without: None of what is not there, or not for the caller. It asks to read."""
        try:
            return dict(answer(self._identity, self._context, self.operation(name), request, []) or {})
        except (AccessDenied, ResourceNotFound):
            return None

    def operation(self, name: str) -> Operation:
        """An operation of one of the services."""
        return next(service.operations[name] for service in self._services if name in service.operations)

    def packaging_job(self, name: str) -> PackagingJob:
        """An edge packaging job that the caller may describe: its progress is no member of the API.

        Raises:
            ResourceNotFound: no such job.
        """
        job = self._job(Kind.PACKAGING, name)
        assert isinstance(job, PackagingJob)
        return job

    def compilation_job(self, name: str) -> CompilationJob:
        """As `packaging_job`, for a compilation job."""
        job = self._job(Kind.COMPILATION, name)
        assert isinstance(job, CompilationJob)
        return job

    def _job(self, kind: Kind, name: str) -> Job:
        key = self._context.key(kind, name)
        self._identity.authorize(describe_access(key))
        return self._context.jobs.get(key)

    def may_see(self, key: JobKey) -> bool:
        """Whether the caller may describe a job, of whatever account and region it is."""
        return self._identity.may_see(key)

    def history(self, key: JobKey) -> Sequence[JobEvent]:
        """The changes of a job's status, in their order."""
        self._identity.authorize(describe_access(key))
        return self._readings.events.history(key)

    def report(self, key: JobKey) -> dict[str, Any]:
        """What was found in a job's model or package; empty where nothing was yet."""
        self._identity.authorize(describe_access(key))
        return self._readings.reports.get(key)

    def overwriter(self, job: Job) -> str | None:
        """The job that has written over a job's object since, as far as the caller may know it; None where none has."""
        if job.status is not Status.COMPLETED or job.written_uri is None:
            return None
        digest = getattr(job, KINDS[job.key.kind].digest_attribute)
        by = writers.overwriter(job.key, digest, self._context.jobs.writers(job.written_uri))
        if by is None:
            return None
        return writers.shown(by, job.key.account, self.may_see)

    def own_package(self, job: PackagingJob) -> OwnPackage:
        """What is known of a COMPLETED job's package."""
        return writers.own_package(self._context.jobs, job, self.may_see)

    def counts(self, kind: Kind, most: int) -> Mapping[Any, int]:
        """How many jobs of a kind there are in each status, counted up to `most`."""
        self._identity.authorize(Access(OPERATIONS[KINDS[kind].list_operation].action))
        return self._readings.reports.count(kind, *self._identity.scope, most)

    def regions(self) -> Sequence[str]:
        """The regions in which the account has jobs; no right is needed to see one's own."""
        return self._readings.reports.regions(self.caller.account)

    def workers(self) -> Sequence[LiveWorker]:
        """All workers, with what they run."""
        self._identity.authorize(LIST_WORKERS)
        return self._readings.workers.list()

    def live_workers(self, liveness_seconds: float) -> int:
        """How many workers have a heartbeat that is not older than this."""
        self._identity.authorize(LIST_WORKERS)
        return len(self._readings.workers.live(liveness_seconds))

    def authorize_download(self, uri: S3Uri) -> None:
        """Let the caller have an object's bytes."""
        self._identity.authorize(reading(uri, self.caller.region, implied=False))

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """The object store, as a job's role may use it.

        Raises:
            RoleRefused: the service is not given the role any more.
        """
        return self._context.roles.objects(role_arn, job_name)
