"""A real server process on a free port, and the clients that talk to it."""

from __future__ import annotations

import configparser
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

READY_SECONDS = 60.0
REGION = "eu-west-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge"


@dataclass
class RunningServer:
    """`edgewright serve` as a user starts it."""

    process: subprocess.Popen[str]
    data_dir: Path
    url: str
    log: Path
    keys: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        file = configparser.ConfigParser()
        file.read(self.data_dir / "credentials")
        section = file["default"]
        self.keys = (section["aws_access_key_id"], section["aws_secret_access_key"])

    def client(self, service: str = "sagemaker", region: str = REGION, **options: Any) -> Any:
        """An unmodified boto3 client: endpoint, region and credentials are all that it is given."""
        key_id, secret = self.keys
        once = Config(retries={"total_max_attempts": 1})
        defaults = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "config": once}
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            **(defaults | options),
        )

    def put(self, bucket: str, key: str, content: bytes) -> str:
        """Put an object into the directory store; its URI."""
        path = self.data_dir / "objects" / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"s3://{bucket}/{key}"

    def object(self, uri: str) -> Path:
        """The file behind an object's URI."""
        return self.data_dir / "objects" / uri.removeprefix("s3://")

    def stop(self) -> int:
        """Ask the server to end, as a service manager does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def command(*arguments: str) -> list[str]:
    """The command line of `edgewright`, run by this interpreter."""
    return [sys.executable, "-m", "edgewright", *arguments]


@contextmanager
def serving(
    data_dir: Path, *flags: str, environment: Mapping[str, str] | None = None, under: Sequence[str] = ()
) -> Iterator[RunningServer]:
    """A server on a free port that is ended when the block ends, whatever happens in it.

    Args:
        data_dir: the server's.
        flags: of `edgewright serve`.
        environment: beside this process's.
        under: a command that runs the server's, such as `prlimit`.
    """
    log = data_dir.with_name(f"{data_dir.name}.log")
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*under, *command("serve", "--port", "0", "--data-dir", str(data_dir), *flags)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environment() | dict(environment or {}),
        )
    try:
        yield RunningServer(process, data_dir, _url(process, log), log)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        process.communicate()


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would steer a client or the server."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EDGEWRIGHT_", "ORT_"))}


def _url(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "ready at http://" in line, f"no ready line but {line!r}; the log:\n{log.read_text()}"
    return line.split()[4]


def wait_for(client: Any, name: str, seconds: float = 60.0) -> dict[str, Any]:
    """Poll an edge packaging job until it has ended, as pipelines do."""
    return _poll(client.describe_edge_packaging_job, "EdgePackagingJob", name, seconds)


def wait_for_compilation(client: Any, name: str, seconds: float = 60.0) -> dict[str, Any]:
    """Poll a compilation job until it has ended."""
    return _poll(client.describe_compilation_job, "CompilationJob", name, seconds)


def _poll(describe: Any, noun: str, name: str, seconds: float) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job: dict[str, Any] = describe(**{f"{noun}Name": name})
        if job[f"{noun}Status"] in {"COMPLETED", "FAILED", "STOPPED"}:
            return job
        time.sleep(0.1)
    raise AssertionError(f"{name} has not ended: {job}")


def packaging_request(name: str, compilation: str, **changes: Any) -> dict[str, Any]:
    """A valid CreateEdgePackagingJob request."""
    request: dict[str, Any] = {
        "EdgePackagingJobName": name,
        "CompilationJobName": compilation,
        "ModelName": "digits",
        "ModelVersion": "1.0",
        "RoleArn": ROLE,
        "OutputConfig": {"S3OutputLocation": "s3://packages/out"},
    }
    return request | changes


def register(
    server: RunningServer, name: str, artifact: str, *flags: str, environment: Mapping[str, str] | None = None
) -> None:
    """Make a COMPLETED compilation job of an artifact, as an administrator does."""
    subprocess.run(
        command(
            "compilations", "register", name, "--artifact", artifact, "--framework", "PYTORCH",
            "--target", "jetson_nano", "--region", REGION, "--data-dir", str(server.data_dir), *flags,
        ),
        check=True,
        capture_output=True,
        text=True,
        env=clean_environment() | dict(environment or {}),
    )  # fmt: skip
