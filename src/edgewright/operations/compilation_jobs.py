"""Create, Describe, List, Stop and Delete for compilation jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright import compiling
from edgewright.compiling import CompilationSpec, artifact_name
from edgewright.errors import TransitionRefused, UriRefused, ValidationFault, about
from edgewright.jobs import CompilationJob, JobKey, Kind, Status, description
from edgewright.operations import jobs, rules
from edgewright.operations.access import Request, Response, reading, writing

if TYPE_CHECKING:
    from edgewright.operations.context import Context
    from edgewright.stores import S3Uri

REFUSED_MEMBERS = {
    "ModelPackageVersionArn": "this service has no model registry. Give InputConfig instead",
    "VpcConfig": "workers run in the network that their operator gave them. Leave VpcConfig out",
}
REFUSED_CONDITIONS = {
    "MaxWaitTimeInSeconds": "compilation jobs do not run on spot capacity. Leave it out",
    "MaxPendingTimeInSeconds": "compilation jobs wait for a worker without a limit. Leave it out",
}


def create_compilation_job(context: Context, request: Request) -> Response:
    """CreateCompilationJob: check, insert as STARTING, enqueue; answers the job's ARN.

    Raises:
        ValidationFault: a rule beyond the model's is broken, or something asked for cannot be honoured.
        TargetUnsupported: no backend compiles that framework, or for that target.
        ResourceInUse: the name is taken.
        ResourceLimitExceeded: the account has too many unfinished jobs.
    """
    with about("roleArn"):
        rules.role(context, request["RoleArn"], request["CompilationJobName"])
    _only_what_is_honoured(request)
    source = rules.object_uri(request["InputConfig"]["S3Uri"], "inputConfig.s3Uri")
    location = rules.object_uri(request["OutputConfig"]["S3OutputLocation"], "outputConfig.s3OutputLocation")
    with about("outputConfig.kmsKeyId"):
        rules.kms_key(context, request["OutputConfig"])
    with about("tags"):
        tags = rules.tags_of(request.get("Tags", ()))
    spec = CompilationSpec.of(request["InputConfig"], request["OutputConfig"])
    compiling.check(spec)
    _authorize(context, source, location, spec)
    job = _new_job(context, request)
    jobs.make(context, job, tags)
    return {"CompilationJobArn": job.key.arn}


def describe_compilation_job(context: Context, request: Request) -> Response:
    """DescribeCompilationJob: every member that applies now.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
    """
    job = context.jobs.get(_key(context, request))
    assert isinstance(job, CompilationJob)
    return description.compilation(job)


def list_compilation_jobs(context: Context, request: Request) -> Response:
    """ListCompilationJobs: one page of summaries; newest first, 100 a page, unless asked otherwise [D]."""
    summaries, token = jobs.page(context, Kind.COMPILATION, "ListCompilationJobs", request, _summary)
    return {"CompilationJobSummaries": summaries, **token}


def stop_compilation_job(context: Context, request: Request) -> None:
    """StopCompilationJob: ask the job to end; a worker ends it. Answers an empty body.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
        ValidationFault: the job is COMPLETED or FAILED [D].
    """
    jobs.stop(context, _key(context, request))


def delete_compilation_job(context: Context, request: Request) -> None:
    """DeleteCompilationJob: forget an ended job; its artifact stays in the object store. Answers an empty body.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
        ValidationFault: the job has not ended [D].
    """
    try:
        context.jobs.delete(_key(context, request))
    except TransitionRefused as refused:
        reason = jobs.rejected(Kind.COMPILATION, refused.current)
        raise ValidationFault(f"{reason} Stop the job and wait until its status is STOPPED.") from refused


def _key(context: Context, request: Request) -> JobKey:
    return context.key(Kind.COMPILATION, request["CompilationJobName"])


def _only_what_is_honoured(request: Request) -> None:
    faults = [f"'{name}' is not supported: {why}." for name, why in REFUSED_MEMBERS.items() if name in request]
    conditions = request["StoppingCondition"]
    faults += [
        f"'StoppingCondition.{name}' is not supported: {why}."
        for name, why in REFUSED_CONDITIONS.items()
        if name in conditions
    ]
    if "InputConfig" not in request and not faults:
        faults.append("'InputConfig' is missing: it says which model to compile.")
    if faults:
        raise ValidationFault(" ".join(faults))


def _authorize(context: Context, source: S3Uri, location: S3Uri, spec: CompilationSpec) -> None:
    """Let a caller have a job that reads the one object and writes the other."""
    context.authorize(reading(source, context.caller.region))
    try:
        artifact = location.joined(artifact_name(source, spec))
    except UriRefused:  # of a source that is no object: the job fails before it writes
        return
    context.authorize(writing(artifact, context.caller.region))


def _new_job(context: Context, request: Request) -> CompilationJob:
    now = context.now()
    return CompilationJob(
        key=_key(context, request),
        role_arn=request["RoleArn"],
        input_config=request["InputConfig"],
        output_config=request["OutputConfig"],
        stopping_condition=request["StoppingCondition"],
        status=Status.STARTING,
        created_at=now,
        modified_at=now,
    )


def _summary(job: CompilationJob) -> Response:
    platform = job.output_config.get("TargetPlatform", {})
    summary: Response = {
        "CompilationJobName": job.key.name,
        "CompilationJobArn": job.key.arn,
        "CreationTime": job.created_at,
        "CompilationJobStatus": job.status,
        "LastModifiedTime": job.modified_at,
    }
    optional = {
        "CompilationStartTime": job.started_at,
        "CompilationEndTime": job.ended_at,
        "CompilationTargetDevice": job.output_config.get("TargetDevice"),
        "CompilationTargetPlatformOs": platform.get("Os"),
        "CompilationTargetPlatformArch": platform.get("Arch"),
        "CompilationTargetPlatformAccelerator": platform.get("Accelerator"),
    }
    return summary | {name: value for name, value in optional.items() if value is not None}
