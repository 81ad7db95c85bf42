"""A real S3 server for tests: moto (see `s3_server`), a process of its own on a free port of the loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).with_name("s3_server.py")


@dataclass(frozen=True)
class S3Service:
    """Where the server listens, and a key that it takes."""

    url: str
    key: str = "AKIAEXAMPLEEXAMPLE01"
    secret: str = "not-a-secret"

    def client(self, **credentials: str) -> Any:
        """A boto3 client, to look at the server from the other side."""
        import boto3

        given = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret} | credentials
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **given)


@contextmanager
def s3_service(**environment: str) -> Iterator[S3Service]:
    """Start a server, wait until it says where it listens, and end it."""
    import os

    with tempfile.TemporaryFile("w+") as log:
        # Isolated: whatever lies beside the server, or on this process's path, may be named as what it imports.
        command = [sys.executable, "-I", str(SERVER), "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environment)
        try:
            yield S3Service(address(process, log, r"Running on (http://127\.0\.0\.1:[0-9]+)"))
        finally:
            process.terminate()
            process.wait(10)


def address(process: subprocess.Popen[bytes], log: Any, pattern: str) -> str:
    """Where the server listens, once its log says so as the pattern's group."""
    until = monotonic() + 60
    while monotonic() < until and process.poll() is None:
        log.seek(0)
        found = re.search(pattern, log.read())
        if found:
            return found[1]
        sleep(0.05)
    log.seek(0)
    raise AssertionError(f"the S3 server did not start:\n{log.read()}")
