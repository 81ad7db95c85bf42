"""A log that cannot be written fails nobody."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
import logging, sys, structlog
from edgewright import logs
logs.configure(sys.argv[1])
structlog.get_logger("a").warning("lost", much="x" * 100_000)
logging.getLogger("b").error("lost too")
print("went on")
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_full_disk_under_the_log_fails_nobody(log_format: str) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        done = subprocess.run(
            [sys.executable, "-c", CODE, log_format], stdout=subprocess.PIPE, stderr=full, text=True, check=False
        )
    assert done.stdout == "went on\n"


def test_a_log_that_can_be_written_is() -> None:
    done = subprocess.run([sys.executable, "-c", CODE, "json"], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["lost", "lost too"]
