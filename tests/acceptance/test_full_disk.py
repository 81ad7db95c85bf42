"""A disk that fills up: honest errors, nothing half done, and everything goes on once there is room again."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.disk import MIB, Disk, small_disk
from acceptance.running import RunningServer, packaging_request, register, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = random.Random(28).randbytes(8 * MIB)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with small_disk(tmp_path_factory.mktemp("full") / "disk", 64 * MIB) as disk:
        yield disk


@pytest.fixture(scope="module")
def running(disk: Disk) -> Iterator[RunningServer]:
    """A server and a worker whose data folder has the disk for itself."""
    with serving(disk.folder / "data") as server:  # and its log, which fills up with it
        register(server, "compiled", server.put("models", "model.tar.gz", archive({"model.so": MODEL})))
        yield server


@pytest.fixture
def client(running: RunningServer, disk: Disk) -> Iterator[Any]:
    yield running.client()
    disk.free()


def request(name: str) -> dict[str, Any]:
    return packaging_request(name, "compiled", ModelName=name)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def goes_on(running: RunningServer, client: Any, name: str) -> None:
    """A job is taken and completed."""
    client.create_edge_packaging_job(**request(name))
    job = wait_for(client, name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert running.object(job["ModelArtifact"]).is_file()
    assert running.process.poll() is None


def test_a_package_that_does_not_fit_fails_its_job_and_leaves_nothing(
    running: RunningServer, client: Any, disk: Disk
) -> None:
    objects = running.data_dir / "objects"
    before = files(objects)
    disk.fill(leaving=4 * MIB)
    client.create_edge_packaging_job(**request("too-big"))
    job = wait_for(client, "too-big")
    assert job["EdgePackagingJobStatus"] == "FAILED"
    assert job["EdgePackagingJobStatusMessage"].startswith("InternalServerError: The object store")
    assert "full" in job["EdgePackagingJobStatusMessage"]
    assert "ModelArtifact" not in job
    assert files(objects) == before
    disk.free()
    goes_on(running, client, "fits-again")


def test_a_create_that_cannot_be_kept_is_refused_whole(running: RunningServer, client: Any, disk: Disk) -> None:
    disk.fill()
    refusals = []
    for number in range(3):
        with pytest.raises(ClientError) as raised:
            client.create_edge_packaging_job(**request(f"unkept-{number}"))
        refusals.append(raised.value.response)
    for refused in refusals:
        assert refused["ResponseMetadata"]["HTTPStatusCode"] == 503
        assert refused["Error"]["Code"] == "ServiceUnavailable"
    assert client.describe_compilation_job(CompilationJobName="compiled")["CompilationJobStatus"] == "COMPLETED"
    disk.free()
    for number in range(3):
        with pytest.raises(client.exceptions.ResourceNotFound):
            client.describe_edge_packaging_job(EdgePackagingJobName=f"unkept-{number}")
    goes_on(running, client, "unkept-0")


def test_a_job_outlives_a_disk_that_is_full_while_it_runs(running: RunningServer, client: Any, disk: Disk) -> None:
    """Neither the jobs' database nor the engine's can be written from before the job begins until there is room."""
    (worker,) = psutil.Process(running.process.pid).children()
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        client.create_edge_packaging_job(**request("patient"))
        disk.fill()
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    time.sleep(3)  # for the worker to run into it
    held = client.describe_edge_packaging_job(EdgePackagingJobName="patient")
    assert held["EdgePackagingJobStatus"] in {"STARTING", "INPROGRESS"}, held
    disk.free()
    job = wait_for(client, "patient")
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert files(running.data_dir / "objects" / ".staging") == set()
    goes_on(running, client, "after-waiting")
