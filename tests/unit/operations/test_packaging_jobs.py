"""The operations on edge packaging jobs, on a real job store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import (
    EngineUnavailable,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    ValidationFault,
)
from edgewright.jobs import JobKey, JobStore, Kind, Status
from edgewright.operations import OPERATIONS, Caller, Context
from migrated import beside
from unit.operations.conftest import ACCOUNT, NOW, REGION, compilation, packaging_request

if TYPE_CHECKING:
    from collections.abc import Mapping


def call(context: Context, operation: str, **request: Any) -> Mapping[str, Any] | None:
    return OPERATIONS[f"{operation}EdgePackagingJob"](context, request)


def describe(context: Context, name: str) -> Mapping[str, Any]:
    response = call(context, "Describe", EdgePackagingJobName=name)
    assert response is not None
    return response


def test_create_inserts_and_hands_over(context: Context, compiled: str, enqueued: list[JobKey]) -> None:
    request = packaging_request("job", ResourceKey="alias/k", Tags=[{"Key": "a", "Value": "b"}])
    assert call(context, "Create", **request) is None
    key = context.key(Kind.PACKAGING, "job")
    assert enqueued == [key]
    assert context.jobs.tags(key) == {"a": "b"}
    assert describe(context, "job") == {
        "EdgePackagingJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/job",
        "EdgePackagingJobStatus": "STARTING",
        "EdgePackagingJobStatusMessage": "The edge packaging job is waiting for a worker.",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        **{name: value for name, value in request.items() if name != "Tags"},
    }
    job = context.jobs.get(key)
    assert (job.source_uri, job.target) == ("s3://models/digits-1.0.tar.gz", "rasp4b")  # type: ignore[union-attr]


def test_a_job_keeps_the_digest_of_its_source_whatever_becomes_of_the_compilation_job(
    context: Context, store: JobStore
) -> None:
    store.insert(compilation("digested", artifact_digest="ab" * 32, artifact_size=7), {})
    call(context, "Create", **packaging_request("job", CompilationJobName="digested"))
    store.delete(context.key(Kind.COMPILATION, "digested"))
    job = store.get(context.key(Kind.PACKAGING, "job"))
    assert (job.source_sha256, job.source_size) == ("ab" * 32, 7)  # type: ignore[union-attr]


def test_a_job_that_the_engine_does_not_take_now_is_accepted(context: Context, compiled: str) -> None:
    def unavailable(key: JobKey) -> None:
        raise EngineUnavailable(f"cannot take {key.name}")

    call(replace(context, enqueue=unavailable), "Create", **packaging_request("job"))
    assert describe(context, "job")["EdgePackagingJobStatus"] == "STARTING"
    assert beside(context.jobs).queue.not_enqueued(10) == [context.key(Kind.PACKAGING, "job")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CompilationJobName": "unknown"}, "Could not find requested compilation job with name: unknown"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/x"}, "Could not assume role arn:aws:iam::999999999999:role/x."),
        ({"OutputConfig": {"S3OutputLocation": "s3://models"}}, "would replace its own source"),
        ({"OutputConfig": {"S3OutputLocation": "https://example.com/x"}}, "'outputConfig.s3OutputLocation' cannot"),
        ({"OutputConfig": {"S3OutputLocation": "s3://b/../c"}}, "'outputConfig.s3OutputLocation' cannot"),
        ({"OutputConfig": {"S3OutputLocation": "s3://b", "KmsKeyId": "k"}}, "'outputConfig.kmsKeyId'"),
        ({"Tags": [{"Key": "AWS:x", "Value": ""}]}, "reserved"),
    ],
)
def test_what_the_model_cannot_say_is_refused_and_nothing_is_made(
    context: Context, compiled: str, enqueued: list[JobKey], changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationFault, match=words.replace(".", r"\.")):
        call(context, "Create", **packaging_request("job", **changes))
    with pytest.raises(ResourceNotFound):
        describe(context, "job")
    assert enqueued == []


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_only_a_completed_compilation_is_a_source(context: Context, store: JobStore, status: Status) -> None:
    store.insert(compilation("compiled", status=status), {})
    with pytest.raises(ValidationFault, match=f"rejected because the compilation job is in status {status}"):
        call(context, "Create", **packaging_request("job"))


def test_a_taken_name_and_a_full_account_are_refused(context: Context, compiled: str, enqueued: list[JobKey]) -> None:
    call(context, "Create", **packaging_request("job"))
    with pytest.raises(ResourceInUse, match="must be unique within an AWS account and region"):
        call(context, "Create", **packaging_request("job"))
    with pytest.raises(ResourceLimitExceeded):
        call(replace(context, unfinished_jobs=1), "Create", **packaging_request("other"))
    assert len(enqueued) == 1


def test_a_completed_job_shows_its_package(context: Context, compiled: str) -> None:
    call(context, "Create", **packaging_request("job"))
    key = context.key(Kind.PACKAGING, "job")
    context.jobs.begin(key)
    assert "ModelArtifact" not in describe(context, "job")
    context.jobs.move(key, Status.COMPLETED, model_artifact="s3://packages/d.tar.gz", model_signature="{}")
    job = describe(context, "job")
    assert (job["ModelArtifact"], job["ModelSignature"]) == ("s3://packages/d.tar.gz", "{}")


def test_stop_is_asked_once_and_refused_at_the_end(context: Context, compiled: str) -> None:
    call(context, "Create", **packaging_request("job"))
    for _ in range(2):
        assert call(context, "Stop", EdgePackagingJobName="job") is None
        assert describe(context, "job")["EdgePackagingJobStatus"] == "STOPPING"
    key = context.key(Kind.PACKAGING, "job")
    context.jobs.move(key, Status.STOPPED)
    call(context, "Stop", EdgePackagingJobName="job")
    assert describe(context, "job")["EdgePackagingJobStatus"] == "STOPPED"
    call(context, "Create", **packaging_request("failed"))
    context.jobs.move(context.key(Kind.PACKAGING, "failed"), Status.FAILED)
    with pytest.raises(ValidationFault, match="rejected because the edge packaging job is in status FAILED"):
        call(context, "Stop", EdgePackagingJobName="failed")
    with pytest.raises(ResourceNotFound, match="Could not find requested edge packaging job with name: nobody"):
        call(context, "Stop", EdgePackagingJobName="nobody")


@pytest.mark.parametrize("other", [Caller("999999999999", REGION), Caller(ACCOUNT, "us-east-1")])
def test_others_do_not_see_the_job(context: Context, compiled: str, other: Caller) -> None:
    call(context, "Create", **packaging_request("job"))
    elsewhere = replace(context, caller=other)
    for operation in ("Describe", "Stop"):
        with pytest.raises(ResourceNotFound):
            call(elsewhere, operation, EdgePackagingJobName="job")
    assert OPERATIONS["ListEdgePackagingJobs"](elsewhere, {}) == {"EdgePackagingJobSummaries": []}
    with pytest.raises(ResourceNotFound):
        OPERATIONS["ListTags"](elsewhere, {"ResourceArn": context.key(Kind.PACKAGING, "job").arn})
