"""Bodies to requests: what is kept, what is passed over, what is refused and how."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import SerializationFault
from edgewright.protocol import load_service, parse_request
from edgewright.protocol.model import Operation, build_service

CREATE = load_service("sagemaker").operations["CreateEdgePackagingJob"]
LIST = load_service("sagemaker").operations["ListEdgePackagingJobs"]


def operation(**members: dict[str, Any]) -> Operation:
    """An operation with these members, each given by its own raw shape."""
    shapes: dict[str, Any] = {name.title(): raw for name, raw in members.items()}
    shapes["Text"] = {"type": "string"}
    shapes["In"] = {"type": "structure", "members": {name: {"shape": name.title()} for name in members}}
    raw = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}}
    metadata = {"protocol": "json", "endpointPrefix": "x"}
    return build_service("x", {"metadata": metadata, "operations": {"Do": raw}, "shapes": shapes}).operations["Do"]


def value(shape: dict[str, Any], given_value: Any) -> Any:
    return parse_request(operation(x=shape), json.dumps({"x": given_value}).encode())["x"]


def refusal(shape: dict[str, Any], given_value: Any) -> str:
    with pytest.raises(SerializationFault) as refused:
        value(shape, given_value)
    return refused.value.message


def test_values_are_kept_as_they_are() -> None:
    body = b'{"EdgePackagingJobName": "  A-b ", "OutputConfig": {"S3OutputLocation": "s3://b//k/../"}}'
    assert parse_request(CREATE, body) == {
        "EdgePackagingJobName": "  A-b ",
        "OutputConfig": {"S3OutputLocation": "s3://b//k/../"},
    }


def test_unknown_members_are_passed_over_at_every_depth() -> None:
    body = b'{"Foo": [1], "edgePackagingJobName": "x", "OutputConfig": {"Bar": {}}, "Tags": [{"Key": "k", "X": 1}]}'
    assert parse_request(CREATE, body) == {"OutputConfig": {}, "Tags": [{"Key": "k"}]}


def test_null_is_absent() -> None:
    body = b'{"EdgePackagingJobName": null, "OutputConfig": {"KmsKeyId": null}, "Tags": null}'
    assert parse_request(CREATE, body) == {"OutputConfig": {}}


def test_null_in_a_list_or_map_stays_to_be_refused_by_name() -> None:
    assert value({"type": "list", "member": {"shape": "Text"}}, ["a", None]) == ["a", None]
    texts = {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}}
    assert value(texts, {"a": None}) == {"a": None}


def test_no_body_is_an_empty_request() -> None:
    assert parse_request(LIST, b"") == {}
    assert parse_request(LIST, b" {} ") == {}


@pytest.mark.parametrize(
    "body", [b"{", b" ", b"\xff{}", b'{"a": 1,}', b"{'a': 1}", b'{"a": NaN}', b'"\\ud800"', b"{}{}"]
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(SerializationFault, match="The request body is not JSON: "):
        parse_request(LIST, body)


def test_json_too_deep_to_read_is_refused() -> None:
    with pytest.raises(SerializationFault, match="not JSON"):
        parse_request(LIST, b'{"Foo": ' + b"[" * 10_000 + b"]" * 10_000 + b"}")


@pytest.mark.parametrize("element", [b"{}", b"[]", b"1"])
def test_very_many_values_are_refused_before_any_is_made(element: bytes) -> None:
    """A megabyte of empty objects held all other callers up for half a second."""
    body = b'{"Tags": [%b]}'
    assert parse_request(LIST, body % b",".join([element] * 9_990)) == {}
    with pytest.raises(SerializationFault, match="may hold over 20000 values"):
        parse_request(LIST, body % b",".join([element] * 20_000))
    assert parse_request(LIST, b'{"Tags": "%b"}' % (b"x" * 1_000_000)) == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"[]", "Start of list found where not expected"),
        (b"null", "Expected null"),
        (b'"x"', "Expected null"),
        (b"7", "Expected null"),
        (b"true", "Expected null"),
    ],
)
def test_a_body_must_be_an_object(body: bytes, told: str) -> None:
    with pytest.raises(SerializationFault) as refused:
        parse_request(LIST, body)
    assert refused.value.message == told


LISTED = {"type": "list", "member": {"shape": "Text"}}
MAPPED = {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}}
STRUCTURE: dict[str, Any] = {"type": "structure", "members": {}}


@pytest.mark.parametrize(
    ("kind", "wrong", "told"),
    [
        ("string", 7, "NUMBER_VALUE can not be converted to a String"),
        ("string", 1.5, "NUMBER_VALUE can not be converted to a String"),
        ("string", True, "TRUE_VALUE can not be converted to a String"),
        ("string", False, "FALSE_VALUE can not be converted to a String"),
        ("string", [], "Start of list found where not expected"),
        ("string", {}, "Start of structure or map found where not expected."),
        ("integer", "7", "STRING_VALUE can not be converted to an Integer"),
        ("integer", 7.0, "NUMBER_VALUE can not be converted to an Integer"),
        ("integer", 10**30, "NUMBER_VALUE can not be converted to an Integer"),
        ("integer", True, "TRUE_VALUE can not be converted to an Integer"),
        ("integer", [1], "Start of list found where not expected"),
        ("long", "7", "STRING_VALUE can not be converted to a Long"),
        ("double", "7", "STRING_VALUE can not be converted to a Double"),
        ("float", "inf", "STRING_VALUE can not be converted to a Double"),
        ("float", True, "TRUE_VALUE can not be converted to a Double"),
        ("boolean", "true", "STRING_VALUE can not be converted to an Boolean"),
        ("boolean", 1, "NUMBER_VALUE can not be converted to an Boolean"),
        ("blob", 1, "NUMBER_VALUE can not be converted to a Blob"),
        ("timestamp", "2026-01-01T00:00:00Z", "STRING_VALUE can not be converted to a Timestamp"),
        ("timestamp", True, "TRUE_VALUE can not be converted to a Timestamp"),
        ("timestamp", {}, "Start of structure or map found where not expected."),
    ],
)
def test_another_json_type_is_refused(kind: str, wrong: Any, told: str) -> None:
    assert refusal({"type": kind}, wrong) == told


@pytest.mark.parametrize(
    ("shape", "wrong", "told"),
    [
        (LISTED, "x", "Expected list or null"),
        (LISTED, {}, "Start of structure or map found where not expected."),
        (LISTED, [7], "NUMBER_VALUE can not be converted to a String"),
        (MAPPED, "x", "Expected map or null"),
        (MAPPED, [], "Start of list found where not expected"),
        (MAPPED, {"a": 7}, "NUMBER_VALUE can not be converted to a String"),
        (STRUCTURE, 7, "Expected null"),
        (STRUCTURE, [], "Start of list found where not expected"),
    ],
)
def test_another_kind_of_container_is_refused(shape: dict[str, Any], wrong: Any, told: str) -> None:
    assert refusal(shape, wrong) == told


def test_integers_out_of_their_range_are_for_the_constraints_to_tell() -> None:
    assert value({"type": "integer"}, 99_999_999_999) == 99_999_999_999


def test_floats_have_three_words() -> None:
    assert math.isnan(value({"type": "double"}, "NaN"))
    assert value({"type": "double"}, "Infinity") == math.inf
    assert value({"type": "float"}, "-Infinity") == -math.inf
    assert value({"type": "float"}, 3) == 3


def test_times_are_aware_and_keep_their_fraction() -> None:
    assert value({"type": "timestamp"}, 1700000000.123) == datetime(2023, 11, 14, 22, 13, 20, 123000, UTC)
    assert value({"type": "timestamp"}, -1) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert value({"type": "timestamp", "timestampFormat": "unixTimestamp"}, 0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_times_in_words_come_in_the_form_of_their_shape() -> None:
    moment = datetime(2000, 1, 2, 20, 34, 56, tzinfo=UTC)
    iso = {"type": "timestamp", "timestampFormat": "iso8601"}
    assert value(iso, "2000-01-02T20:34:56Z") == moment
    assert value(iso, "2000-01-02T22:34:56+02:00") == moment
    assert value(iso, "2000-01-02T20:34:56") == moment
    assert value({"type": "timestamp", "timestampFormat": "rfc822"}, "Sun, 02 Jan 2000 20:34:56 GMT") == moment
    assert refusal(iso, 7) == "NUMBER_VALUE can not be converted to a Timestamp"
    assert refusal(iso, "soon") == "'soon' is no time of the form 2026-01-31T12:00:00Z."


@pytest.mark.parametrize("seconds", [1e300, -1e300, 10**18, -(10**12), 253402300800])
def test_times_that_cannot_be_kept_are_refused(seconds: float) -> None:
    assert "is no time that can be kept" in refusal({"type": "timestamp"}, seconds)


def test_blobs_are_base64() -> None:
    assert value({"type": "blob"}, "AP8=") == b"\x00\xff"
    assert refusal({"type": "blob"}, "***").startswith("A blob is not base64")
    assert refusal({"type": "blob"}, "é").startswith("A blob is not base64")


def test_a_document_is_any_json() -> None:
    document = {"type": "structure", "members": {}, "document": True}
    assert value(document, {"a": [1, None, "x"]}) == {"a": [1, None, "x"]}
    assert value(document, 7) == 7


def test_a_union_has_exactly_one_member() -> None:
    union = {"type": "structure", "union": True, "members": {"a": {"shape": "Text"}, "b": {"shape": "Text"}}}
    assert value(union, {"a": "1", "b": None}) == {"a": "1"}
    assert refusal(union, {}) == "X holds 0 of its members. Set exactly one."
    assert refusal(union, {"a": "1", "b": "2"}) == "X holds 2 of its members. Set exactly one."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(["EdgePackagingJobName", "OutputConfig", "Tags", "ModelVersion", "Key", "S3OutputLocation"])


@given(st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON) | st.lists(st.dictionaries(NAMES, JSON))))
def test_whatever_is_sent_is_read_or_refused(document: dict[str, Any]) -> None:
    try:
        request = parse_request(CREATE, json.dumps(document).encode())
    except SerializationFault as fault:
        assert fault.message
    else:
        assert request.keys() <= {name for name, item in document.items() if item is not None}


@given(st.binary(max_size=40))
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes) -> None:
    try:
        assert isinstance(parse_request(CREATE, body), dict)
    except SerializationFault as fault:
        assert fault.message
