"""Traces of real processes, received as a collector receives them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.otlp import receiving
from acceptance.running import packaging_request, register, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CONSUMER = "2", "5"
"""OpenTelemetry's kinds of spans, by their numbers in OTLP."""


def test_a_trace_goes_from_the_callers_span_through_the_request_to_the_jobs_steps(tmp_path: Path) -> None:
    with receiving() as receiver:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with serving(tmp_path / "data", environment=environment) as server:
            register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x" * 100_000})))
            register(server, "gone", server.put("models", "gone.tar.gz", archive({"model.so": b"x"})))
            server.object("s3://models/gone.tar.gz").unlink()
            client = server.client()
            client.meta.events.register("before-send.sagemaker.CreateEdgePackagingJob", _with_parent)
            client.create_edge_packaging_job(**packaging_request("traced", "compiled"))
            assert wait_for(client, "traced")["EdgePackagingJobStatus"] == "COMPLETED"
            plain = server.client()
            plain.create_edge_packaging_job(**packaging_request("failing", "gone"))
            assert wait_for(plain, "failing")["EdgePackagingJobStatus"] == "FAILED"
            with pytest.raises(ClientError):
                server.client(aws_secret_access_key="wrong").list_edge_packaging_jobs()
            _wait(lambda: len(receiver.named("package")) == 2 and len(receiver.named("job")) == 2)
        secret = server.keys[1]

    assert receiver.paths == {"/v1/traces"}
    (request,) = [span for span in receiver.named("CreateEdgePackagingJob") if span["trace"] == TRACE]
    (job,) = [span for span in receiver.named("job") if span["trace"] == TRACE]
    (step,) = [span for span in receiver.named("package") if span["trace"] == TRACE]
    assert (request["parent"], job["parent"], step["parent"]) == (CALLER, request["id"], job["id"])
    assert (request["kind"], job["kind"]) == (SERVER, CONSUMER)
    assert (request["edgewright.role"], job["edgewright.role"]) == ("server", "worker")
    assert request["service.name"] == job["service.name"] == "edgewright"
    assert request["http.response.status_code"] == "200"
    assert len(request["aws.request_id"]) == 36
    assert job["job.arn"].endswith(":edge-packaging-job/traced")
    assert (step["job.status"], step["error"]) == ("COMPLETED", "")

    (failed,) = [span for span in receiver.named("package") if span["trace"] != TRACE]
    assert failed["error"].startswith("ClientError: ")
    assert failed["job.status"] == "FAILED"
    assert [span["http.response.status_code"] for span in receiver.named("request")] == ["400"]  # it was refused unread
    assert secret not in str(receiver.spans)


def _with_parent(request: Any, **_: Any) -> None:
    """What OpenTelemetry's instrumentation of a client does; the header need not be signed."""
    request.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"


def _wait(met: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.1)
