from __future__ import annotations

import functools
import gzip
import json
import os
import random
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiling import METADATA_MEMBER, CompilationSpec, Compiled, Tensor, compile_model, sandbox
from edgewright.compiling.archives import unpack
from edgewright.compiling.onnx_runtime import OnnxRuntime
from edgewright.demo.digits import load_digits
from edgewright.errors import CompilerFailed, JobStopped, ModelRefused, SandboxMissing, TargetUnsupported
from edgewright.limits import Limits
from unit.compiling.models import external, linear, model, tar_gz

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@functools.cache
def a_sandbox() -> sandbox.Sandbox | None:
    """This host's sandbox; without one, what needs it is skipped, and the rest runs under the limits alone."""
    try:
        return sandbox.find()
    except SandboxMissing:
        return None


DIGITS = CompilationSpec("ONNX", data_input_config='{"image": [1, 1, 8, 8]}', target_device="rasp4b")
LINEAR = CompilationSpec("ONNX", data_input_config='{"x": [2, 4]}', target_device="rasp4b")


def compiled(source: Path, spec: CompilationSpec = LINEAR, **options: Any) -> Compiled:
    """Compile beside the source, and hold that nothing but the artifact is left."""
    given: dict[str, Any] = {"sandbox": a_sandbox(), "stopping": lambda: False, "limits": Limits(), "time_limit": 100.0}
    output = source.parent / "out" / "artifact.tar.gz"
    output.parent.mkdir()
    try:
        return compile_model(spec, source, output, **given | options)
    finally:
        assert {path.name for path in output.parent.iterdir()} <= {"artifact.tar.gz"}
        assert not [child for child in psutil.Process().children() if "compiling.child" in " ".join(child.cmdline())]


def unpacked(source: Path) -> Path:
    folder = source.parent / "unpacked"
    with tarfile.open(source.parent / "out" / "artifact.tar.gz") as tar:
        tar.extractall(folder, filter="data")
    return folder


def archive(tmp_path: Path, net: Any, **others: bytes) -> Path:
    return tar_gz(tmp_path / "model.tar.gz", {"net.onnx": net.SerializeToString(), **others})


def answers(model: Path, samples: Any) -> Any:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])


def operators(path: Path) -> set[str]:
    """The operators of an ORT-format model, read from its flatbuffer."""
    from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs.InferenceSession import InferenceSession

    graph = InferenceSession.GetRootAsInferenceSession(bytearray(path.read_bytes()), 0).Model().Graph()
    nodes = [graph.Nodes(index) for index in range(graph.NodesLength())]
    return {f"{node.Domain().decode()}:{node.OpType().decode()}" for node in nodes}


@pytest.mark.parametrize(
    ("target", "platform"),
    [
        ({"target_device": "rasp4b"}, {"os": "LINUX", "arch": "ARM64"}),
        ({"target_platform": {"Os": "LINUX", "Arch": "ARM64"}}, {"os": "LINUX", "arch": "ARM64"}),
        ({"target_device": "ml_c5"}, {"os": "LINUX", "arch": "X86_64"}),
        ({"target_device": "rasp3b"}, {"os": "LINUX", "arch": "ARM_EABIHF"}),
    ],
)
def test_the_compiled_digits_answer_as_the_model_does(tmp_path: Path, target: Any, platform: dict[str, str]) -> None:
    digits = load_digits()
    source = tmp_path / "digits.tar.gz"
    source.write_bytes(digits.archive.read_bytes())
    spec = CompilationSpec("ONNX", data_input_config=digits.data_input_config, **target)
    result = compiled(source, spec)
    folder = unpacked(source)
    assert {path.name for path in folder.iterdir()} == {"model.ort", METADATA_MEMBER}
    assert np.allclose(answers(folder / "model.ort", digits.samples), digits.expected, rtol=1e-4, atol=1e-5)
    # Fused for CPUs, with nothing that is laid out for the kernels of one.
    assert "com.microsoft:FusedConv" in operators(folder / "model.ort")
    assert not [name for name in operators(folder / "model.ort") if "nchwc" in name]
    metadata = json.loads((folder / METADATA_MEMBER).read_text())
    assert metadata["platform"] == platform
    assert metadata["target"] == spec.target
    assert metadata["inputs"] == [{"name": "image", "shape": [1, 1, 8, 8], "type": "float32"}]
    assert metadata["outputs"] == [{"name": "scores", "shape": [1, 10], "type": "float32"}]
    assert metadata["toolchain"] == result.toolchain
    assert set(result.toolchain) == {"edgewright", "onnx", "onnxruntime"}


def test_the_result_describes_the_artifact(tmp_path: Path) -> None:
    import hashlib

    source = archive(tmp_path, linear())
    result = compiled(source)
    artifact = (tmp_path / "out" / "artifact.tar.gz").read_bytes()
    assert (result.size, result.sha256) == (len(artifact), hashlib.sha256(artifact).hexdigest())
    assert result.inputs == (Tensor("x", (2, 4), "float32"),)
    assert result.outputs == (Tensor("y", (2, 3), "float32"),)
    assert json.loads(result.derived_data_input_config) == {"x": [2, 4]}


def test_the_same_job_gives_the_same_bytes(tmp_path: Path) -> None:
    artifacts = set()
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        compiled(archive(tmp_path / run, linear()))
        artifacts.add((tmp_path / run / "out" / "artifact.tar.gz").read_bytes())
    assert len(artifacts) == 1


def test_external_data_comes_along(tmp_path: Path) -> None:
    weights = np.arange(12, dtype=np.float32).reshape(4, 3) - 6
    whole, parted = linear(), linear(weight=external("w", "w.bin"))
    source = tar_gz(tmp_path / "m.tgz", {"deep/n.onnx": parted.SerializeToString(), "deep/w.bin": weights.tobytes()})
    compiled(source)
    (tmp_path / "whole.onnx").write_bytes(whole.SerializeToString())
    samples = np.random.default_rng(1).normal(size=(5, 2, 4)).astype(np.float32)
    model = ort.InferenceSession(unpacked(source) / "model.ort", providers=["CPUExecutionProvider"])
    oracle = ort.InferenceSession(tmp_path / "whole.onnx", providers=["CPUExecutionProvider"])
    for sample in samples:
        assert np.allclose(model.run(None, {"x": sample})[0], oracle.run(None, {"x": sample})[0])


def test_a_quantised_model_answers_alike_for_either_cpu(tmp_path: Path) -> None:
    scale, zero = numpy_helper.from_array(np.float32(0.1), "s"), numpy_helper.from_array(np.int8(0), "z")
    weight = numpy_helper.from_array(np.arange(-6, 6, dtype=np.int8).reshape(4, 3), "w")
    net = model(
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
            helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wd"]),
            helper.make_node("MatMul", ["xd", "wd"], ["y"]),
        ],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 3))],
        [scale, zero, weight],
    )
    sample = np.linspace(-3, 3, 8, dtype=np.float32).reshape(2, 4)
    (tmp_path / "q.onnx").write_bytes(net.SerializeToString())
    expected = ort.InferenceSession(tmp_path / "q.onnx", providers=["CPUExecutionProvider"]).run(None, {"x": sample})[0]
    for device in ("rasp4b", "ml_c5"):
        (tmp_path / device).mkdir()
        source = archive(tmp_path / device, net)
        compiled(source, CompilationSpec("ONNX", target_device=device))
        session = ort.InferenceSession(unpacked(source) / "model.ort", providers=["CPUExecutionProvider"])
        assert np.allclose(session.run(None, {"x": sample})[0], expected, atol=0.05)


NO_SUCH_OPERATOR = model(
    [helper.make_node("Teleport", ["x"], ["y"])],
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 4))],
)
NO_SUCH_KERNEL = model(
    [helper.make_node("Asinh", ["x"], ["y"])],
    [helper.make_tensor_value_info("x", TensorProto.DOUBLE, (2, 4))],
    [helper.make_tensor_value_info("y", TensorProto.DOUBLE, (2, 4))],
)
WRONG_TYPES = model(
    [helper.make_node("Add", ["x", "nowhere"], ["y"])],
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 4))],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, (2, 4))],
)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"readme.txt": b"hello"}, "^InputConfiguration: No ONNX file found in the model archive"),
        ({}, "^InputConfiguration: No ONNX file found in the model archive"),
        ({"a.onnx": b"1", "b/c.ONNX": b"2"}, r"Exactly one .onnx file .* 2 were found: a.onnx, b/c.ONNX"),
        ({"a.onnx": b"garbage"}, r"^InputConfiguration: a.onnx cannot be read as an ONNX model"),
        ({"a.onnx": NO_SUCH_OPERATOR.SerializeToString()}, "^OperatorNotImplemented: .*Teleport"),
        ({"a.onnx": NO_SUCH_KERNEL.SerializeToString()}, "^OperatorNotImplemented: .*Asinh"),
        ({"a.onnx": WRONG_TYPES.SerializeToString()}, "^InputConfiguration: ONNX Runtime cannot load the model"),
        ({"../a.onnx": b"x"}, "^InputConfiguration: The model archive is refused: member '../a.onnx'"),
    ],
)
def test_a_model_that_cannot_be_compiled_says_why(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    source = tar_gz(tmp_path / "m.tar.gz", files)
    config = CompilationSpec("ONNX", target_device="rasp4b", data_input_config='{"x": [2, 4]}')
    with pytest.raises(ModelRefused, match=message) as raised:
        compiled(source, config)
    assert str(tmp_path) not in raised.value.message
    assert not (tmp_path / "out" / "artifact.tar.gz").exists()


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_models_are_refused_or_compiled_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """Archives with a few wrong bytes each: whatever is wrong is the caller's to fix."""
    whole = gzip.decompress(load_digits().archive.read_bytes())
    chance = random.Random(seed)
    outcomes: set[str] = set()
    for number in range(20):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(512, 1600)] = chance.randrange(256)
        folder = tmp_path / str(number)
        (folder / "artifact").mkdir(parents=True)
        (folder / "source.tar.gz").write_bytes(gzip.compress(damaged, 1))
        try:
            with (folder / "source.tar.gz").open("rb") as file:
                unpack(file, folder / "source", Limits())
            OnnxRuntime().build(DIGITS, folder / "source", folder / "artifact")
            outcomes.add("compiled")
        except ModelRefused as error:
            outcomes.add(error.message.partition(":")[0])
    assert outcomes <= {"compiled", "InputConfiguration", "OperatorNotImplemented"}
    assert "InputConfiguration" in outcomes


def test_a_refusal_that_is_very_long_is_cut(tmp_path: Path) -> None:
    names = [f"input-{number}" for number in range(100_000)]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in names]
    net = model([helper.make_node("Relu", [names[0]], ["y"])], inputs, [inputs[0]])
    with pytest.raises(ModelRefused, match=r"names \[\"x\"\], and the model's inputs are") as raised:
        compiled(archive(tmp_path, net))
    assert len(raised.value.message) == 4096


def test_macos_companions_are_passed_over(tmp_path: Path) -> None:
    files = {"._net.onnx": b"attributes", "net.onnx": linear().SerializeToString()}
    assert compiled(tar_gz(tmp_path / "m.tar.gz", files)).inputs[0].name == "x"


def test_limits_reach_the_child(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="the archive's size is over the limit"):
        compiled(archive(tmp_path, linear()), limits=Limits(archive_size=10))


def test_a_target_is_checked_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(TargetUnsupported):
        compiled(tmp_path / "nothing-here", CompilationSpec("ONNX", target_device="coreml"))


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Path]:
    """A source that a compiler never finishes: its archive is a FIFO that is open, and gets no byte."""
    path = tmp_path / "endless.tar.gz"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    yield path
    os.close(writer)


def test_a_stop_ends_the_child(endless: Path) -> None:
    asked: list[float] = []

    def stopping() -> bool:
        asked.append(monotonic())
        return len(asked) == 3

    with pytest.raises(JobStopped):
        compiled(endless, stopping=stopping, time_limit=None)
    assert len(asked) == 3


def test_a_failing_stopping_ends_the_child(endless: Path) -> None:
    def stopping() -> bool:
        raise ConnectionError("the database went away")

    with pytest.raises(ConnectionError):
        compiled(endless, stopping=stopping)


def test_a_job_out_of_time_ends_the_child(endless: Path) -> None:
    with pytest.raises(ModelRefused, match=r"^CompilationTimeOut: .* within MaxRuntimeInSeconds: 0.1"):
        compiled(endless, time_limit=0.1)


def test_a_child_that_is_killed_is_our_failure(endless: Path) -> None:
    def stopping() -> bool:
        for child in psutil.Process().children():
            if "edgewright.compiling.child" in child.cmdline():
                child.kill()
        return False

    with pytest.raises(CompilerFailed, match="ended by SIGKILL, often because memory ran out"):
        compiled(endless, stopping=stopping)


@dataclass(frozen=True, slots=True)
class Unknown(Limits):
    no_such_limit: int = 1


def test_a_child_that_breaks_is_our_failure(tmp_path: Path) -> None:
    source = archive(tmp_path, linear())
    with pytest.raises(CompilerFailed, match=r"exit code 1: TypeError: .*no_such_limit"):
        compiled(source, limits=Unknown())


def test_the_child_ends_with_its_parent(endless: Path, tmp_path: Path) -> None:
    """A worker that is killed leaves no compiler behind."""
    code = (
        "import sys; from pathlib import Path\n"
        "from edgewright.compiling import CompilationSpec, compile_model\n"
        "from edgewright.limits import Limits\n"
        "spec = CompilationSpec('ONNX', target_device='rasp4b')\n"
        "from edgewright.compiling import sandbox\n"
        "compile_model(spec, Path(sys.argv[1]), Path(sys.argv[2]), sandbox=sandbox.find() if sys.argv[3] else None,\n"
        "              stopping=lambda: False, limits=Limits(), time_limit=None)\n"
    )
    sandboxed = "yes" if a_sandbox() else ""
    parent = psutil.Popen([sys.executable, "-c", code, str(endless), str(tmp_path / "out.tar.gz"), sandboxed])
    children = _until(parent.children)
    _until(lambda: children[0].status() == psutil.STATUS_SLEEPING)
    parent.kill()
    parent.wait(10)
    _gone, alive = psutil.wait_procs(children, timeout=20)
    assert not alive


def _until(look: Any) -> Any:
    until = monotonic() + 30
    while monotonic() < until:
        found = look()
        if found:
            return found
        sleep(0.05)
    raise AssertionError("it never came")


def test_the_child_gets_no_credentials(endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("EDGEWRIGHT_SECRET_ACCESS_KEY", "hidden")
    seen: list[dict[str, str]] = []

    def stopping() -> bool:
        child = next(child for child in psutil.Process().children() if "-P" in child.cmdline())
        seen.append(child.environ())
        return True

    with pytest.raises(JobStopped):
        compiled(endless, stopping=stopping)
    assert seen[0]["PATH"]
    assert not [name for name in seen[0] if "SECRET" in name]


def test_the_model_cannot_stand_in_for_a_module(tmp_path: Path) -> None:
    hostile = b"raise SystemExit(99)"
    files = {"net.onnx": linear().SerializeToString(), "numpy.py": hostile, "onnx.py": hostile, "json.py": hostile}
    assert compiled(tar_gz(tmp_path / "m.tar.gz", files)).outputs[0].name == "y"


def test_the_child_answers_one_request_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgewright.compiling.child"], input=b"not json\n", capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"JSONDecodeError" in done.stderr
