"""Whole jobs whose RoleArn is assumed, and jobs that are stopped while S3 stalls: real processes, S3 and STS."""

from __future__ import annotations

import io
import json
import tarfile
import time
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.running import ACCOUNT, ROLE, RunningServer, packaging_request, register, serving, wait_for
from contract.s3_service import S3Service, s3_service
from contract.s3_stand_in import passed_on, stand_in
from contract.sts_stand_in import sts_service
from faulty_proxy import Fault, faulty_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODYS = f"arn:aws:iam::{ACCOUNT}:role/nobodys"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
STALL_SECONDS = 60.0


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Service]:
    with s3_service() as service:
        client = service.client()
        for bucket in ("models", "packages"):
            client.create_bucket(Bucket=bucket)
        client.put_object(Bucket="models", Key="digits.tar.gz", Body=model())
        yield service


def model() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.so")
        member.size = 100_000
        tar.addfile(member, io.BytesIO(bytes(100_000)))
    return buffer.getvalue()


@contextmanager
def serving_from(s3: S3Service, url: str, folder: Path, **more: str) -> Iterator[RunningServer]:
    """A server and its worker whose objects are behind this address, with a compilation job called `compiled`."""
    own = {
        "EDGEWRIGHT_OBJECT_STORE": "s3",
        "EDGEWRIGHT_S3__ENDPOINT_URL": s3.url,
        "EDGEWRIGHT_S3__ACCESS_KEY_ID": "AKIASERVICE",
        "EDGEWRIGHT_S3__SECRET_ACCESS_KEY": "not-a-secret",
    }
    environment = own | {"EDGEWRIGHT_S3__ENDPOINT_URL": url} | more
    with serving(folder, environment=environment) as server:
        register(server, "compiled", "s3://models/digits.tar.gz", environment=own)
        yield server


def test_a_job_has_its_roles_rights_and_no_others(s3: S3Service, tmp_path: Path) -> None:
    with stand_in(lambda asked: passed_on(s3.url, asked)) as objects, sts_service(ROLE) as sts:
        given = {"EDGEWRIGHT_ROLES": "sts", "EDGEWRIGHT_STS__ENDPOINT_URL": sts.server.url}
        with serving_from(s3, objects.url, tmp_path / "data", **given) as server:
            sagemaker = server.client()
            output = {"S3OutputLocation": "s3://packages/roles", "KmsKeyId": KEY}
            sagemaker.create_edge_packaging_job(**packaging_request("assumed", "compiled", OutputConfig=output))
            job = wait_for(sagemaker, "assumed")
            assert job["EdgePackagingJobStatus"] == "COMPLETED", job
            keys = {asked.credential[0][:4] for asked in objects.asked}
            assert keys == {"ASIA"}, "no request had the service's own rights"
            assert {asked["RoleSessionName"] for asked in sts.asked} == {"edgewright-assumed"}
            found = s3.client().head_object(Bucket="packages", Key="roles/digits-1.0.tar.gz")
            assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", KEY)

            _refused_at_create(sagemaker)

            sts.roles.clear()  # and within the minute in which a create does not ask again
            sagemaker.create_edge_packaging_job(**packaging_request("taken-away", "compiled"))
            job = wait_for(sagemaker, "taken-away")
            assert job["EdgePackagingJobStatus"] == "FAILED"
            assert job["EdgePackagingJobStatusMessage"].startswith(f"ClientError: Could not assume role {ROLE}.")


def test_a_tenant_makes_no_component_of_another_tenants_object(s3: S3Service, tmp_path: Path) -> None:
    """The service reads every tenant's bucket with its own rights; a recipe must not borrow them."""
    s3.client().create_bucket(Bucket="others")
    s3.client().put_object(Bucket="others", Key="secret.bin", Body=b"secret")
    given = {"EDGEWRIGHT_ROLES": "sts", "EDGEWRIGHT_COMPONENT_BUCKETS": json.dumps({ACCOUNT: ["models"]})}
    own = {"EDGEWRIGHT_S3__ACCESS_KEY_ID": s3.key, "EDGEWRIGHT_S3__SECRET_ACCESS_KEY": s3.secret}
    with serving_from(s3, s3.url, tmp_path / "data", **given, **own) as server:
        greengrass = server.client("greengrassv2")
        with pytest.raises(greengrass.exceptions.ValidationException, match="The bucket others is none"):
            greengrass.create_component_version(inlineRecipe=recipe("s3://others/secret.bin"))
        made = greengrass.create_component_version(inlineRecipe=recipe("s3://models/digits.tar.gz"))
        with pytest.raises(greengrass.exceptions.ValidationException, match="No link is made"):
            greengrass.get_component_version_artifact(arn=made["arn"], artifactName="digits.tar.gz")


def recipe(uri: str) -> bytes:
    manifest = {
        "Platform": {"os": "linux", "runtime": "*"},
        "Lifecycle": {"run": "exec sleep infinity"},
        "Artifacts": [{"Uri": uri, "Permission": {"Read": "ALL", "Execute": "NONE"}}],
    }
    named = {"RecipeFormatVersion": "2020-01-25", "ComponentName": "borrowed", "ComponentVersion": "1.0.0"}
    return json.dumps(named | {"Manifests": [manifest]}).encode()


def _refused_at_create(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.create_edge_packaging_job(**packaging_request("refused", "compiled", RoleArn=NOBODYS))
    assert raised.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": f"Could not assume role {NOBODYS}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
    }
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="refused")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_stop_does_not_wait_for_a_store_that_stalls(s3: S3Service, tmp_path: Path, method: str) -> None:
    stalled = Event()

    def choose(_number: int, found: str, target: str) -> Fault | None:
        if found != method or "digits.tar.gz" not in target:
            return None
        stalled.set()
        return Fault.STALL

    with faulty_proxy(s3.url, choose, stall_seconds=STALL_SECONDS) as proxy:
        patient = {"EDGEWRIGHT_S3__READ_SECONDS": str(2 * STALL_SECONDS)}
        with serving_from(s3, proxy.url, tmp_path / "data", **patient) as server:
            sagemaker = server.client()
            name = f"stalled-{method.lower()}"
            sagemaker.create_edge_packaging_job(**packaging_request(name, "compiled"))
            assert stalled.wait(30)
            begun = time.monotonic()
            sagemaker.stop_edge_packaging_job(EdgePackagingJobName=name)
            assert wait_for(sagemaker, name)["EdgePackagingJobStatus"] == "STOPPED"
            assert time.monotonic() - begun < STALL_SECONDS / 2, "the stall was not waited for"
