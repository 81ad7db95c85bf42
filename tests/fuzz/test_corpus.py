"""Everything that fuzzing ever kept, replayed without the fuzzer."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fuzzing import CORPUS

if TYPE_CHECKING:
    from types import ModuleType

HERE = Path(__file__).parent
TARGETS = [
    ("tar_reader", "tar"),
    ("signature_reader", "signature"),
    ("recipes", "recipes"),
    ("http_connection", "http_connection"),
]


def target(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("name", "corpus"), TARGETS)
def test_replay(name: str, corpus: str) -> None:
    inputs = sorted((CORPUS / corpus).iterdir())
    assert len(inputs) >= 3
    one_input = target(name).one_input
    for path in inputs:
        one_input(path.read_bytes())
        one_input(path.read_bytes()[: path.stat().st_size // 2])
