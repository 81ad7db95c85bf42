"""The edge packaging API as boto3 sees it, from a real server."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.running import ACCOUNT, REGION, ROLE, RunningServer, packaging_request, register, serving, wait_for
from edgewright.packaging import verify
from edgewright.signing import keys

if TYPE_CHECKING:
    from pathlib import Path


def test_a_job_from_create_to_a_verified_package(
    server: RunningServer, sagemaker: Any, compilation: str, tmp_path: Path
) -> None:
    request = packaging_request("whole-story", compilation, ResourceKey="alias/some-key", ModelVersion="1.0 rc_2")
    sagemaker.create_edge_packaging_job(**request)
    job = wait_for(sagemaker, "whole-story")
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert {name: job[name] for name in request} == request
    assert job["EdgePackagingJobArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/whole-story"
    assert job["ModelArtifact"] == "s3://packages/out/digits-1.0 rc_2.tar.gz"
    package = server.object(job["ModelArtifact"])
    key = keys.load_public_key(server.data_dir / "keys" / "signing.pub.pem")
    verify([package.read_bytes()], [key], model_name="digits", model_version="1.0 rc_2", extract_to=tmp_path / "out")
    assert (tmp_path / "out" / "model.so").read_bytes() == b"x" * 100_000
    assert job["ModelSignature"] == (tmp_path / "out" / "sagemaker_edge_signature").read_text()
    manifest = json.loads((tmp_path / "out" / "sagemaker_edge_manifest").read_text())
    assert manifest["metadata"]["model_name"] == "digits"
    assert manifest["metadata"]["model_version"] == "1.0 rc_2"


def test_times_are_datetimes_and_members_that_do_not_apply_are_absent(sagemaker: Any, compilation: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    sagemaker.create_edge_packaging_job(**packaging_request("plain-times", compilation))
    job = wait_for(sagemaker, "plain-times")
    assert before <= job["CreationTime"] <= datetime.now(UTC) + timedelta(seconds=1)
    assert job["LastModifiedTime"] >= job["CreationTime"]
    assert "ResourceKey" not in job
    assert "PresetDeploymentOutput" not in job
    assert job["EdgePackagingJobStatusMessage"]


def test_an_artifact_that_was_replaced_after_its_registration_is_not_packaged(
    server: RunningServer, sagemaker: Any
) -> None:
    artifact = server.put("models", "replaced.tar.gz", archive({"model.so": b"compiled"}))
    register(server, "replaced", artifact)
    recorded = sagemaker.describe_compilation_job(CompilationJobName="replaced")["ModelDigests"]["ArtifactDigest"]
    assert recorded == hashlib.sha256(server.object(artifact).read_bytes()).hexdigest()
    stranger = archive({"model.so": b"a stranger's"})
    server.put("models", "replaced.tar.gz", stranger)
    sagemaker.create_edge_packaging_job(
        **packaging_request("of-replaced", "replaced", OutputConfig={"S3OutputLocation": "s3://packages/replaced"})
    )
    job = wait_for(sagemaker, "of-replaced")
    assert job["EdgePackagingJobStatus"] == "FAILED"
    assert recorded in job["EdgePackagingJobStatusMessage"]
    assert hashlib.sha256(stranger).hexdigest() in job["EdgePackagingJobStatusMessage"]
    assert "ModelSignature" not in job
    assert not server.object("s3://packages/replaced/digits-1.0.tar.gz").exists()


def test_an_unknown_name_is_not_found(sagemaker: Any) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound) as raised:
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="nobody")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.stop_edge_packaging_job(EdgePackagingJobName="nobody")


def test_a_taken_name_is_refused(sagemaker: Any, compilation: str) -> None:
    sagemaker.create_edge_packaging_job(**packaging_request("taken", compilation))
    with pytest.raises(sagemaker.exceptions.ResourceInUse) as raised:
        sagemaker.create_edge_packaging_job(**packaging_request("taken", compilation))
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/taken"
    assert raised.value.response["Error"]["Message"] == (
        "Edge packaging job names must be unique within an AWS account and region, and an edge packaging job with this "
        f"name already exists ({arn})"
    )


def test_a_bad_name_gets_the_sentence_of_aws(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="bad name!!")
    assert raised.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "1 validation error detected: Value 'bad name!!' at 'edgePackagingJobName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    }


def test_several_faults_come_in_one_message(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.create_edge_packaging_job(
            EdgePackagingJobName="bad name!!",
            CompilationJobName="c",
            ModelName="m" * 64,
            ModelVersion="1-0",
            RoleArn=ROLE,
            OutputConfig={"S3OutputLocation": "ftp://nowhere"},
            Tags=[{"Key": "k", "Value": "v" * 257}],
        )
    message = raised.value.response["Error"]["Message"]
    assert message.startswith("6 validation errors detected: ")
    for place in (
        "edgePackagingJobName",
        "modelName",
        "modelVersion",
        "outputConfig.s3OutputLocation",
        "tags.1.member",
    ):
        assert place in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"CompilationJobName": "unknown"}, "Could not find requested compilation job with name: unknown"),
        ({"RoleArn": "arn:aws:iam::999999999999:role/other"}, "Could not assume role arn:aws:iam::999999999999:role"),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://b/o", "KmsKeyId": "k"}},
            "'outputConfig.kmsKeyId' cannot be honoured",
        ),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://b/o", "PresetDeploymentConfig": "{}"}},
            "without 'outputConfig.presetDeploymentType'",
        ),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "reserved"),
        ({"Tags": [{"Key": "x", "Value": "1"}, {"Key": "x", "Value": "2"}]}, "Duplicate tag key"),
    ],
)
def test_what_the_model_cannot_say_is_refused_at_create(
    sagemaker: Any, compilation: str, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.create_edge_packaging_job(**packaging_request("refused", compilation, **changes))
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert words in raised.value.response["Error"]["Message"]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="refused")


def test_an_artifact_that_is_no_archive_fails_the_job_and_leaves_no_object(
    server: RunningServer, sagemaker: Any
) -> None:
    register(server, "no-archive", server.put("models", "text.tar.gz", b"this is no archive"))
    request = packaging_request("from-no-archive", "no-archive", OutputConfig={"S3OutputLocation": "s3://failed/out"})
    sagemaker.create_edge_packaging_job(**request)
    job = wait_for(sagemaker, "from-no-archive")
    assert job["EdgePackagingJobStatus"] == "FAILED"
    assert job["EdgePackagingJobStatusMessage"].startswith("ClientError: ")
    assert "models" in job["EdgePackagingJobStatusMessage"]
    assert "ModelArtifact" not in job
    assert "ModelSignature" not in job
    assert not [path for path in (server.data_dir / "objects" / "failed").rglob("*") if path.is_file()]


def test_an_artifact_that_went_away_fails_the_job(server: RunningServer, sagemaker: Any) -> None:
    uri = server.put("models", "gone.tar.gz", _archive())
    register(server, "gone", uri)
    server.object(uri).unlink()
    sagemaker.create_edge_packaging_job(**packaging_request("from-gone", "gone"))
    job = wait_for(sagemaker, "from-gone")
    assert job["EdgePackagingJobStatus"] == "FAILED"
    assert "S3 object does not exist. Bucket: models, Key: gone.tar.gz" in job["EdgePackagingJobStatusMessage"]


def test_the_same_artifact_twice_is_the_same_bytes(server: RunningServer, sagemaker: Any, compilation: str) -> None:
    digests = set()
    for number in (1, 2):
        output = {"S3OutputLocation": f"s3://packages/same/{number}/"}
        sagemaker.create_edge_packaging_job(**packaging_request(f"same-{number}", compilation, OutputConfig=output))
        job = wait_for(sagemaker, f"same-{number}")
        assert job["ModelArtifact"] == f"s3://packages/same/{number}/digits-1.0.tar.gz"
        digests.add(hashlib.sha256(server.object(job["ModelArtifact"]).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_listing_filters_sorts_and_pages(server: RunningServer, compilation: str) -> None:
    client = server.client(region="ap-south-1")
    register(server, "in-mumbai", "s3://models/compiled.tar.gz", "--region", "ap-south-1")
    names = [f"listed-{number}" for number in range(7)]
    for number, name in enumerate(names):
        changes = {"ModelName": "odd" if number % 2 else "even"}
        client.create_edge_packaging_job(**packaging_request(name, "in-mumbai", **changes))
    for name in names:
        wait_for(client, name)
    paginator = client.get_paginator("list_edge_packaging_jobs")

    def listed(**request: Any) -> list[str]:
        pages = paginator.paginate(PaginationConfig={"PageSize": 2}, **request)
        return [job["EdgePackagingJobName"] for page in pages for job in page["EdgePackagingJobSummaries"]]

    assert listed() == names[::-1]
    assert listed(SortBy="NAME", SortOrder="Ascending") == names
    assert listed(SortBy="MODEL_NAME", SortOrder="Ascending") == names[::2] + names[1::2]
    assert listed(ModelNameContains="odd", SortOrder="Ascending") == names[1::2]
    assert listed(NameContains="ed-3") == ["listed-3"]
    assert listed(StatusEquals="COMPLETED", SortBy="STATUS", SortOrder="Ascending") == names
    assert listed(StatusEquals="FAILED") == []
    assert listed(CreationTimeAfter=datetime.now(UTC) + timedelta(hours=1)) == []
    summary = client.list_edge_packaging_jobs(MaxResults=1)["EdgePackagingJobSummaries"][0]
    assert len(summary) == 8


def test_a_token_fits_only_the_query_that_gave_it(sagemaker: Any, compilation: str) -> None:
    for number in (1, 2):
        sagemaker.create_edge_packaging_job(**packaging_request(f"token-{number}", compilation))
    token = sagemaker.list_edge_packaging_jobs(NameContains="token", MaxResults=1)["NextToken"]
    for changes in ({"NameContains": "other"}, {"NameContains": "token", "SortOrder": "Ascending"}):
        with pytest.raises(ClientError, match="Invalid NextToken"):
            sagemaker.list_edge_packaging_jobs(NextToken=token, **changes)
    flipped = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (flipped, "nonsense", token[4:]):
        with pytest.raises(ClientError, match="Invalid NextToken"):
            sagemaker.list_edge_packaging_jobs(NextToken=bad, NameContains="token")


def test_regions_do_not_see_each_other(server: RunningServer, sagemaker: Any, compilation: str) -> None:
    sagemaker.create_edge_packaging_job(**packaging_request("only-here", compilation))
    elsewhere = server.client(region="us-west-2")
    with pytest.raises(elsewhere.exceptions.ResourceNotFound):
        elsewhere.describe_edge_packaging_job(EdgePackagingJobName="only-here")
    assert elsewhere.list_edge_packaging_jobs()["EdgePackagingJobSummaries"] == []


def test_tags_from_create_to_delete(sagemaker: Any, compilation: str) -> None:
    tags = [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "vision"}]
    sagemaker.create_edge_packaging_job(**packaging_request("tagged", compilation, Tags=tags))
    arn = sagemaker.describe_edge_packaging_job(EdgePackagingJobName="tagged")["EdgePackagingJobArn"]
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    added = sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "team", "Value": "speech"}])["Tags"]
    assert added == [{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "speech"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["stage", "never-there"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "speech"}]
    with pytest.raises(ClientError, match="50"):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    assert len(sagemaker.list_tags(ResourceArn=arn)["Tags"]) == 1


def test_a_job_created_while_no_worker_lives_waits_can_be_stopped_and_runs_when_one_comes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with serving(data, "--no-worker") as running:
        register(running, "early", running.put("models", "m.tar.gz", _archive()))
        client = running.client()
        for name in ("waits", "is-stopped"):
            assert_empty(client.create_edge_packaging_job(**packaging_request(name, "early")))
        assert_empty(client.stop_edge_packaging_job(EdgePackagingJobName="is-stopped"))
        assert_empty(client.stop_edge_packaging_job(EdgePackagingJobName="is-stopped"))
        time.sleep(1)
        states = [client.describe_edge_packaging_job(EdgePackagingJobName=name) for name in ("waits", "is-stopped")]
        assert [job["EdgePackagingJobStatus"] for job in states] == ["STARTING", "STOPPING"]
        assert running.stop() == 0
    with serving(data) as running:
        client = running.client()
        assert wait_for(client, "waits")["EdgePackagingJobStatus"] == "COMPLETED"
        assert wait_for(client, "is-stopped")["EdgePackagingJobStatus"] == "STOPPED"
        with pytest.raises(ClientError, match="rejected because the edge packaging job is in status COMPLETED"):
            client.stop_edge_packaging_job(EdgePackagingJobName="waits")


def assert_empty(response: dict[str, Any]) -> None:
    """An operation without an output shape answers 200 with no body at all."""
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 200
    assert metadata["HTTPHeaders"]["content-length"] == "0"
    assert metadata["HTTPHeaders"]["content-type"] == "application/x-amz-json-1.1"
    assert len(metadata["RequestId"]) == 36


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.so")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"model"))
    return buffer.getvalue()
