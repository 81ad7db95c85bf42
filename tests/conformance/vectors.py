"""The conformance vectors, which the project does not hold: `EDGEWRIGHT_CONFORMANCE_VECTORS` names their folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "EDGEWRIGHT_CONFORMANCE_VECTORS"


def folder(name: str) -> Path:
    """The folder of one set of vectors; skips the module that asks where there are none."""
    root = os.environ.get(VARIABLE)
    if not root:
        pytest.skip(f"{VARIABLE} is not set: it names the folder with botocore's vectors", allow_module_level=True)
    path = Path(root) / name
    if not path.is_dir():
        pytest.fail(f"{VARIABLE} is {root}, which has no folder {name}", pytrace=False)
    return path
