"""What compiling takes in memory: small models that would become large ones, and large ones that are."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiling.confinement import memory_for
from unit.compiling.models import model, tar_gz

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024**2
MANY = 200_000_000  # floats: 800 MB, which ONNX Runtime has three times while it saves them
COMPILE = r"""
import json, re, resource, sys
from pathlib import Path
BEFORE
from edgewright.compiling import CompilationSpec, compile_model, sandbox
from edgewright.errors import EdgewrightError, SandboxMissing
from edgewright.limits import Limits
source, output = map(Path, sys.argv[1:3])
try:
    found = sandbox.find()
except SandboxMissing:
    found = None
try:
    compile_model(CompilationSpec("ONNX", target_device="rasp4b"), source, output, sandbox=found,
                  stopping=lambda: False, limits=Limits(), time_limit=100)
    outcome = "compiled"
except EdgewrightError as error:
    outcome = f"{type(error).__name__}: {error.message}"
own = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
print(json.dumps([outcome, int(own) * 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024]))
"""


def compiled(tmp_path: Path, source: Path, before: str = "") -> tuple[str, int, int]:
    """What became of it, and the most bytes that the parent and the child had in memory."""
    command = [sys.executable, "-c", COMPILE.replace("BEFORE", before), str(source), str(tmp_path / "artifact.tar.gz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    outcome, parent, child = json.loads(done.stdout)
    return outcome, parent, child


def numbers(name: str, *values: int) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def floats(name: str, *values: float) -> Any:
    return numpy_helper.from_array(np.array(values, np.float32), name)


def constant(nodes: list[Any], weights: list[Any]) -> Any:
    """Y = x + c, where c is computed from nothing but weights."""
    infos = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", (1,)), ("y", None))
    ]
    return model([*nodes, helper.make_node("Add", ["x", "c"], ["y"])], infos[:1], infos[1:], weights)


def doubled(times: int) -> Any:
    names = ["one", *(f"d{number}" for number in range(times - 1)), "c"]
    nodes = [helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    return constant(nodes, [floats("one", 1)])


def in_a_branch() -> Any:
    inner = helper.make_node("ConstantOfShape", ["s"], ["o"])
    branch = helper.make_graph([inner], "b", [], [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)])
    node = helper.make_node("If", ["condition"], ["c"], then_branch=branch, else_branch=branch)
    return constant([node], [numbers("s", MANY), numpy_helper.from_array(np.array([True]).reshape(()), "condition")])


def sparse() -> Any:
    tensor = onnx.SparseTensorProto(values=floats("c", 1), indices=numbers("at", 0), dims=[MANY])
    return constant([helper.make_node("Constant", [], ["c"], sparse_value=tensor)], [])


def many_constants() -> Any:
    """Each within what one may have; together more than there is."""
    nodes = [helper.make_node("ConstantOfShape", ["s"], [f"c{number}"]) for number in range(80)]
    nodes.append(helper.make_node("Sum", [f"c{number}" for number in range(80)], ["t"]))
    nodes.append(helper.make_node("Relu", ["t"], ["c"]))
    return constant(nodes, [numbers("s", 4_000_000)])


SMALL = {
    "ConstantOfShape": constant([helper.make_node("ConstantOfShape", ["s"], ["c"])], [numbers("s", MANY)]),
    "Expand": constant([helper.make_node("Expand", ["one", "s"], ["c"])], [floats("one", 1), numbers("s", MANY)]),
    "Tile": constant([helper.make_node("Tile", ["one", "s"], ["c"])], [floats("one", 1), numbers("s", MANY)]),
    "Pad": constant([helper.make_node("Pad", ["one", "s"], ["c"])], [floats("one", 1), numbers("s", MANY, 0)]),
    "Concat": doubled(27),
    "a branch": in_a_branch(),
    "a sparse tensor": sparse(),
}


@pytest.mark.parametrize("net", SMALL.values(), ids=SMALL)
def test_a_small_model_does_not_become_a_large_one(tmp_path: Path, net: Any) -> None:
    source = tar_gz(tmp_path / "m.tar.gz", {"m.onnx": net.SerializeToString()})
    assert source.stat().st_size < 500
    outcome, parent, child = compiled(tmp_path, source)
    assert outcome == "compiled" or outcome.startswith("ModelRefused: InputConfiguration: Tensor 'c' claims")
    assert parent < 300 * MIB
    assert child < 300 * MIB


def test_many_constants_stay_within_the_limit_together(tmp_path: Path) -> None:
    """ONNX Runtime leaves a node as it is where its result does not fit."""
    source = tar_gz(tmp_path / "m.tar.gz", {"m.onnx": many_constants().SerializeToString()})
    outcome, parent, child = compiled(tmp_path, source)
    assert outcome == "compiled" or "takes more memory than a model of its size may take" in outcome
    assert parent < 300 * MIB
    assert child < memory_for(100_000)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with 200 MB of weights."""
    side, layers = 2500, 8
    chance = np.random.default_rng(1)
    weights = [
        numpy_helper.from_array(chance.standard_normal((side, side), dtype=np.float32), f"w{number}")
        for number in range(layers)
    ]
    names = ["x", *(f"x{number}" for number in range(1, layers)), "y"]
    nodes = [helper.make_node("MatMul", [names[n], f"w{n}"], [names[n + 1]]) for n in range(layers)]
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, side)) for name in "xy"]
    path = tmp_path_factory.mktemp("large") / "m.onnx"
    path.write_bytes(model(nodes, infos[:1], infos[1:], weights).SerializeToString())
    with tarfile.open(path.with_name("m.tar.gz"), "w:gz", compresslevel=0) as tar:
        tar.add(path, "m.onnx")
    return path.with_name("m.tar.gz")


def test_a_large_model_has_the_memory_that_it_needs(tmp_path: Path, large: Path) -> None:
    outcome, parent, child = compiled(tmp_path, large)
    assert outcome == "compiled"
    assert parent < 300 * MIB
    assert child < memory_for(large.stat().st_size)


@pytest.mark.parametrize("most", [500 * MIB, 800 * MIB], ids=["protobuf needs more", "ONNX Runtime needs more"])
def test_what_needs_more_is_refused_with_the_limit(tmp_path: Path, large: Path, most: int) -> None:
    lower = f"resource.setrlimit(resource.RLIMIT_AS, ({most}, {most}))"
    outcome, parent, _ = compiled(tmp_path, large, lower)
    assert outcome == (
        "ModelRefused: InputConfiguration: Compiling the model takes more memory than a model of its size may take: "
        f"{most:,} bytes."
    )
    assert parent < 300 * MIB
