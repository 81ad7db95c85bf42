"""Models of a few bytes that stand for much: refused on their bytes, or on what they claim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiling import onnx_graph
from edgewright.compiling.archives import size_of
from edgewright.compiling.onnx_bounds import MOST_DEPTH, MOST_FIELDS, MOST_MESSAGES, check_encoding
from edgewright.errors import ModelRefused
from unit.compiling.models import external, linear, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load(folder: Path, net: Any) -> Any:
    path = folder / "m.onnx"
    path.write_bytes(net if isinstance(net, bytes) else net.SerializeToString())
    return onnx_graph.load(path, size_of(folder))


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field as protobuf has it."""
    length, size = b"", len(content)
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def test_what_protobuf_reads_is_read_alike() -> None:
    net = linear()
    net.graph.initializer[0].float_data.extend([1.0, 2.0])
    net.metadata_props.add(key="é", value="x" * 1000)
    check_encoding(net.SerializeToString(), "m")


@pytest.mark.parametrize(
    "content",
    [b"\x0b", b"\x3a\x05\x0a", b"\x3a\x02\x0a\x01", b"\x08" + b"\xff" * 20, b"\x09\0", b"\x0d", b"\x08", b"\x3a\x80"],
)
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(ModelRefused, match="cannot be read as an ONNX model"):
        check_encoding(content, "m")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(field(7, field(1, b"") * (MOST_MESSAGES + 1)), id="empty nodes, each 100 bytes of memory"),
        pytest.param(field(7, field(5, b"\x08\x01" * (MOST_FIELDS + 1))), id="dimensions"),
    ],
)
def test_too_many_parts_are_refused_before_protobuf_builds_them(content: bytes) -> None:
    with pytest.raises(ModelRefused, match="has over 4,000,000 fields, over 1,000,000 messages"):
        check_encoding(content, "m")


def test_deep_nesting_is_refused_before_protobuf_descends() -> None:
    content = b""
    for _ in range(MOST_DEPTH // 3 + 1):
        content = field(1, field(5, field(6, content)))  # a node's attribute's graph
    with pytest.raises(ModelRefused, match="nested over 64 deep"):
        check_encoding(field(7, content), "m")


def test_a_shape_may_not_claim_what_is_not_there(tmp_path: Path) -> None:
    net = linear(weight=onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[200_000_000], raw_data=b"1234"))
    with pytest.raises(ModelRefused, match=r"Tensor 'w' claims the shape \[200000000\], and \d+ bytes are there"):
        load(tmp_path, net)


def test_a_shape_may_not_claim_less_than_nothing(tmp_path: Path) -> None:
    net = linear(weight=onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[-4, -3], raw_data=bytes(48)))
    with pytest.raises(ModelRefused, match="no dimension may be below 0"):
        load(tmp_path, net)


def test_a_shape_of_very_many_dimensions_takes_no_time(tmp_path: Path) -> None:
    """The product of these has 18 million bits, and takes minutes."""
    net = linear(weight=onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**62] * 300_000))
    with pytest.raises(ModelRefused, match="Tensor 'w' claims the shape"):
        load(tmp_path, net)


def test_a_tensor_without_elements_is_one(tmp_path: Path) -> None:
    net = linear()
    net.graph.initializer.add(name="empty", data_type=TensorProto.FLOAT, dims=[2**40, 0])
    assert load(tmp_path, net)


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.UINT4, TensorProto.BOOL, TensorProto.INT64])
def test_the_smallest_types_have_room(tmp_path: Path, kind: int) -> None:
    packed = np.zeros(4000, helper.tensor_dtype_to_np_dtype(kind))
    weight = numpy_helper.from_array(packed, "w")
    node = helper.make_node("Identity", ["w"], ["y"])
    assert load(tmp_path, model([node], [], [helper.make_tensor_value_info("y", kind, None)], [weight]))


def sparse(elements: int) -> Any:
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "at")
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[elements])


def test_a_sparse_tensor_may_not_become_a_large_one(tmp_path: Path) -> None:
    net = linear()
    net.graph.sparse_initializer.append(sparse(200_000_000))
    with pytest.raises(ModelRefused, match=r"'w' claims the shape .* a sparse tensor may become"):
        load(tmp_path, net)
    constant = model([helper.make_node("Constant", [], ["y"], sparse_value=sparse(200_000_000))], [], [])
    with pytest.raises(ModelRefused, match="a sparse tensor may become"):
        load(tmp_path, constant)
    net.graph.sparse_initializer[0].dims[0] = 1000
    assert load(tmp_path, net)


def functions(count: int, *, recursive: bool = False) -> Any:
    """Functions that call the one before twice: 2 ** count nodes."""
    made = []
    for number in range(count):
        name, domain = ("Relu", "") if number == 0 else (f"f{number - 1}", "mine")
        if recursive and number == 0:
            name, domain = f"f{count - 1}", "mine"
        nodes = [
            helper.make_node(name, ["a"], ["t"], domain=domain),
            helper.make_node(name, ["t"], ["b"], domain=domain),
        ]
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
        made.append(helper.make_function("mine", f"f{number}", ["a"], ["b"], nodes, opsets))
    node = helper.make_node(f"f{count - 1}", ["x"], ["y"], domain="mine")
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1,)) for name in "xy"]
    net = model([node], infos[:1], infos[1:])
    net.opset_import.add(domain="mine", version=1)
    net.functions.extend(reversed(made))
    return net


def test_functions_may_not_write_out_to_too_many_nodes(tmp_path: Path) -> None:
    assert load(tmp_path, functions(15))
    with pytest.raises(ModelRefused, match="over 1,000,000 nodes once its functions are written out"):
        load(tmp_path, functions(25))
    with pytest.raises(ModelRefused, match="over 1,000,000 nodes"):
        load(tmp_path, functions(3000))


def test_functions_may_not_call_themselves(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match=r"function 'f\d' calls itself"):
        load(tmp_path, functions(3, recursive=True))


def test_the_standard_domain_has_two_names(tmp_path: Path) -> None:
    net = functions(25)
    for function in net.functions:
        function.domain = "" if function.domain == "mine" else function.domain
        for node in function.node:
            node.domain = "ai.onnx"
    net.graph.node[0].domain = "ai.onnx"
    with pytest.raises(ModelRefused, match="over 1,000,000 nodes"):
        load(tmp_path, net)


def test_external_data_may_not_be_used_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(400_000))
    net = linear()
    net.graph.initializer.extend(external(f"e{number}", "w.bin", (100_000,)) for number in range(3))
    assert load(tmp_path, net)
    net.graph.initializer.extend(external(f"f{number}", "w.bin", (100_000,)) for number in range(3))
    with pytest.raises(ModelRefused, match="use 2,400,000 bytes of it"):
        load(tmp_path, net)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"offset": "0", "length": "48"}, None),
        ({"offset": "16", "length": "48"}, "the file has 48 bytes, and 48 are wanted from byte 16 on"),
        ({"offset": "49"}, "the file has 48 bytes, and 0 are wanted from byte 49 on"),
        ({"length": "-1"}, "'-1' where a number of bytes belongs"),
        ({"offset": "0x10"}, "'0x10' where a number of bytes belongs"),
        ({"length": "9" * 30}, "where a number of bytes belongs"),
    ],
)
def test_external_data_lies_within_its_file(tmp_path: Path, entries: dict[str, str], reason: str | None) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(48))
    tensor = external("w", "w.bin")
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    if reason is None:
        assert load(tmp_path, linear(weight=tensor))
    else:
        with pytest.raises(ModelRefused, match=reason):
            load(tmp_path, linear(weight=tensor))


def test_every_location_is_checked_and_not_the_first_alone(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(48))
    tensor = external("w", "w.bin")
    tensor.external_data.add(key="location", value="../../etc/passwd")
    with pytest.raises(ModelRefused, match=r"'w\.bin', '\.\./\.\./etc/passwd', with an entry given twice"):
        load(tmp_path, linear(weight=tensor))


def test_a_location_is_checked_where_the_tensor_says_that_it_has_its_data(tmp_path: Path) -> None:
    tensor = external("w", "../../etc/passwd")
    tensor.data_location = TensorProto.DEFAULT
    with pytest.raises(ModelRefused, match="External data of tensor 'w'"):
        load(tmp_path, linear(weight=tensor))


def paths_to_tensors(message: Any, seen: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every way through the schema from a message to a tensor, each kind of message once."""
    for each in message.fields:
        inner = each.message_type
        if inner is None or inner.full_name in seen:
            continue
        if inner.full_name == "onnx.TensorProto":
            yield (each,)
        yield from ((each, *rest) for rest in paths_to_tensors(inner, (*seen, inner.full_name)))


PATHS = [path for path in paths_to_tensors(onnx.ModelProto.DESCRIPTOR) if path[0].name != "training_info"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(each.name for each in path))
def test_no_way_of_the_schema_leads_to_a_tensor_that_is_not_checked(tmp_path: Path, path: tuple[Any, ...]) -> None:
    net = onnx.ModelProto(ir_version=8)
    net.graph.node.add(op_type="Identity")
    message = net
    for each in path:
        inner = getattr(message, each.name)
        message = inner.add() if each.is_repeated else inner
    message.CopyFrom(external("hidden", "../../etc/passwd"))
    with pytest.raises(ModelRefused, match="External data of tensor 'hidden'"):
        load(tmp_path, net)


def test_what_is_for_training_and_what_is_unknown_is_not_taken_along(tmp_path: Path) -> None:
    net = linear((1, 4))
    net.training_info.add().algorithm.initializer.append(external("hidden", "../../etc/passwd"))
    loaded = load(tmp_path, net.SerializeToString() + field(15, b"unknown"))
    assert loaded.SerializeToString(deterministic=True) == linear((1, 4)).SerializeToString(deterministic=True)
