"""ONNX models as graphs: bounded, read without following external data, checked, and their inputs fixed.

Imports onnx, which is heavy: only the child process does.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import onnx
from google.protobuf.message import DecodeError, EncodeError  # type: ignore[import-untyped] # protobuf ships no types

from edgewright.compiling import confinement, onnx_bounds
from edgewright.compiling.compiled import Tensor
from edgewright.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from edgewright.compiling.configs import InputShape

_X86_ONLY_DOMAIN = "com.microsoft.nchwc"
_NO_MEMORY = "alloc failed"
_NUMBER = re.compile(r"[0-9]{1,19}")


def load(path: Path, files_size: int) -> Any:
    """Read a model, and refuse one that claims more than it brings, or whose external data lies outside of its folder.

    Args:
        path: the model's file.
        files_size: the bytes of all files that came with it.

    Raises:
        ModelRefused: not an ONNX model, or one that names data or operators that cannot be taken along.
    """
    data = path.read_bytes()
    onnx_bounds.check_encoding(data, path.name)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        if _NO_MEMORY in str(error):  # protobuf has no other word for it
            raise MemoryError from error
        raise ModelRefused(f"InputConfiguration: {path.name} cannot be read as an ONNX model.") from error
    if not model.graph.node and not model.graph.output:
        raise ModelRefused(f"InputConfiguration: {path.name} holds no graph, so it is not an ONNX model.")
    model.ClearField("training_info")  # nothing that is compiled needs it
    model.DiscardUnknownFields()  # a reader that knows them would read what was not checked
    _check_bounds(model, path.parent, files_size)
    for node in _nodes(model):
        if node.domain == _X86_ONLY_DOMAIN:
            raise ModelRefused(
                f"InputConfiguration: Operator {node.op_type} of {_X86_ONLY_DOMAIN} was baked in by an optimisation "
                f"for one CPU. Give the model as it was exported."
            )
    return model


def _check_bounds(model: Any, folder: Path, files_size: int) -> None:
    tensors = list(_tensors(model))
    external = {id(each): _check_external(each, folder) for each in tensors if each.external_data or _is_external(each)}
    onnx_bounds.check_tensors(tensors, external, files_size)
    onnx_bounds.check_sparse(_sparse_tensors(model), confinement.folded_for(files_size))
    functions = [(each.domain, each.name, [*_nodes_of_function(each)]) for each in model.functions]
    onnx_bounds.check_functions([*_nodes_of_graph(model.graph)], onnx_bounds.by_name(functions))


def save(model: Any, path: Path) -> None:
    """Write the model; external data stays where it is, beside it."""
    try:
        path.write_bytes(model.SerializeToString())
    except (EncodeError, ValueError) as error:
        raise ModelRefused("InputConfiguration: The model is over 2 GB: keep its weights as external data.") from error


def fix_inputs(model: Any, wanted: Sequence[InputShape]) -> tuple[Tensor, ...]:
    """Give the model's inputs the shapes of DataInputConfig, in place.

    Without a DataInputConfig the model's own shapes must be fixed already.

    Raises:
        ModelRefused: names, ranks or fixed dimensions differ, or a dimension stays free.
    """
    weights = {weight.name for weight in model.graph.initializer}
    weights |= {weight.values.name for weight in model.graph.sparse_initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    shapes = _by_name(inputs, wanted)
    symbols: dict[str, int] = {}
    for each in inputs:
        _fix(each, shapes.get(each.name), symbols)
    for each in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        _replace_symbols(each, symbols)
    return tuple(_described(each) for each in inputs)


def _by_name(inputs: Sequence[Any], wanted: Sequence[InputShape]) -> dict[str, tuple[int, ...]]:
    names = [each.name for each in inputs]
    if not wanted:
        return {}
    given = [shape.name for shape in wanted]
    if given[0] is None:
        if len(given) != len(names):
            raise _differs(f"it has {len(given)} shapes, and the model {len(names)} inputs: {json.dumps(names)}")
        return {name: shape.shape for name, shape in zip(names, wanted, strict=True)}
    if set(given) != set(names):
        raise _differs(
            f"it names {json.dumps(sorted(map(str, given)))}, and the model's inputs are {json.dumps(names)}"
        )
    return {str(shape.name): shape.shape for shape in wanted}


def _fix(each: Any, shape: tuple[int, ...] | None, symbols: dict[str, int]) -> None:
    if each.type.WhichOneof("value") != "tensor_type":
        raise ModelRefused(f"InputConfiguration: Input {each.name!r} is not a tensor, and only tensors are supported.")
    dims = each.type.tensor_type.shape.dim
    if not each.type.tensor_type.HasField("shape"):
        if shape is None:
            raise _free(each.name)
        each.type.tensor_type.shape.SetInParent()
        dims.extend(onnx.TensorShapeProto.Dimension() for _ in shape)
    if shape is None:
        if not all(dim.HasField("dim_value") and dim.dim_value > 0 for dim in dims):
            raise _free(each.name)
        return
    if len(shape) != len(dims):
        raise _differs(f"input {each.name!r} has rank {len(shape)} there, and rank {len(dims)} in the model")
    for place, (dim, size) in enumerate(zip(dims, shape, strict=True)):
        if dim.HasField("dim_value") and dim.dim_value > 0 and dim.dim_value != size:
            raise _differs(
                f"dimension {place} of input {each.name!r} is {size} there, and {dim.dim_value} in the model"
            )
        if dim.dim_param and symbols.setdefault(dim.dim_param, size) != size:
            raise _differs(f"the model's dimension {dim.dim_param!r} is {symbols[dim.dim_param]} there, and {size} too")
        dim.dim_value = size


def _differs(reason: str) -> ModelRefused:
    return ModelRefused(f"InputConfiguration: DataInputConfig does not fit the model: {reason}.")


def _free(name: str) -> ModelRefused:
    return ModelRefused(
        f"InputConfiguration: The model leaves a dimension of input {name!r} free: give its shape in DataInputConfig."
    )


def _replace_symbols(each: Any, symbols: dict[str, int]) -> None:
    if each.type.WhichOneof("value") == "tensor_type":
        for dim in each.type.tensor_type.shape.dim:
            if dim.dim_param in symbols:
                dim.dim_value = symbols[dim.dim_param]


def _described(each: Any) -> Tensor:
    number = each.type.tensor_type.elem_type
    if number not in onnx.TensorProto.DataType.values():
        raise ModelRefused(f"InputConfiguration: Input {each.name[:100]!r} has the unknown element type {number}.")
    kind = onnx.TensorProto.DataType.Name(number).lower()
    names = {"float": "float32", "double": "float64"}
    return Tensor(each.name, tuple(dim.dim_value for dim in each.type.tensor_type.shape.dim), names.get(kind, kind))


def _is_external(tensor: Any) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL)


def _check_external(tensor: Any, folder: Path) -> int:
    """The bytes of a tensor's external data, once each of its entries has been looked at."""
    entries = [(entry.key, entry.value) for entry in tensor.external_data]
    found = dict(entries)
    location = found.get("location", "")
    path = PurePosixPath(location)
    # "*" begins ONNX Runtime's marks for data at an address in memory: never to be taken from a file.
    leaves = (
        path.is_absolute() or ".." in path.parts or "\\" in location or location.startswith("*") or "\0" in location
    )
    twice = len(found) < len(entries)  # two readers may take different ones
    if twice or not location or leaves or not (folder / path).is_file():
        locations = ", ".join(repr(value[:200]) for key, value in entries[:5] if key == "location") or "none"
        raise ModelRefused(
            f"InputConfiguration: External data of tensor {tensor.name[:100]!r} is not in the model archive beside the "
            f"model: location {locations}{', with an entry given twice' if twice else ''}."
        )
    size = (folder / path).stat().st_size
    offset = _number(found.get("offset"), 0)
    length = _number(found.get("length"), max(0, size - offset))
    if offset + length > size:
        raise ModelRefused(
            f"InputConfiguration: External data of tensor {tensor.name[:100]!r} is not in {location[:200]!r}: the file "
            f"has {size:,} bytes, and {length:,} are wanted from byte {offset:,} on."
        )
    return length


def _number(text: str | None, default: int) -> int:
    if not text:
        return default
    if not _NUMBER.fullmatch(text):
        raise ModelRefused(f"InputConfiguration: External data has {text[:50]!r} where a number of bytes belongs.")
    return int(text)


def _tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.initializer
    for attribute in _attributes(model):
        yield from attribute.tensors
        if attribute.HasField("t"):
            yield attribute.t
    for sparse in _sparse_tensors(model):
        yield from (sparse.values, sparse.indices)


def _sparse_tensors(model: Any) -> Iterator[Any]:
    for graph in _graphs(model):
        yield from graph.sparse_initializer
    for attribute in _attributes(model):
        yield from attribute.sparse_tensors
        if attribute.HasField("sparse_tensor"):
            yield attribute.sparse_tensor


def _attributes(model: Any) -> Iterator[Any]:
    """Every attribute: of every node, and those that the model's functions have by default."""
    for node in _nodes(model):
        yield from node.attribute
    for function in model.functions:
        yield from function.attribute_proto


def _nodes(model: Any) -> Iterator[Any]:
    """Every node: of the graph, of the graphs within, of the model's functions and the graphs within those."""
    yield from _nodes_of_graph(model.graph)
    for function in model.functions:
        yield from _nodes_of_function(function)


def _nodes_of_graph(graph: Any) -> Iterator[Any]:
    yield from graph.node
    for inner in _graphs_in(each for node in graph.node for each in node.attribute):
        yield from inner.node


def _nodes_of_function(function: Any) -> Iterator[Any]:
    yield from function.node
    for graph in _graphs_of_function(function):
        yield from graph.node


def _graphs(model: Any) -> Iterator[Any]:
    yield model.graph
    yield from _graphs_in(each for node in model.graph.node for each in node.attribute)
    for function in model.functions:
        yield from _graphs_of_function(function)


def _graphs_of_function(function: Any) -> Iterator[Any]:
    yield from _graphs_in(function.attribute_proto)
    yield from _graphs_in(each for node in function.node for each in node.attribute)


def _graphs_in(attributes: Iterable[Any]) -> Iterator[Any]:
    """The graphs that attributes have, and the graphs within those."""
    waiting = [graph for attribute in attributes for graph in _own_graphs(attribute)]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting += [inner for node in graph.node for each in node.attribute for inner in _own_graphs(each)]


def _own_graphs(attribute: Any) -> list[Any]:
    return [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
