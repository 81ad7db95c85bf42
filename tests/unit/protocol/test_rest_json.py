"""REST-JSON: where members are looked for, what is refused, what an answer is made of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgewright.errors import SerializationFault, ValidationFault
from edgewright.protocol import load_service, rest_json, validate
from edgewright.protocol.model import Operation, build_service

OPERATIONS = load_service("greengrassv2").operations
ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:a:versions:1.0.0"


def incoming(
    labels: dict[str, str] | None = None, query: bytes = b"", headers: dict[str, str] | None = None, body: bytes = b""
) -> rest_json.Incoming:
    return rest_json.Incoming(labels or {}, query, headers or {}, body)


def operation(payload: str | None = None, **members: dict[str, Any]) -> Operation:
    """An operation whose input and output have these members, each with its own raw shape under `of`."""
    shapes: dict[str, Any] = {f"Of{name}": members[name].pop("of") for name in members}
    shapes["Text"] = {"type": "string"}
    refs = {name: {"shape": f"Of{name}", **traits} for name, traits in members.items()}
    shapes["Both"] = {"type": "structure", "members": refs} | ({"payload": payload} if payload else {})
    raw = {
        "name": "Do",
        "http": {"method": "POST", "requestUri": "/", "responseCode": 202},
        "input": {"shape": "Both"},
        "output": {"shape": "Both"},
    }
    metadata = {"protocol": "rest-json", "endpointPrefix": "x"}
    return build_service("x", {"metadata": metadata, "operations": {"Do": raw}, "shapes": shapes}).operations["Do"]


def test_members_come_from_their_places_alone() -> None:
    given = incoming(
        {"arn": ARN, "artifactName": "b/k"},
        b"s3EndpointType=GLOBAL&arn=other&X-Amz-Date=1&unknown",
        {"x-amz-iot-endpoint-type": "fips", "artifactname": "other"},
        b'{"arn": "other", "s3EndpointType": "REGIONAL"}',
    )
    assert rest_json.parse_request(OPERATIONS["GetComponentVersionArtifact"], given) == {
        "arn": ARN,
        "artifactName": "b/k",
        "s3EndpointType": "GLOBAL",
        "iotEndpointType": "fips",
    }


def test_a_query_is_decoded_and_lists_repeat_their_name() -> None:
    request = rest_json.parse_request(
        OPERATIONS["UntagResource"], incoming({"resourceArn": ARN}, b"tagKeys=a%20b&tagKeys=c+d&tagKeys=%C3%BC")
    )
    assert request == {"resourceArn": ARN, "tagKeys": ["a b", "c+d", "\u00fc"]}


def test_what_could_be_read_in_two_ways_is_refused() -> None:
    with pytest.raises(SerializationFault, match="'maxResults' stands 2 times in the query"):
        rest_json.parse_request(OPERATIONS["ListComponents"], incoming(query=b"maxResults=1&maxResults=2"))


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("ListComponents", incoming(query=b"maxResults=ten"), "'ten' at 'maxResults' is not of the type integer"),
        ("ListComponents", incoming(query=b"nextToken=%FF"), "UTF-8"),
        ("CreateComponentVersion", incoming(body=b"{"), "not JSON"),
        ("CreateComponentVersion", incoming(body=b"[]"), "Start of list"),
        ("CreateComponentVersion", incoming(body=b'{"inlineRecipe": "@"}'), "base64"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, given: rest_json.Incoming, told: str) -> None:
    with pytest.raises(SerializationFault, match=told):
        rest_json.parse_request(OPERATIONS[name], given)


def test_the_same_validator_reads_the_request() -> None:
    request = rest_json.parse_request(OPERATIONS["DescribeComponent"], incoming({"arn": "banana"}))
    with pytest.raises(ValidationFault, match="Value 'banana' at 'arn' failed to satisfy constraint: Member must sat"):
        validate(OPERATIONS["DescribeComponent"], request)


def test_an_operation_without_input_takes_anything() -> None:
    assert OPERATIONS["GetServiceRoleForAccount"].input is not None
    assert rest_json.parse_request(OPERATIONS["GetServiceRoleForAccount"], incoming(body=b"not JSON")) == {}


@pytest.mark.parametrize(
    ("kind", "body", "value", "content_type"),
    [
        ({"type": "blob"}, b"\x00\xff", b"\x00\xff", "application/octet-stream"),
        ({"type": "string"}, "100 % \u00fc".encode(), "100 % \u00fc", "text/plain"),
        ({"type": "structure", "members": {"a": {"shape": "Text"}}}, b'{"a":"b"}', {"a": "b"}, "application/json"),
    ],
)
def test_a_payload_is_the_whole_body(kind: dict[str, Any], body: bytes, value: object, content_type: str) -> None:
    does = operation("data", data={"of": kind})
    assert rest_json.parse_request(does, incoming(body=body)) == {"data": value}
    answer = rest_json.serialize_response(does, {"data": value})
    assert (answer.status, answer.body) == (202, body)
    assert answer.headers == (("content-type", content_type),)
    assert rest_json.serialize_response(does, {}) == rest_json.Outgoing(202, (), b"")


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(SerializationFault, match="not UTF-8"):
        rest_json.parse_request(operation("data", data={"of": {"type": "string"}}), incoming(body=b"\xff"))


def test_a_response_has_headers_and_may_choose_its_status() -> None:
    does = operation(
        code={"of": {"type": "integer"}, "location": "statusCode"},
        texts={"of": {"type": "list", "member": {"shape": "Text"}}, "location": "header", "locationName": "X-Texts"},
        others={
            "of": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Text"}},
            "location": "headers",
            "locationName": "x-o-",
        },
        told={"of": {"type": "string"}, "locationName": "Told"},
    )
    answer = rest_json.serialize_response(does, {"code": 299, "texts": ["a,b", "c"], "others": {"k": "v"}, "told": "t"})
    assert answer.status == 299
    assert answer.headers == (("X-Texts", '"a,b", c'), ("x-o-k", "v"), ("content-type", "application/json"))
    assert json.loads(answer.body) == {"Told": "t"}
    headers = {"x-texts": '"a,b", c', "x-o-k": "v", "x-o-l": ""}
    read = rest_json.parse_request(
        operation(
            texts={"of": {"type": "list", "member": {"shape": "Text"}}, "location": "header", "locationName": "X-Texts"}
        ),
        incoming(headers=headers),
    )
    assert read == {"texts": ["a,b", "c"]}


def test_statuses_are_the_models() -> None:
    assert rest_json.serialize_response(OPERATIONS["DeleteComponent"], None) == rest_json.Outgoing(204, (), b"")
    made = rest_json.serialize_response(OPERATIONS["CreateComponentVersion"], {"componentName": "a"})
    assert (made.status, json.loads(made.body)) == (201, {"componentName": "a"})
    assert rest_json.serialize_response(OPERATIONS["TagResource"], {}).body == b"{}"


def test_a_member_that_the_model_lacks_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="has no member"):
        rest_json.serialize_response(OPERATIONS["GetComponent"], {"Recipe": b""})
