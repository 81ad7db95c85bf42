"""What botocore's serializer writes, our parser reads as it went in; what we serialize, botocore's parser reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.protocol import Operation, Shape, load_service, parse_request, serialize_response

OPERATIONS = load_service("sagemaker").operations
MODEL = ServiceModel(Loader().load_service_model("sagemaker", "service-2"), "sagemaker")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MORE_THAN_ENOUGH = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FRACTIONS = {"request": timedelta(microseconds=1), "response": timedelta(milliseconds=1)}
"""The smallest step of a time: what a client sends is kept as it is, what we send has milliseconds."""


def moments(direction: str) -> st.SearchStrategy[datetime]:
    """Times of the years 1900 to 2200, where a double still tells one microsecond from the next."""
    step = FRACTIONS[direction]
    least, most = timedelta(days=-70 * 365) // step, timedelta(days=230 * 365) // step
    return st.integers(least, most).map(lambda steps: EPOCH + steps * step)


@cache
def values(shape: Shape, direction: str) -> st.SearchStrategy[Any]:
    """Any value of a shape's type, whatever its constraints."""
    if shape.type == "structure":
        members = {name: values(member.shape, direction) for name, member in shape.members.items()}
        return st.fixed_dictionaries({}, optional=members)
    if shape.type == "list":
        return st.lists(values(shape.members["member"].shape, direction), max_size=3)
    if shape.type == "map":
        return st.dictionaries(TEXT, values(shape.members["value"].shape, direction), max_size=3)
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "string": TEXT,
        "integer": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "blob": st.binary(max_size=20),
        "timestamp": moments(direction),
    }
    return scalars[shape.type]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_request_comes_out_as_it_went_in(name: str) -> None:
    operation, serializer = OPERATIONS[name], create_serializer("json", include_validation=False)

    @MORE_THAN_ENOUGH
    @given(values(shape_of(operation), "request"))
    def check(parameters: dict[str, Any]) -> None:
        sent = serializer.serialize_to_request(parameters, MODEL.operation_model(name))
        assert sent["headers"]["X-Amz-Target"] == f"SageMaker.{name}"
        assert parse_request(operation, sent["body"]) == parameters

    check()


def shape_of(operation: Operation) -> Shape:
    assert operation.input is not None
    return operation.input


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if operation.output])
def test_a_response_is_read_as_it_was_given(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation.output is not None
    parser, theirs = create_parser("json"), MODEL.operation_model(name).output_shape

    @MORE_THAN_ENOUGH
    @given(values(operation.output, "response"))
    def check(response: dict[str, Any]) -> None:
        body = serialize_response(operation, response)
        read = parser.parse({"status_code": 200, "headers": {}, "body": body}, theirs)
        del read["ResponseMetadata"]
        assert read == response

    check()


@pytest.mark.parametrize("name", [name for name, operation in OPERATIONS.items() if not operation.output])
def test_no_output_is_no_body(name: str) -> None:
    assert MODEL.operation_model(name).output_shape is None
    assert serialize_response(OPERATIONS[name], None) == b""
