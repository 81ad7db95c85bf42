"""A backend that is made here, and added to the table of backends."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from edgewright.compiling import child
from edgewright.compiling.backends import BACKENDS, check
from edgewright.compiling.compiled import Built, Tensor
from edgewright.compiling.spec import CompilationSpec
from edgewright.errors import TargetUnsupported

if TYPE_CHECKING:
    from pathlib import Path


class Copying:
    """A backend as somebody may add one: its artifact is the model."""

    def check(self, spec: CompilationSpec) -> None:
        if spec.target_device != "rasp4b":
            raise TargetUnsupported("Only rasp4b.")

    def build(self, spec: CompilationSpec, source: Path, artifact: Path) -> Built:
        (artifact / "model").write_bytes((source / "model").read_bytes())
        return Built((Tensor("in", (1,), "float32"),), (), {"copying": "1"}, {"device": spec.target_device})


def test_a_backend_is_added_by_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "XGBOOST", Copying())
    spec = CompilationSpec("XGBOOST", target_device="rasp4b")
    check(spec)
    with pytest.raises(TargetUnsupported, match=r"Only rasp4b\."):
        check(CompilationSpec("XGBOOST", target_device="jetson_nano"))
    with pytest.raises(TargetUnsupported, match="Supported: ONNX, XGBOOST"):
        check(CompilationSpec("TFLITE", target_device="rasp4b"))
    source = tmp_path / "source"
    source.mkdir()
    (source / "model").write_bytes(b"weights")
    done = child._compile(spec, source, tmp_path)
    assert done["toolchain"] == {"copying": "1"}
    with tarfile.open(tmp_path / child.ARTIFACT) as archive:
        assert {"model", "edgewright_compilation"} <= set(archive.getnames())
