"""How large an ONNX model may become: counted on its bytes before protobuf reads them, then on what they claim.

A few bytes can stand for much: an empty message for a hundred bytes of memory, a shape for data that is not there, a
sparse tensor for a dense one, functions that call each other for as many nodes as there are paths. What ONNX Runtime
computes from constants is bounded by a setting of its own: see `onnx_runtime`.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, Final

import onnx

from edgewright.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_FIELDS: Final = 4_000_000
MOST_MESSAGES: Final = 1_000_000
MOST_DEPTH: Final = 64
MOST_NODES: Final = 1_000_000
_PER_BYTE: Final = 4  # elements, of the smallest type
_MOST_ELEMENTS: Final = 2**63
_WIDEST: Final = 16  # bytes, complex128
_SHARED: Final = 4
"""How often the bytes of external data may be used: weights are tied."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check_encoding(data: bytes, name: str) -> None:
    """Refuse a file whose messages are too many or nested too deeply, in one pass that builds nothing.

    Raises:
        ModelRefused: that, or the bytes are no protobuf message.
    """
    fields = messages = at = 0
    open_ends: list[tuple[int, Any]] = [(len(data), onnx.ModelProto.DESCRIPTOR)]
    try:
        while open_ends:
            end, message = open_ends[-1]
            if at >= end:
                if at > end:
                    raise _unreadable(name)
                open_ends.pop()
                continue
            key, at = _varint(data, at)
            fields += 1
            wire = key & 7
            if wire == _VARINT:
                _, at = _varint(data, at)
            elif wire == _BYTES:
                length, at = _varint(data, at)
                inner = message.fields_by_number.get(key >> 3)
                if inner is None or inner.message_type is None:
                    at += length
                else:
                    messages += 1
                    open_ends.append((at + length, inner.message_type))
            elif wire in {_FIXED64, _FIXED32}:
                at += 8 if wire == _FIXED64 else 4
            else:
                raise _unreadable(name)
            if fields > MOST_FIELDS or messages > MOST_MESSAGES or len(open_ends) > MOST_DEPTH:
                raise ModelRefused(
                    f"InputConfiguration: {name} is refused: it has over {MOST_FIELDS:,} fields, over "
                    f"{MOST_MESSAGES:,} messages, or messages nested over {MOST_DEPTH} deep."
                )
    except IndexError as error:
        raise _unreadable(name) from error


def _varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7
        if shift > 63:
            raise IndexError


def _unreadable(name: str) -> ModelRefused:
    return ModelRefused(f"InputConfiguration: {name} cannot be read as an ONNX model.")


def check_tensors(tensors: Iterable[Any], external: Mapping[int, int], files_size: int) -> None:
    """Refuse a tensor whose shape claims more than the bytes that are there for it.

    Args:
        tensors: every tensor of the model.
        external: for each that has its data elsewhere, by its `id`, the bytes there.
        files_size: the bytes of all files of the model.

    Raises:
        ModelRefused: names the tensor.
    """
    for tensor in tensors:
        there = external.get(id(tensor), 0) + tensor.ByteSize()
        if _elements(tensor.name, tensor.dims) > _PER_BYTE * there:
            raise _claims(tensor.name, tensor.dims, f"and {there:,} bytes are there for it")
    if sum(external.values()) > _SHARED * files_size:
        raise ModelRefused(
            f"InputConfiguration: The tensors with external data use {sum(external.values()):,} bytes of it, and the "
            f"model's files have {files_size:,}: at most {_SHARED} times as many are allowed."
        )


def check_sparse(tensors: Iterable[Any], most: int) -> None:
    """Refuse a sparse tensor that would have more bytes than that as a dense one.

    Raises:
        ModelRefused: names the tensor.
    """
    for tensor in tensors:
        if _elements(tensor.values.name, tensor.dims) * _WIDEST > most:
            raise _claims(tensor.values.name, tensor.dims, f"and a sparse tensor may become {most:,} bytes at most")


def check_functions(nodes: Sequence[Any], functions: Mapping[tuple[str, str], Sequence[Any]]) -> None:
    """Refuse a model whose functions, written out where they are called, make too many nodes, or call themselves.

    Args:
        nodes: those of the model's graph, and of the graphs within.
        functions: by domain and name, the nodes of each, and of the graphs within.

    Raises:
        ModelRefused: that.
    """
    calls = {key: {_called(node) for node in inner} & functions.keys() for key, inner in functions.items()}
    sizes: dict[tuple[str, str], int] = {}
    try:
        for key in TopologicalSorter(calls).static_order():
            sizes[key] = min(_written_out(functions[key], sizes), MOST_NODES)
    except CycleError as error:
        raise ModelRefused(
            f"InputConfiguration: The model's function {error.args[1][0][1][:100]!r} calls itself."
        ) from error
    if _written_out(nodes, sizes) > MOST_NODES:
        raise ModelRefused(
            f"InputConfiguration: The model has over {MOST_NODES:,} nodes once its functions are written out where "
            f"they are called."
        )


def _written_out(nodes: Sequence[Any], sizes: Mapping[tuple[str, str], int]) -> int:
    return sum(1 + sizes.get(_called(node), 0) for node in nodes)


def _called(node: Any) -> tuple[str, str]:
    return _domain(node.domain), node.op_type


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def by_name(functions: Iterable[tuple[str, str, Sequence[Any]]]) -> dict[tuple[str, str], list[Any]]:
    """The nodes of each function by its domain and name; overloads count as one."""
    found: dict[tuple[str, str], list[Any]] = {}
    for domain, name, nodes in functions:
        found.setdefault((_domain(domain), name), []).extend(nodes)
    return found


def _elements(name: str, dims: Sequence[int]) -> int:
    if any(size < 0 for size in dims):
        raise _claims(name, dims, "and no dimension may be below 0")
    if 0 in dims:
        return 0
    count = 1
    for size in dims:
        if count < _MOST_ELEMENTS:  # the product of very many would have millions of digits
            count *= size
    return count


def _claims(name: str, dims: Sequence[int], but: str) -> ModelRefused:
    shape = ", ".join(str(size) for size in dims[:8])
    return ModelRefused(f"InputConfiguration: Tensor {name[:100]!r} claims the shape [{shape}], {but}.")
