from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.compiling import onnx_graph
from edgewright.compiling.archives import size_of
from edgewright.compiling.compiled import Tensor
from edgewright.compiling.configs import InputShape
from edgewright.compiling.onnx_graph import fix_inputs
from edgewright.errors import ModelRefused
from unit.compiling.models import external, linear, model, two_inputs

if TYPE_CHECKING:
    from pathlib import Path


def saved(folder: Path, model: Any) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def load(path: Path) -> Any:
    return onnx_graph.load(path, size_of(path.parent))


def dims(value: Any) -> list[int | str]:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def test_free_dimensions_are_fixed_everywhere() -> None:
    net = linear()
    assert fix_inputs(net, (InputShape("x", (5, 4)),)) == (Tensor("x", (5, 4), "float32"),)
    assert dims(net.graph.input[0]) == [5, 4]
    assert dims(net.graph.output[0]) == [5, 3]


def test_shapes_in_the_models_order_do_without_names() -> None:
    net = two_inputs()
    assert fix_inputs(net, (InputShape(None, (7, 2)), InputShape(None, (7, 2)))) == (
        Tensor("a", (7, 2), "float32"),
        Tensor("b", (7, 2), "float32"),
    )
    assert dims(net.graph.output[0]) == [7, 2]


def test_fixed_models_need_no_shapes() -> None:
    assert fix_inputs(linear((1, 4)), ()) == (Tensor("x", (1, 4), "float32"),)


def test_an_input_without_a_rank_takes_the_given_one() -> None:
    net = model(
        [helper.make_node("Relu", ["x"], ["y"])],
        [helper.make_tensor_value_info("x", TensorProto.INT64, None)],
        [helper.make_tensor_value_info("y", TensorProto.INT64, None)],
    )
    assert fix_inputs(net, (InputShape("x", (2, 3)),)) == (Tensor("x", (2, 3), "int64"),)
    assert dims(net.graph.input[0]) == [2, 3]


def test_weights_that_are_listed_as_inputs_are_none() -> None:
    net = linear((1, 4))
    net.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, (4, 3)))
    assert [tensor.name for tensor in fix_inputs(net, (InputShape("x", (1, 4)),))] == ["x"]


@pytest.mark.parametrize(
    ("net", "wanted", "reason"),
    [
        (linear(), (), "leaves a dimension of input 'x' free"),
        (linear(), (InputShape("input", (1, 4)),), r'names \["input"\], and the model\'s inputs are \["x"\]'),
        (linear(), (InputShape("x", (1, 4)), InputShape("z", (1,))), r'names \["x", "z"\]'),
        (linear(), (InputShape("x", (1, 5)),), "dimension 1 of input 'x' is 5 there, and 4 in the model"),
        (linear(), (InputShape("x", (1, 1, 4)),), "rank 3 there, and rank 2 in the model"),
        (linear(), (InputShape(None, (1, 4)), InputShape(None, (1, 4))), "2 shapes, and the model 1 inputs"),
        (two_inputs(), (InputShape("a", (1, 2)),), "the model's inputs are"),
        (two_inputs(), (InputShape("a", (1, 2)), InputShape("b", (3, 2))), "dimension 'n' is 1 there, and 3 too"),
    ],
)
def test_what_does_not_fit_is_refused(net: Any, wanted: tuple[InputShape, ...], reason: str) -> None:
    with pytest.raises(ModelRefused, match=reason) as raised:
        fix_inputs(net, wanted)
    assert raised.value.message.startswith("InputConfiguration: ")


def test_only_tensors_are_inputs() -> None:
    net = linear((1, 4))
    net.graph.input.append(helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None))
    with pytest.raises(ModelRefused, match="Input 's' is not a tensor"):
        fix_inputs(net, (InputShape("x", (1, 4)), InputShape("s", (1,))))


def test_an_element_type_that_onnx_does_not_know_is_refused() -> None:
    net = linear((1, 4))
    net.graph.input[0].type.tensor_type.elem_type = 999
    with pytest.raises(ModelRefused, match="Input 'x' has the unknown element type 999"):
        fix_inputs(net, ())


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"not a model", b"\x08\x08"])
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelRefused, match=r"m\.onnx (cannot be read as an ONNX model|holds no graph)"):
        load(tmp_path / "m.onnx")


def test_external_data_beside_the_model_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(bytes(48))
    assert load(saved(tmp_path, linear(weight=external("w", "data/w.bin")))).graph.node


@pytest.mark.parametrize(
    "location",
    ["../secret", "data/../../secret", "/etc/passwd", "", "missing.bin", "*/_ORT_MEM_ADDR_/*", "a\\..\\b", "data"],
)
def test_external_data_elsewhere_is_refused(tmp_path: Path, location: str) -> None:
    folder = tmp_path / "in"
    (folder / "data").mkdir(parents=True)
    (folder / "*" / "_ORT_MEM_ADDR_").mkdir(parents=True)
    (folder / "*" / "_ORT_MEM_ADDR_" / "*").write_bytes(bytes(48))
    (tmp_path / "secret").write_bytes(bytes(48))
    with pytest.raises(ModelRefused, match="External data of tensor 'w' is not in the model archive"):
        load(saved(folder, linear(weight=external("w", location))))


def within_attribute(tensor: Any) -> Any:
    return model([helper.make_node("Constant", [], ["y"], value=tensor)], [], [_y()])


def within_branch(tensor: Any) -> Any:
    branch = helper.make_graph([helper.make_node("Identity", ["w"], ["o"])], "branch", [], [_y("o")], [tensor])
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    return model([node], [helper.make_tensor_value_info("c", TensorProto.BOOL, ())], [_y()])


def within_function(tensor: Any) -> Any:
    constant = helper.make_node("Constant", [], ["o"], value=tensor)
    function = helper.make_function("mine", "f", [], ["o"], [constant], [helper.make_opsetid("", 17)])
    net = model([helper.make_node("f", [], ["y"], domain="mine")], [], [_y()])
    net.functions.append(function)
    return net


def within_sparse(tensor: Any) -> Any:
    net = linear()
    net.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor, dims=(4, 3)))
    return net


def _y(name: str = "y") -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


@pytest.mark.parametrize("place", [within_attribute, within_branch, within_function, within_sparse])
def test_external_data_is_found_wherever_it_hides(tmp_path: Path, place: Any) -> None:
    with pytest.raises(ModelRefused, match="External data of tensor 'w'"):
        load(saved(tmp_path, place(external("w", "../../etc/passwd"))))


def test_kernels_of_one_cpu_are_refused(tmp_path: Path) -> None:
    net = linear()
    net.graph.node[2].domain = "com.microsoft.nchwc"
    with pytest.raises(ModelRefused, match=r"Operator Relu of com.microsoft.nchwc"):
        load(saved(tmp_path, net))
