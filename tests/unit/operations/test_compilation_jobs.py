"""The operations on compilation jobs, on a real job store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import CallerError, ResourceNotFound, ValidationFault
from edgewright.jobs import JobKey, Kind, Status
from edgewright.operations import OPERATIONS, Context
from unit.operations.conftest import ACCOUNT, NOW, REGION, compile_request

if TYPE_CHECKING:
    from collections.abc import Mapping


def call(context: Context, operation: str, **request: Any) -> Mapping[str, Any]:
    return OPERATIONS[f"{operation}CompilationJob"](context, request) or {}


def test_create_answers_the_arn_and_hands_over(context: Context, enqueued: list[JobKey]) -> None:
    request = compile_request("c", Tags=[{"Key": "a", "Value": "b"}])
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:compilation-job/c"
    assert call(context, "Create", **request) == {"CompilationJobArn": arn}
    assert enqueued == [context.key(Kind.COMPILATION, "c")]
    assert call(context, "Describe", CompilationJobName="c") == {
        "CompilationJobArn": arn,
        "CompilationJobStatus": "STARTING",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "FailureReason": "",
        "ModelArtifacts": {"S3ModelArtifacts": ""},
        **{name: value for name, value in request.items() if name != "Tags"},
    }


@pytest.mark.parametrize(
    ("member", "change", "words"),
    [
        ("VpcConfig", {"SecurityGroupIds": ["s"], "Subnets": ["n"]}, "'VpcConfig' is not supported"),
        ("ModelPackageVersionArn", "arn:aws:sagemaker:eu-west-1:123456789012:model-package/x", "model registry"),
        ("StoppingCondition", {"MaxWaitTimeInSeconds": 1}, "spot capacity"),
        ("StoppingCondition", {"MaxPendingTimeInSeconds": 7200}, "without a limit"),
        ("RoleArn", "arn:aws:iam::999999999999:role/x", "Could not assume role"),
        ("InputConfig", {"S3Uri": "https://example.com/m", "Framework": "ONNX"}, "'inputConfig.s3Uri' cannot be used"),
        ("InputConfig", {"S3Uri": "s3://m/k", "Framework": "DARKNET", "DataInputConfig": "{}"}, "DARKNET"),
        ("OutputConfig", {"S3OutputLocation": "s3://c", "TargetDevice": "coreml"}, "coreml"),
        ("OutputConfig", {"S3OutputLocation": "s3://c"}, "TargetDevice"),
        ("OutputConfig", {"S3OutputLocation": "s3://c", "TargetDevice": "rasp4b", "KmsKeyId": "k"}, "kmsKeyId"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    context: Context, enqueued: list[JobKey], member: str, change: object, words: str
) -> None:
    with pytest.raises(CallerError, match=words):
        call(context, "Create", **compile_request("c", **{member: change}))
    with pytest.raises(ResourceNotFound):
        call(context, "Describe", CompilationJobName="c")
    assert enqueued == []


def test_faults_are_gathered(context: Context) -> None:
    request = compile_request("c", VpcConfig={}, StoppingCondition={"MaxWaitTimeInSeconds": 1})
    with pytest.raises(ValidationFault, match=r"'VpcConfig'.*'StoppingCondition.MaxWaitTimeInSeconds'"):
        call(context, "Create", **request)


def test_a_missing_input_is_told(context: Context) -> None:
    request = compile_request("c")
    del request["InputConfig"]
    with pytest.raises(ValidationFault, match="'InputConfig' is missing"):
        call(context, "Create", **request)


def test_stop_and_delete_follow_the_status(context: Context) -> None:
    call(context, "Create", **compile_request("c"))
    with pytest.raises(ValidationFault, match=r"is in status STARTING\. Stop the job"):
        call(context, "Delete", CompilationJobName="c")
    call(context, "Stop", CompilationJobName="c")
    call(context, "Stop", CompilationJobName="c")
    context.jobs.move(context.key(Kind.COMPILATION, "c"), Status.STOPPED)
    call(context, "Delete", CompilationJobName="c")
    for operation in ("Describe", "Stop", "Delete"):
        with pytest.raises(ResourceNotFound, match="Could not find requested compilation job with name: c"):
            call(context, operation, CompilationJobName="c")


def test_summaries_show_target_and_times(context: Context) -> None:
    platform = {"Os": "LINUX", "Arch": "ARM64"}
    output = {"S3OutputLocation": "s3://c", "TargetPlatform": platform}
    call(context, "Create", **compile_request("c", OutputConfig=output))
    key = context.key(Kind.COMPILATION, "c")
    context.jobs.begin(key, started_at=NOW)
    context.jobs.move(key, Status.FAILED, ended_at=NOW, failure_reason="ClientError: no")
    (summary,) = (OPERATIONS["ListCompilationJobs"](context, {}) or {})["CompilationJobSummaries"]
    assert summary == {
        "CompilationJobName": "c",
        "CompilationJobArn": key.arn,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "CompilationStartTime": NOW.replace(microsecond=0),
        "CompilationEndTime": NOW.replace(microsecond=0),
        "CompilationJobStatus": "FAILED",
        "CompilationTargetPlatformOs": "LINUX",
        "CompilationTargetPlatformArch": "ARM64",
    }
