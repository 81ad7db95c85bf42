from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.jobs import CompilationJob, JobKey, Status
from edgewright.limits import Limits
from edgewright.roles import ServiceRole
from edgewright.stores import S3Uri
from edgewright.worker.compilation import compile_job
from memory_store import MemoryStore
from migrated import beside
from unit.compiling.models import linear
from unit.worker.conftest import SOURCE, tar_gz

if TYPE_CHECKING:
    from edgewright.worker import WorkerContext
    from unit.worker.conftest import Harness

ARTIFACT = S3Uri("out", "compiled/model-rasp4b.tar.gz")


def run(harness: Harness, key: JobKey, context: WorkerContext | None = None) -> CompilationJob:
    compile_job(key, context or harness.context)
    assert list(harness.context.work_dir.glob("*")) == [], "a work folder was left"
    job = harness.jobs.get(key)
    assert isinstance(job, CompilationJob)
    return job


@pytest.fixture
def model(harness: Harness) -> bytes:
    source = tar_gz({"net.onnx": linear().SerializeToString()})
    harness.source(source)
    return source


def test_the_artifact_is_written_and_described(harness: Harness, model: bytes) -> None:
    job = run(harness, harness.compilation())
    assert (job.status, job.failure_reason, job.attempt) == (Status.COMPLETED, "", 1)
    assert job.model_artifact == str(ARTIFACT)
    content = b"".join(bytes(piece) for piece in harness.objects.memory.read(ARTIFACT))
    assert job.artifact_digest == hashlib.sha256(content).hexdigest()
    assert job.started_at is not None
    assert job.ended_at is not None
    assert job.started_at <= job.ended_at
    assert job.derived_data_input_config is None, "the caller gave one"
    assert job.bytes_done == job.bytes_total == len(model)


@pytest.mark.usefixtures("model")
def test_the_report_has_inputs_outputs_and_the_log(harness: Harness) -> None:
    key = harness.compilation()
    run(harness, key)
    report = beside(harness.jobs).reports.get(key)
    assert report["inputs"] == [{"name": "x", "shape": [2, 4], "type": "float32"}]
    assert [output["name"] for output in report["outputs"]] == ["y"]
    assert set(report["toolchain"]) >= {"onnxruntime"}
    lines = report["log"].splitlines()
    assert "Unpacked the model: 1 file," in lines[0]
    assert "Packed the artifact:" in lines[-1]
    assert str(harness.context.work_dir) not in report["log"]


def test_a_job_that_fails_keeps_its_log(harness: Harness) -> None:
    harness.source(tar_gz({"net.onnx": b"no model"}))
    key = harness.compilation()
    job = run(harness, key)
    assert job.status == Status.FAILED
    report = beside(harness.jobs).reports.get(key)
    assert set(report) == {"error", "log"}
    assert report["error"] == "ModelRefused"
    assert "Refused: " in report["log"]


@pytest.mark.usefixtures("model")
def test_the_inputs_are_derived_where_the_caller_gives_none(harness: Harness) -> None:
    harness.source(tar_gz({"net.onnx": linear((2, 4)).SerializeToString()}))
    job = run(harness, harness.compilation(input_config={"S3Uri": str(SOURCE), "Framework": "ONNX"}))
    assert (job.status, job.failure_reason) == (Status.COMPLETED, "")
    assert json.loads(job.derived_data_input_config or "") == {"x": [2, 4]}


def fails(harness: Harness, **members: Any) -> str:
    job = run(harness, harness.compilation(**members))
    assert (job.status, job.model_artifact, job.artifact_digest) == (Status.FAILED, None, None)
    assert job.ended_at is not None
    assert harness.objects.names("out") == set()
    return job.failure_reason


def test_a_model_that_is_missing(harness: Harness) -> None:
    harness.objects.memory.write(S3Uri("in", "other"), [b"x"])
    assert fails(harness) == (
        "ClientError: InputConfiguration: S3 object does not exist. Bucket: in, Key: model.tar.gz"
    )


def test_a_model_that_is_no_archive(harness: Harness) -> None:
    harness.source(b"no gzip at all")
    assert fails(harness).startswith("ClientError: InputConfiguration: Unable to untar input model.")


def test_a_model_over_the_limit_is_not_downloaded(harness: Harness, model: bytes) -> None:
    harness.context = replace(harness.context, limits=Limits(archive_size=100))
    assert fails(harness) == (
        f"ClientError: InputConfiguration: The model archive has {len(model)} bytes, and 100 are allowed. "
        "Bucket: in, Key: model.tar.gz"
    )
    assert harness.objects.reads == 0


def test_a_model_that_grows_over_the_limit_before_it_is_read_is_refused(
    harness: Harness, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = len(model) - 1
    harness.context = replace(harness.context, limits=Limits(archive_size=most))
    monkeypatch.setattr(harness.objects, "size", lambda _uri: most)
    assert fails(harness) == (
        f"ClientError: InputConfiguration: The model archive has over {most} bytes by now, which limits.archive_size "
        "allows."
    )


@pytest.mark.usefixtures("model")
def test_a_location_that_cannot_be_used(harness: Harness) -> None:
    reason = fails(harness, output_config={"S3OutputLocation": "s3://out/../x", "TargetDevice": "rasp4b"})
    assert reason.startswith("ClientError: OutputConfiguration: ")


@pytest.mark.usefixtures("model")
def test_a_stop_before_the_artifact_would_be_visible(harness: Harness) -> None:
    key = harness.compilation()
    harness.objects.before_write = lambda: harness.stop(key)
    job = run(harness, key)
    assert (job.status, job.model_artifact) == (Status.STOPPED, None)
    assert harness.objects.names("out") == set()


@pytest.mark.usefixtures("model")
def test_a_stop_while_the_download_stalls(harness: Harness) -> None:
    key = harness.compilation()
    harness.objects.stall = Event()
    runner = Thread(target=run, args=(harness, key))
    runner.start()
    try:
        while harness.jobs.get(key).status is Status.STARTING:
            runner.join(0.01)
        harness.stop(key)
        runner.join(30)
        assert not runner.is_alive()
    finally:
        harness.objects.stall.set()
    assert harness.jobs.get(key).status is Status.STOPPED


@pytest.mark.usefixtures("model")
def test_the_model_is_read_and_the_artifact_written_with_the_rights_of_the_role(harness: Harness) -> None:
    context = replace(harness.context, objects=MemoryStore(), roles=ServiceRole(harness.objects))
    job = run(harness, harness.compilation(), context)
    assert (job.status, job.failure_reason) == (Status.COMPLETED, "")
    assert harness.objects.memory.exists(ARTIFACT)
