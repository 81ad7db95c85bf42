"""Small ONNX models and archives for the tests of compiling."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path


def tar_gz(path: Path, files: dict[str, bytes]) -> Path:
    """A tar.gz of these files."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def gzipped(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def linear(shape: tuple[int | str, ...] = ("batch", 4), weight: Any = None) -> Any:
    """Y = relu(x @ w + b) with a 4x3 weight."""
    values = np.arange(12, dtype=np.float32).reshape(4, 3) - 6
    weight = numpy_helper.from_array(values, "w") if weight is None else weight
    return model(
        [
            helper.make_node("MatMul", ["x", "w"], ["p"]),
            helper.make_node("Add", ["p", "b"], ["s"]),
            helper.make_node("Relu", ["s"], ["y"]),
        ],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (*shape[:-1], 3))],
        [weight, numpy_helper.from_array(np.ones(3, np.float32), "b")],
    )


def two_inputs() -> Any:
    """Z = a + b, both of (n, 2)."""
    return model(
        [helper.make_node("Add", ["a", "b"], ["z"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 2)) for name in "ab"],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ("n", 2))],
    )


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: list[Any] | None = None) -> Any:
    graph = helper.make_graph(nodes, "g", inputs, outputs, weights or [])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft.nchwc", 1)]
    made = helper.make_model(graph, opset_imports=opsets)
    made.ir_version = 8
    return made


def external(name: str, location: str, dims: tuple[int, ...] = (4, 3)) -> Any:
    """A float tensor whose data lies in another file."""
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=dims)
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor
