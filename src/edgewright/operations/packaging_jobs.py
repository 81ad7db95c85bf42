"""Create, Describe, List and Stop for edge packaging jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import ResourceNotFound, ValidationFault, about
from edgewright.greengrass.config import DEFAULT_NAME
from edgewright.jobs import CompilationJob, Kind, PackagingJob, Status, View, description
from edgewright.operations import jobs, presets, rules
from edgewright.operations.access import JOBS, Access, Accesses, Request, Response, reading, writing
from edgewright.packaging import Model, package_name
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgewright.operations.caller import Caller
    from edgewright.operations.context import Context

COMPILATION_ACTION, COMPONENT_ACTION = "sagemaker:DescribeCompilationJob", "greengrass:CreateComponentVersion"
"""What a packaging job does to the jobs and components that it names."""
WAITING = "The edge packaging job is waiting for a worker."
STOPPING = "The edge packaging job is being stopped."

SHOWN_VIEW = View(Kind.PACKAGING, tuple(description.PACKAGING.values()))
"""Describe is what callers ask all day: it reads these columns, and makes no whole job of them."""


def _of_new_job(action: str, caller: Caller, request: Request) -> Sequence[Access]:
    """The job, with the compilation job and the component that it names."""
    name, source = request.get("EdgePackagingJobName"), request.get("CompilationJobName")
    if name is None or source is None:  # the model's constraints refuse it
        return (Access(action),)
    compilation, component = caller.job(Kind.COMPILATION, source).arn, presets.component_name(request)
    bound = [Access(action, source, compilation)]
    others = [Access(COMPILATION_ACTION, source, compilation)]
    if component is not None:
        arn = caller.component_arn(component)
        # One that is named after a job, this one or another, is bound by the job's name.
        bound.append(Access(action, component.removeprefix(DEFAULT_NAME) or component, arn))
        others.append(Access(COMPONENT_ACTION, component, arn, implied=True))
    return (Access(action, name, caller.job(Kind.PACKAGING, name).arn, bound=tuple(bound)), *others)


ON_NEW_PACKAGING_JOB = Accesses((JOBS[Kind.PACKAGING],), _of_new_job)
"""What CreateEdgePackagingJob touches by name."""


def create_edge_packaging_job(context: Context, request: Request) -> None:
    """CreateEdgePackagingJob: check, insert as STARTING, enqueue. Answers an empty body.

    Raises:
        ValidationFault: a rule beyond the model's is broken, or the compilation job is unknown or not COMPLETED.
        ResourceInUse: the name is taken.
        ResourceLimitExceeded: the account has too many unfinished jobs.
    """
    output = request["OutputConfig"]
    with about("roleArn"):
        rules.role(context, request["RoleArn"], request["EdgePackagingJobName"])
    with about("outputConfig.kmsKeyId"):
        rules.kms_key(context, output)
    package = _package_uri(request)
    with about("outputConfig.presetDeploymentConfig"):
        presets.check(request, package)
    with about("tags"):
        tags = rules.tags_of(request.get("Tags", ()))
    with about("compilationJobName"):
        compilation = _completed_compilation(context, request["CompilationJobName"])
    with about("outputConfig.s3OutputLocation"):
        _beside_source(package, compilation)
    _authorize(context, compilation, package)
    jobs.make(context, _new_job(context, request, compilation), tags)


def describe_edge_packaging_job(context: Context, request: Request) -> Response:
    """DescribeEdgePackagingJob: every member that applies now.

    EdgePackagingJobStatusMessage and RoleArn are always there; ModelArtifact and ModelSignature only once the job is
    COMPLETED [D], and so is PresetDeploymentOutput, for a job that asked for a component.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
    """
    key = context.key(Kind.PACKAGING, request["EdgePackagingJobName"])
    response: Response = {"EdgePackagingJobArn": key.arn, "EdgePackagingJobName": key.name}
    for name, value in zip(description.PACKAGING, context.jobs.members(key, SHOWN_VIEW), strict=True):
        if value is not None:
            response[name] = value
    return response


def list_edge_packaging_jobs(context: Context, request: Request) -> Response:
    """ListEdgePackagingJobs: one page of summaries; newest first, 100 a page, unless asked otherwise [D]."""
    summaries, token = jobs.page(context, Kind.PACKAGING, "ListEdgePackagingJobs", request, _summary)
    return {"EdgePackagingJobSummaries": summaries, **token}


def stop_edge_packaging_job(context: Context, request: Request) -> None:
    """StopEdgePackagingJob: ask the job to end; a worker ends it. Answers an empty body.

    A job that is STOPPING or STOPPED already is left as it is [D].

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
        ValidationFault: the job is COMPLETED or FAILED.
    """
    jobs.stop(context, context.key(Kind.PACKAGING, request["EdgePackagingJobName"]), status_message=STOPPING)


def _completed_compilation(context: Context, name: str) -> CompilationJob:
    try:
        job = context.jobs.get(context.key(Kind.COMPILATION, name))
    except ResourceNotFound as error:
        raise ValidationFault(error.message) from error
    if job.status != Status.COMPLETED:
        raise ValidationFault(jobs.rejected(Kind.COMPILATION, job.status))
    assert isinstance(job, CompilationJob)
    return job


def _authorize(context: Context, compilation: CompilationJob, package: S3Uri) -> None:
    """Let a caller have a job that reads the one object and writes the other."""
    if compilation.model_artifact:
        context.authorize(reading(S3Uri.parse(compilation.model_artifact), context.caller.region))
    context.authorize(writing(package, context.caller.region))


def _package_uri(request: Request) -> S3Uri:
    location = rules.object_uri(request["OutputConfig"]["S3OutputLocation"], "outputConfig.s3OutputLocation")
    return location.joined(package_name(Model(request["ModelName"], request["ModelVersion"])))


def _beside_source(package: S3Uri, compilation: CompilationJob) -> None:
    """The package may not replace the very object that it is made from."""
    if compilation.model_artifact and S3Uri.parse(compilation.model_artifact) == package:
        raise ValidationFault(
            f"The package would replace its own source {package}. Choose another S3OutputLocation, ModelName or "
            "ModelVersion."
        )


def _new_job(context: Context, request: Request, compilation: CompilationJob) -> PackagingJob:
    now = context.now()
    return PackagingJob(
        key=context.key(Kind.PACKAGING, request["EdgePackagingJobName"]),
        compilation_job_name=request["CompilationJobName"],
        model_name=request["ModelName"],
        model_version=request["ModelVersion"],
        role_arn=request["RoleArn"],
        output_config=request["OutputConfig"],
        resource_key=request.get("ResourceKey"),
        status=Status.STARTING,
        status_message=WAITING,
        created_at=now,
        modified_at=now,
        source_uri=compilation.model_artifact or "",
        source_sha256=compilation.artifact_digest,
        source_size=compilation.artifact_size,
        target=compilation.target,
    )


def _summary(job: PackagingJob) -> Response:
    return {
        "EdgePackagingJobArn": job.key.arn,
        "EdgePackagingJobName": job.key.name,
        "EdgePackagingJobStatus": job.status,
        "CompilationJobName": job.compilation_job_name,
        "ModelName": job.model_name,
        "ModelVersion": job.model_version,
        "CreationTime": job.created_at,
        "LastModifiedTime": job.modified_at,
    }
