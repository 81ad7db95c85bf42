"""What somebody who is signed in may do: the operations of the wire, through the checks of the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.auth.rights import EVERYTHING, Wanted, authorize
from edgewright.errors import AccessDenied, ResourceNotFound
from edgewright.http.dispatch import perform, permit
from edgewright.jobs import CompilationJob, Kind, PackagingJob

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgewright.auth.principals import Principal
    from edgewright.events.outbox import JobEvents
    from edgewright.http.service_protocols import ServiceProtocol
    from edgewright.jobs import Job, ReportStore, WorkerRegistry
    from edgewright.operations import Context
    from edgewright.protocol import Operation

Response = dict[str, Any]
DESCRIBES = {
    Kind.PACKAGING: ("DescribeEdgePackagingJob", "EdgePackagingJobName"),
    Kind.COMPILATION: ("DescribeCompilationJob", "CompilationJobName"),
}
LIST_WORKERS = "edgewright:ListWorkers"
GET_OBJECT = "s3:GetObject"


@dataclass(frozen=True, slots=True)
class Readings:
    """What pages read that no operation answers: the history of jobs, what was found in them, and the workers."""

    events: JobEvents
    reports: ReportStore
    workers: WorkerRegistry


class ApiClient:
    """One caller's operations. Nothing here goes around `http.dispatch` or the caller's rules.

    Every method may raise AccessDenied.
    """

    def __init__(
        self, wires: Sequence[ServiceProtocol], principal: Principal, context: Context, readings: Readings
    ) -> None:
        """Keep the parts.

        Args:
            wires: the services whose operations may be called.
            principal: who calls.
            context: of the account and region that are looked at.
            readings: what no operation answers.
        """
        self._wires = wires
        self._principal = principal
        self.context = context
        self.readings = readings

    @property
    def unbounded(self) -> bool:
        """Whether the caller may do everything in the account."""
        return self._principal.rights is EVERYTHING

    def call(self, name: str, **request: Any) -> Response:
        """The response of an operation.

        Raises:
            EdgewrightError: as the operation says.
        """
        wire, operation = self.operation(name)
        return dict(perform(wire, self._principal, self.context, operation, request) or {})

    def ask(self, name: str, **request: Any) -> Response | None:
        """As `call`, where a page does without: None of what is not there, or not for the caller."""
        try:
            return self.call(name, **request)
        except (AccessDenied, ResourceNotFound):
            return None

    def job(self, kind: Kind, name: str) -> Job:
        """The row of a job that the caller may describe: its progress is no member of the API.

        Raises:
            ResourceNotFound: no such job.
        """
        operation, member = DESCRIBES[kind]
        permit(self.operation(operation)[0], self._principal, self.context, operation, {member: name})
        return self.context.jobs.get(self.context.key(kind, name))

    def packaging_job(self, name: str) -> PackagingJob:
        """As `job`, for an edge packaging job."""
        job = self.job(Kind.PACKAGING, name)
        assert isinstance(job, PackagingJob)
        return job

    def compilation_job(self, name: str) -> CompilationJob:
        """As `job`, for a compilation job."""
        job = self.job(Kind.COMPILATION, name)
        assert isinstance(job, CompilationJob)
        return job

    def may(self, operation: str, request: Mapping[str, Any]) -> bool:
        """Whether the caller may call an operation so."""
        try:
            permit(self.operation(operation)[0], self._principal, self.context, operation, request)
        except AccessDenied:
            return False
        return True

    def require(self, action: str, name: str, arn: str) -> None:
        """Let the caller do what is no operation of the two services, such as `s3:GetObject`."""
        if not self.unbounded:
            authorize(self._principal.arn, self._principal.rights, Wanted(action, name, arn))

    def operation(self, name: str) -> tuple[ServiceProtocol, Operation]:
        """An operation, and the service that has it."""
        for wire in self._wires:
            operation = wire.service.operations.get(name)
            if operation is not None:
                return wire, operation
        raise AssertionError(name)  # a name of ours
