"""Commands that need no server start without its libraries."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

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
