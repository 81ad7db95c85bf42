"""Jobs in the words of the API: the members of Describe that apply now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.jobs.job import CompilationJob, PackagingJob

Json = dict[str, Any]

PACKAGING: Mapping[str, str] = {
    "CompilationJobName": "compilation_job_name",
    "ModelName": "model_name",
    "ModelVersion": "model_version",
    "RoleArn": "role_arn",
    "OutputConfig": "output_config",
    "EdgePackagingJobStatus": "status",
    "EdgePackagingJobStatusMessage": "status_message",
    "CreationTime": "created_at",
    "LastModifiedTime": "modified_at",
    "ResourceKey": "resource_key",
    "ModelArtifact": "model_artifact",
    "ModelSignature": "model_signature",
    "PresetDeploymentOutput": "preset_output",
}
"""What DescribeEdgePackagingJob shows beside the job's key, and the job's members that hold it."""


def packaging(job: PackagingJob) -> Json:
    """An edge packaging job as DescribeEdgePackagingJob shows it."""
    members = {name: getattr(job, member) for name, member in PACKAGING.items()}
    return {"EdgePackagingJobArn": job.key.arn, "EdgePackagingJobName": job.key.name} | _given(members)


def compilation(job: CompilationJob) -> Json:
    """A compilation job as DescribeCompilationJob shows it.

    FailureReason and ModelArtifacts are required members of the output: until they apply they are there with empty
    strings, as the AWS CLI's documented example has them [S].
    """
    derived = job.derived_data_input_config
    return _given(
        {
            "CompilationJobName": job.key.name,
            "CompilationJobArn": job.key.arn,
            "CompilationJobStatus": job.status,
            "CompilationStartTime": job.started_at,
            "CompilationEndTime": job.ended_at,
            "StoppingCondition": job.stopping_condition,
            "CreationTime": job.created_at,
            "LastModifiedTime": job.modified_at,
            "FailureReason": job.failure_reason,
            "ModelArtifacts": {"S3ModelArtifacts": job.model_artifact or ""},
            "ModelDigests": {"ArtifactDigest": job.artifact_digest} if job.artifact_digest else None,
            "RoleArn": job.role_arn,
            "InputConfig": job.input_config,
            "OutputConfig": job.output_config,
            "DerivedInformation": {"DerivedDataInputConfig": derived} if derived else None,
        }
    )


def _given(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}
