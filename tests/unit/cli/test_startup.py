"""Commands that need no server start without its libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz

if TYPE_CHECKING:
    from pathlib import Path

SERVER = {
    "dbos",
    "sqlalchemy",
    "alembic",
    "starlette",
    "uvicorn",
    "boto3",
    "botocore",
    "onnx",
    "onnxruntime",
    "numpy",
    "tink",
    "google",
}

PROBE = """
import json, sys
try:
    {statement}
except SystemExit:
    pass
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after a statement."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(statement=statement)], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "statement",
    [
        "import edgewright.packaging",
        "import edgewright.stores",
        "import edgewright.compiling",
        "import edgewright.greengrass.publishing.folder, edgewright.greengrass.publishing.aws",
        "from edgewright.cli import app; app(['component', 'export', '--help'])",
        "from edgewright.cli import app; app(['verify', '--help'])",
        "from edgewright.cli import app; app(['package', '--help'])",
    ],
)
def test_no_server_is_imported(statement: str) -> None:
    assert not modules_after(statement) & SERVER


DEVICE = {"archives", "errors", "files", "limits", "packaging", "signing", "strict_json"}
"""The packages and modules that run on devices."""


def test_packaging_and_signing_load_nothing_above_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, edgewright.packaging, edgewright.signing.signers; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = [name.split(".") for name in done.stdout.split()]
    assert {parts[1] for parts in loaded if parts[0] == "edgewright" and len(parts) > 1} <= DEVICE
    assert "pydantic" not in {parts[0] for parts in loaded}


def without_pydantic_settings(
    arguments: list[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    code = "import sys; sys.modules['pydantic_settings'] = None; from edgewright.cli import main; main()"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EDGEWRIGHT_")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=kept | environment)


def test_packages_need_no_settings(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_bytes(model_tar_gz({"model.onnx": b"weights"}))
    package = ["package", "model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", "."]
    verify = ["verify", "m-1.tar.gz", "--public-key", "edgewright-data/keys/signing.pub.pem"]
    for arguments in (package, verify, ["inspect", "m-1.tar.gz"]):
        done = without_pydantic_settings(arguments, tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
    assert "verified  yes" in done.stdout


def test_settings_that_cannot_be_read_are_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "m-1.tar.gz").touch()
    verify = ["inspect", "m-1.tar.gz"]
    done = without_pydantic_settings(verify, tmp_path, EDGEWRIGHT_LIMITS__MEMBERS="1")
    assert done.returncode == 3
    assert "pydantic_settings is not installed: `pip install 'edgewright[server]'`" in done.stderr
