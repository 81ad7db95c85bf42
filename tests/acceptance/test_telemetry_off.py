"""Nothing that is ours sends telemetry of ONNX Runtime's, whose wheels send it unless they are told not to.

Where it is on, it leaves a folder in the home directory.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from acceptance.running import clean_environment
from acceptance.test_cli import run

ROOT = Path(__file__).resolve().parents[2]
LOAD = """
import sys, tarfile
sys.path[:0] = sys.argv[1:3]
import inference
with tarfile.open(sys.argv[3]) as tar:
    model = tar.extractfile("digits.onnx").read()
inference.onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
"""


def test_the_demo_sends_none(tmp_path: Path) -> None:
    done = run("demo", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_the_example_of_a_device_sends_none(tmp_path: Path) -> None:
    examples, digits = ROOT / "examples", ROOT / "src" / "edgewright" / "demo" / "data" / "digits.tar.gz"
    done = subprocess.run(
        [sys.executable, "-c", LOAD, examples / "greengrass-inference", examples, digits],
        env=clean_environment() | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*onnxruntime*"))
