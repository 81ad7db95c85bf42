"""Models of a gigabyte: memory that does not grow, a killed worker, and a Stop, all through boto3."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from isal import igzip

from acceptance.running import RunningServer, packaging_request, register, serving, wait_for
from edgewright.packaging import verify
from edgewright.signing import keys
from edgewright.stores.local_or_s3 import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
FILES, FILE_SIZE = 4, 256 * MIB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a registered artifact of 1 GiB that hardly compresses, as weights do."""
    with serving(tmp_path_factory.mktemp("large") / "data") as running:
        running.put("models", "large.tar.gz", b"")
        write_archive(running.object("s3://models/large.tar.gz"))
        register(running, "large", "s3://models/large.tar.gz")
        yield running


def write_archive(path: Path) -> None:
    chunk = os.urandom(MIB)
    with igzip.open(path, "wb", compresslevel=0) as file, tarfile.open(fileobj=file, mode="w|") as tar:  # type: ignore[no-untyped-call] # isal has no types
        for number in range(FILES):
            member = tarfile.TarInfo(f"weights{number}.params")
            member.size = FILE_SIZE
            tar.addfile(member, Repeated(chunk, FILE_SIZE))


class Repeated(io.RawIOBase):
    """A file that is one chunk over and over, each time turned by a few bytes."""

    def __init__(self, chunk: bytes, size: int) -> None:
        self.chunk, self.left = chunk, size

    def read(self, size: int = -1) -> bytes:
        wanted = min(size, self.left, len(self.chunk))
        self.left -= wanted
        turn = self.left % 9973
        return (self.chunk[turn:] + self.chunk[:turn])[:wanted]


def worker_of(running: RunningServer) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for child in psutil.Process(running.process.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and "worker" in child.cmdline():
                return child
        time.sleep(0.05)
    raise AssertionError("the server keeps no worker")


def peak_memory(process: psutil.Process) -> int:
    """The highest resident set size that the process ever had, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def start(running: RunningServer, name: str) -> Any:
    client = running.client()
    output = {"S3OutputLocation": f"s3://packages/{name}"}
    client.create_edge_packaging_job(**packaging_request(name, "large", OutputConfig=output))
    return client


def wait_until_running(client: Any, name: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if client.describe_edge_packaging_job(EdgePackagingJobName=name)["EdgePackagingJobStatus"] == "INPROGRESS":
            return
        time.sleep(0.02)
    raise AssertionError(f"{name} does not begin")


def objects(running: RunningServer, bucket: str) -> list[str]:
    return sorted(path.name for path in (running.data_dir / "objects" / bucket).rglob("*") if path.is_file())


def check(running: RunningServer, job: dict[str, Any]) -> None:
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    key = keys.load_public_key(running.data_dir / "keys" / "signing.pub.pem")
    verified = verify(read_file(running.object(job["ModelArtifact"])), [key], model_name="digits")
    assert [file.size for file in verified.files] == [FILE_SIZE] * FILES
    assert verified.signature == job["ModelSignature"]


def test_a_gigabyte_takes_less_than_250_megabytes_of_memory(large: RunningServer) -> None:
    client = start(large, "memory")
    check(large, wait_for(client, "memory", 300))
    assert peak_memory(worker_of(large)) < 250_000_000


def test_a_worker_killed_in_mid_job_leaves_one_whole_package(large: RunningServer) -> None:
    client = start(large, "killed")
    wait_until_running(client, "killed")
    time.sleep(0.7)
    worker_of(large).send_signal(signal.SIGKILL)
    assert client.describe_edge_packaging_job(EdgePackagingJobName="killed")["EdgePackagingJobStatus"] == "INPROGRESS"
    check(large, wait_for(client, "killed", 300))
    assert [name for name in objects(large, "packages/killed") if "digits" in name] == ["digits-1.0.tar.gz"]


def test_a_server_killed_with_its_worker_goes_on_at_the_next_start(tmp_path: Path, large: RunningServer) -> None:
    data = tmp_path / "data"
    with serving(data) as first:
        target = first.object("s3://models/large.tar.gz")
        target.parent.mkdir(parents=True)
        os.link(large.object("s3://models/large.tar.gz"), target)
        register(first, "large", "s3://models/large.tar.gz")
        client = start(first, "restarted")
        wait_until_running(client, "restarted")
        time.sleep(0.7)
        worker = worker_of(first)
        first.process.kill()
        worker.kill()
    with serving(data) as second:
        check(second, wait_for(second.client(), "restarted", 300))


def test_a_stop_is_obeyed_while_a_gigabyte_streams(large: RunningServer) -> None:
    client = start(large, "stopped")
    wait_until_running(client, "stopped")
    client.stop_edge_packaging_job(EdgePackagingJobName="stopped")
    job = wait_for(client, "stopped", 30)
    assert job["EdgePackagingJobStatus"] == "STOPPED"
    assert "ModelArtifact" not in job
    assert objects(large, "packages/stopped") == []
