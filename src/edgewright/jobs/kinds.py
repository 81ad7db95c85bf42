"""The kinds of jobs: what differs between them, one entry each.

A third kind is a value of `Kind`, a class in `jobs.job`, a table in `jobs.tables`, and an entry here; how its jobs are
done and end, `worker.process.RECIPES` and `worker.results.RESULTS` have. A test goes through all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.jobs import description
from edgewright.jobs.job import CompilationJob, Job, Kind, PackagingJob
from edgewright.jobs.tables import compilation_jobs, packaging_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """One kind of job.

    Attributes:
        noun: in messages, in AWS's words.
        job_class: the class of its jobs.
        table: where its jobs are kept.
        describe: a job as its Describe operation shows it.
        describe_operation: that operation, whose right is needed to see a job.
        list_operation: the one that lists them.
        name_member: the member of its request that names the job.
        message_member: the member of Describe in which a job says how it went.
        message_attribute: the attribute of a job that holds it.
        digest_attribute: the attribute of a job that holds the SHA-256 of the object that it made.
        detail_type: `detail-type` of its events.
    """

    noun: str
    job_class: type[Job]
    table: Table
    describe: Callable[[Any], Mapping[str, Any]]
    describe_operation: str
    list_operation: str
    name_member: str
    message_member: str
    message_attribute: str
    digest_attribute: str
    detail_type: str


KINDS: Mapping[Kind, JobKind] = {
    Kind.PACKAGING: JobKind(
        noun="edge packaging job",
        job_class=PackagingJob,
        table=packaging_jobs,
        describe=description.packaging,
        describe_operation="DescribeEdgePackagingJob",
        list_operation="ListEdgePackagingJobs",
        name_member="EdgePackagingJobName",
        message_member="EdgePackagingJobStatusMessage",
        message_attribute="status_message",
        digest_attribute="package_sha256",
        detail_type="SageMaker Edge Packaging Job State Change",
    ),
    Kind.COMPILATION: JobKind(
        noun="compilation job",
        job_class=CompilationJob,
        table=compilation_jobs,
        describe=description.compilation,
        describe_operation="DescribeCompilationJob",
        list_operation="ListCompilationJobs",
        name_member="CompilationJobName",
        message_member="FailureReason",
        message_attribute="failure_reason",
        digest_attribute="artifact_digest",
        detail_type="SageMaker Compilation Job State Change",
    ),
}
JOBS: Mapping[Kind, Table] = {kind: entry.table for kind, entry in KINDS.items()}
"""The table of each kind."""


def message_of(job: Job) -> str:
    """How the job went, in its own words."""
    return str(getattr(job, KINDS[job.key.kind].message_attribute))
