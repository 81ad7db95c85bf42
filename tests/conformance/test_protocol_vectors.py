"""botocore's AWS JSON 1.1 vectors, run backwards.

A client's vector says which bytes it sends for some parameters, and what it reads from some bytes. A server must read
those parameters from the bytes, and write bytes that the client reads as that result.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from conformance import vectors
from edgewright.protocol import Operation, Shape, parse_request, serialize_response
from edgewright.protocol.model import build_service
from edgewright.protocol.serialize import _root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = vectors.folder("protocols")

COMPRESSED_BY_THE_CLIENT = {
    "SDKAppliedContentEncoding_awsJson1_1",
    "SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1",
}
"""They say what header a client sends with a body that it compressed, and hold no body."""


def cases(kind: str) -> list[Any]:
    return list(_cases(kind))


def _cases(kind: str) -> Iterator[Any]:
    for suite in json.loads((FOLDER / kind / "json.json").read_text(encoding="utf-8")):
        if suite["metadata"]["jsonVersion"] == "1.1":
            for case in suite["cases"]:
                yield pytest.param(suite, case, id=case["id"])


def model_of(suite: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    given = case["given"]
    return {"metadata": suite["metadata"], "operations": {given["name"]: given}, "shapes": suite["shapes"]}


def operation_of(suite: dict[str, Any], case: dict[str, Any]) -> Operation:
    metadata = {"endpointPrefix": "vectors", **suite["metadata"]}
    return build_service("vectors", {**model_of(suite, case), "metadata": metadata}).operations[case["given"]["name"]]


SCALARS: dict[str, Callable[[Any], Any]] = {
    "timestamp": lambda value: datetime.fromtimestamp(value, UTC),
    "blob": str.encode,
    "float": float,
    "double": float,
    "string": str,
    "integer": int,
    "long": int,
    "boolean": bool,
}


def as_python(shape: Shape | None, value: Any) -> Any:
    """A vector's parameters or result as Python has them: times, bytes and odd floats are written in JSON there."""
    if shape is None or value is None or shape.document:
        return value
    if shape.type in SCALARS:
        return SCALARS[shape.type](value)
    if shape.type == "structure":
        members = {name: as_python(shape.members[name].shape, item) for name, item in value.items()}
        return {name: item for name, item in members.items() if item is not None}
    if shape.type == "list":
        return [as_python(shape.members["member"].shape, item) for item in value]
    return {key: as_python(shape.members["value"].shape, item) for key, item in value.items()}


def same(left: Any, right: Any) -> bool:
    """Equal, where NaN counts as equal to itself."""
    if isinstance(left, float) and math.isnan(left):
        return isinstance(right, float) and math.isnan(right)
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    return bool(left == right)


@pytest.mark.parametrize(("suite", "case"), cases("input"))
def test_the_bytes_of_a_client_are_its_parameters(suite: dict[str, Any], case: dict[str, Any]) -> None:
    if case["id"] in COMPRESSED_BY_THE_CLIENT:
        assert "body" not in case["serialized"]
        return
    operation = operation_of(suite, case)
    request = parse_request(operation, case["serialized"].get("body", "").encode())
    expected = as_python(operation.input, case["params"])
    assert same(request, expected), f"{request} is not {expected}"


@pytest.mark.parametrize(("suite", "case"), [case for case in cases("output") if "error" not in case.values[1]])
def test_a_client_reads_the_result_in_our_bytes(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite, case)
    result = as_python(operation.output, case["result"])
    response = {"status_code": 200, "headers": {}, "body": serialize_response(operation, result)}
    theirs = ServiceModel(model_of(suite, case)).operation_model(operation.name).output_shape
    read = create_parser("json").parse(response, theirs)
    read.pop("ResponseMetadata", None)
    again = {name: number(operation.output, name, item) for name, item in read.items()}
    assert same(again, result), f"{again} is not {result}"


def number(shape: Shape | None, name: str, value: Any) -> Any:
    """The client leaves NaN and the infinities as words."""
    return float(value) if shape and shape.members[name].shape.type in {"float", "double"} else value


@pytest.mark.parametrize(("suite", "case"), [case for case in cases("output") if "error" in case.values[1]])
def test_a_client_reads_the_error_in_our_bytes(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite, case)
    shape = next((shape for shape in operation.error_shapes if shape.name == case["errorCode"]), None)
    members = _root(shape)(case["error"]) if shape else case["error"]
    response = {
        "status_code": case["response"]["status_code"],
        "headers": {"x-amzn-errortype": case["errorCode"]},
        "body": orjson.dumps({"__type": case["errorCode"], **members}),
    }
    theirs = ServiceModel(model_of(suite, case)).operation_model(operation.name)
    read = create_parser("json").parse(response, theirs.output_shape)
    assert read["Error"]["Code"] == case["errorCode"]
    assert read["Error"]["Message"] == case.get("errorMessage", "")
    if shape:
        modelled = create_parser("json").parse(response, theirs.service_model.shape_for_error_code(case["errorCode"]))
        assert {**case["error"], **modelled} == modelled
