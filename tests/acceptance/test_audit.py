"""The audit log of a server: one line for each call that changes something or is refused, and who may rely on it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.running import ACCOUNT, REGION, packaging_request, register, serving
from acceptance.test_access_keys import client_of, new_key
from acceptance.test_components_api import compiled_model
from acceptance.test_console import Visitor

if TYPE_CHECKING:
    from pathlib import Path

    from acceptance.running import RunningServer

ADMIN = f"arn:aws:iam::{ACCOUNT}:user/edgewright"
READER = f"arn:aws:iam::{ACCOUNT}:user/reader"
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:edge-packaging-job/j"


def audited(server: RunningServer) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("logger") == "edgewright.audit"]


def test_each_call_that_changes_something_or_is_refused_has_its_line(tmp_path: Path) -> None:
    environment = {"EDGEWRIGHT_LOG_FORMAT": "json", "EDGEWRIGHT_LOG_LEVEL": "error"}
    with serving(tmp_path / "data", "--no-worker", environment=environment) as server:
        register(server, "c", server.put("models", "m.tar.gz", compiled_model()))
        admin = server.client()
        made = admin.create_edge_packaging_job(**packaging_request("j", "c"))
        admin.describe_edge_packaging_job(EdgePackagingJobName="j")
        reader = client_of(server, new_key(server, "reader", "--allow", "sagemaker:Describe*"))
        denied = refused(reader.stop_edge_packaging_job, EdgePackagingJobName="j")
        refused(server.client(aws_secret_access_key="wrong").list_edge_packaging_jobs)
        answer(urllib.request.Request(f"{server.url}/", data=b"{}", headers={"X-Amz-Target": "SageMaker.ListTags"}))
        answer(f"{server.url}/artifacts/packages/x?expires=1&signature=2")
        answer(f"{server.url}/events")
        visitor = Visitor(server.url)
        visitor.post("/console/jobs/j/stop", {})
        visitor.sign_in(("AKIDNOBODY", "no"))
        visitor.sign_in(server.keys)
        visitor.post("/console/jobs/j/stop", {})
        visitor.get("/console/jobs/j")
        visitor.post("/console/jobs/j/stop", {"token": visitor.token("/console/jobs/j")})
        visitor.post("/console/sign-out", {"token": visitor.token("/console/jobs/j")})
        lines = audited(server)
    seen = [(line["who"], line["action"], line["result"], line["resources"][:1]) for line in lines]
    assert seen == [
        (ADMIN, "sagemaker:CreateEdgePackagingJob", "OK", [JOB]),
        (READER, "sagemaker:StopEdgePackagingJob", "AccessDeniedException", [JOB]),
        (None, "POST / SageMaker.ListEdgePackagingJobs", "InvalidSignatureException", []),
        (None, "POST / SageMaker.ListTags", "MissingAuthenticationTokenException", []),
        (None, "GET /artifacts/packages/x", "AccessDeniedException", []),
        (None, "GET /events", "MissingAuthenticationTokenException", []),
        (None, "POST /console/jobs/j/stop", "AccessDeniedException", []),
        (None, "edgewright:SignIn", "AccessDeniedException", []),
        (ADMIN, "edgewright:SignIn", "OK", []),
        (ADMIN, "POST /console/jobs/j/stop", "AccessDeniedException", []),
        (ADMIN, "sagemaker:StopEdgePackagingJob", "OK", [JOB]),
        (ADMIN, "edgewright:SignOut", "OK", []),
    ]
    assert {line["address"] for line in lines} == {"127.0.0.1"}
    assert lines[0]["request_id"] == made["ResponseMetadata"]["RequestId"]
    assert lines[1]["request_id"] == denied["ResponseMetadata"]["RequestId"]
    assert len({line["request_id"] for line in lines}) == len(lines)


def refused(call: Any, **request: Any) -> Any:
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response


def answer(request: Any) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request)
