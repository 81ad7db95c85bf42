"""Responses to bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from edgewright.protocol import load_service, serialize_response
from edgewright.protocol.model import Operation, build_service

SAGEMAKER = load_service("sagemaker").operations
DESCRIBE = SAGEMAKER["DescribeEdgePackagingJob"]


class Status(StrEnum):
    COMPLETED = "COMPLETED"


def operation(shape: dict[str, Any]) -> Operation:
    shapes = {"Out": {"type": "structure", "members": {"x": {"shape": "X"}}}, "X": shape, "T": {"type": "timestamp"}}
    raw = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "output": {"shape": "Out"}}
    metadata = {"protocol": "json", "endpointPrefix": "x"}
    return build_service("x", {"metadata": metadata, "operations": {"Do": raw}, "shapes": shapes}).operations["Do"]


def written(shape: dict[str, Any], value: Any) -> bytes:
    return serialize_response(operation(shape), {"x": value})


def test_a_whole_response() -> None:
    response = {
        "EdgePackagingJobName": "größe",
        "EdgePackagingJobStatus": Status.COMPLETED,
        "CreationTime": datetime(2023, 11, 14, 22, 13, 20, 123000, UTC),
        "LastModifiedTime": datetime(2023, 11, 14, 22, 13, 21, tzinfo=UTC),
        "OutputConfig": {"S3OutputLocation": "s3://b/k/", "KmsKeyId": None},
        "ModelArtifact": None,
    }
    assert (
        serialize_response(DESCRIBE, response)
        == (
            '{"EdgePackagingJobName":"größe","EdgePackagingJobStatus":"COMPLETED","CreationTime":1700000000.123,'
            '"LastModifiedTime":1700000001,"OutputConfig":{"S3OutputLocation":"s3://b/k/"}}'
        ).encode()
    )


def test_no_output_shape_is_an_empty_body() -> None:
    assert serialize_response(SAGEMAKER["CreateEdgePackagingJob"], None) == b""
    assert serialize_response(SAGEMAKER["StopEdgePackagingJob"], {}) == b""


def test_an_output_shape_is_never_an_empty_body() -> None:
    assert serialize_response(SAGEMAKER["DeleteTags"], None) == b"{}"
    assert serialize_response(SAGEMAKER["DeleteTags"], {}) == b"{}"


def test_lists_of_structures() -> None:
    response = {"Tags": [{"Key": "a", "Value": ""}], "NextToken": None}
    assert serialize_response(SAGEMAKER["ListTags"], response) == b'{"Tags":[{"Key":"a","Value":""}]}'


def test_a_member_that_the_model_does_not_have_is_our_mistake() -> None:
    with pytest.raises(ValueError, match=r"ListTagsOutput has no member Tag\. It has: Tags, NextToken\."):
        serialize_response(SAGEMAKER["ListTags"], {"Tag": []})


def test_a_time_without_a_zone_is_our_mistake() -> None:
    naive = datetime(2026, 1, 1)
    with pytest.raises(ValueError, match="has no zone"):
        serialize_response(DESCRIBE, {"CreationTime": naive})


def test_times_of_other_zones_and_finer_fractions() -> None:
    east = timezone(timedelta(hours=2))
    assert written({"type": "timestamp"}, datetime(1970, 1, 1, 2, 0, 1, tzinfo=east)) == b'{"x":1}'
    assert written({"type": "timestamp"}, datetime(1970, 1, 1, 0, 0, 1, 123456, UTC)) == b'{"x":1.123}'


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("iso8601", b'{"x":"2000-01-02T20:34:56.500Z"}'),
        ("rfc822", b'{"x":"Sun, 02 Jan 2000 20:34:56 GMT"}'),
        ("unixTimestamp", b'{"x":946845296.5}'),
    ],
)
def test_times_in_the_form_of_their_shape(form: str, expected: bytes) -> None:
    moment = datetime(2000, 1, 2, 22, 34, 56, 500000, timezone(timedelta(hours=2)))
    assert written({"type": "timestamp", "timestampFormat": form}, moment) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.5, b"1.5"), (float("nan"), b'"NaN"'), (float("inf"), b'"Infinity"'), (float("-inf"), b'"-Infinity"')],
)
def test_floats(value: float, expected: bytes) -> None:
    assert written({"type": "double"}, value) == b'{"x":' + expected + b"}"


def test_blobs_are_base64() -> None:
    assert written({"type": "blob"}, b"\x00\xff") == b'{"x":"AP8="}'


def test_lists_and_maps_of_times() -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    assert written({"type": "list", "member": {"shape": "T"}}, [moment, None]) == b'{"x":[0,null]}'
    times = {"type": "map", "key": {"shape": "T"}, "value": {"shape": "T"}}
    assert written(times, {"a": moment, "b": None}) == b'{"x":{"a":0,"b":null}}'


def test_a_document_goes_out_as_it_is() -> None:
    assert written({"type": "structure", "members": {}, "document": True}, {"a": [1]}) == b'{"x":{"a":[1]}}'
