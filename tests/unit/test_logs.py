"""Lines of the log: whose they are, and what is redacted in them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
import structlog

from edgewright.logs import REDACTED, redact

PROGRAM = """
import logging, structlog
from edgewright.logs import JOB, REQUEST_ID, configure
configure({log_format!r}, {level!r})
log = structlog.get_logger("test")
log.debug("hidden below info")
REQUEST_ID.set("r-1")
log.info("answered", code="OK")
JOB.set("arn:job")
log.warning("in a job", job="arn:another")
logging.getLogger("library").warning("said %s", "something")
secret_access_key = "hunter2"
try:
    raise ValueError("the password=hunter2 was refused")
except ValueError:
    log.exception("broke")
"""


def lines(log_format: str, level: str = "info") -> str:
    program = PROGRAM.format(log_format=log_format, level=level)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr


def test_a_line_says_which_request_and_job_it_belongs_to() -> None:
    answered, in_a_job, foreign, broke = map(json.loads, lines("json").splitlines())
    assert (answered["request_id"], "job" in answered) == ("r-1", False)
    assert (in_a_job["request_id"], in_a_job["job"]) == ("r-1", "arn:another")  # what is said counts
    assert (foreign["event"], foreign["job"], foreign["logger"]) == ("said something", "arn:job", "library")
    assert broke["exception"][0]["exc_type"] == "ValueError"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_in_an_exception_is_redacted(log_format: str) -> None:
    written = lines(log_format)
    assert "hunter2" not in written
    assert "was refused" in written


def test_the_level_is_the_lowest_that_is_written() -> None:
    assert "hidden below info" in lines("json", "debug")
    assert "hidden below info" not in lines("json")
    assert "answered" not in lines("json", "warning")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("X-Amz-Signature=abc123&x=1", f"X-Amz-Signature={REDACTED}&x=1"),
        ("x?X-Amz-Security-Token=FQoG%2F&X-Amz-Date=1", f"x?X-Amz-Security-Token={REDACTED}&X-Amz-Date=1"),
        ("Authorization: Bearer abc", f"Authorization: Bearer {REDACTED}"),
        ("{'secret_access_key': 'abc', 'a': 1}", f"{{'secret_access_key': '{REDACTED}', 'a': 1}}"),
        ("SecretAccessKey=abc, Signature=def", f"SecretAccessKey={REDACTED}, Signature={REDACTED}"),
        ("postgresql://me:abc@host/db", f"postgresql://me:{REDACTED}@host/db"),
        ("key whsec_MfKQ9r8GKYqrTwjUPD8=", f"key whsec_{REDACTED}"),
        ("session_token=abc", f"session_token={REDACTED}"),
    ],
)
def test_what_looks_like_a_secret_is_redacted_wherever_it_is(text: str, redacted: str) -> None:
    line = {"event": text, "nested": {"list": [text, 1]}}
    assert redact(None, "info", line) == {"event": redacted, "nested": {"list": [redacted, 1]}}


@pytest.mark.parametrize(
    "text", ["The signature does not match.", "tokens: 5", "s3://bucket/secret/key.tar.gz", "at http://host:8181/x@y"]
)
def test_plain_words_are_left_alone(text: str) -> None:
    assert redact(None, "info", {"event": text})["event"] == text


def test_levels_may_be_numbers() -> None:
    from edgewright.logs import configure

    root = logging.getLogger()
    before = (root.handlers, root.level)
    try:
        configure("json", logging.ERROR)
        assert root.level == logging.ERROR
    finally:
        root.handlers, root.level = before
        structlog.reset_defaults()  # else what later tests of this process log below ERROR is gone
