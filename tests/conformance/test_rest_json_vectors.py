"""botocore's REST-JSON vectors, run backwards: as for AWS JSON, and with methods, paths, queries and headers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ServiceModel
from botocore.parsers import create_parser

from conformance import vectors
from conformance.test_protocol_vectors import as_python, model_of, number, operation_of, same
from edgewright.protocol import rest_json
from edgewright.protocol.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.protocol import Operation

FOLDER = vectors.folder("protocols")

COMPRESSED_BY_THE_CLIENT = {"SDKAppliedContentEncoding_restJson1", "SDKAppendedGzipAfterProvidedEncoding_restJson1"}
"""They say what header a client sends with a body that it compressed, and hold no body."""

PREFIX_OF_THE_ENDPOINT = {"RestJsonHostWithPath": "/custom"}
"""The client was given an endpoint with a path; what forwards from there takes it away."""

SERVERS_READ_MORE: dict[str, dict[str, Any]] = {
    "RestJsonQueryPrecedence": {"foo": "named", "baz": {"bar": "named", "qux": "alsoFromMap"}},
    "RestJsonQueryParamsStringListMap": {"qux": "named", "foo": {"corge": ["named"], "baz": ["bar", "qux"]}},
    "RestJsonQueryIdempotencyTokenAutoFill": {"token": "00000000-0000-4000-8000-000000000000"},
}
"""A map of all parameters has on a server those too that are bound to a name; and a client fills in its token."""

UNREAD_BY_THE_CLIENT = {
    "RestJsonInputAndOutputWithQuotedStringHeaders",
    "RestJsonInputAndOutputWithTimestampHeaders",
    "RestJsonHttpPayloadWithUnsetUnion",
}
"""botocore splits every header at every comma, and takes an absent union for an empty one: the bytes are compared."""


def cases(kind: str) -> Iterator[Any]:
    for suite in json.loads((FOLDER / kind / "rest-json.json").read_text(encoding="utf-8")):
        for case in suite["cases"]:
            yield pytest.param(suite, case, id=case["id"])


OUTPUTS = list(cases("output"))


def incoming(operation: Operation, case: dict[str, Any]) -> rest_json.Incoming:
    """The request of a vector, once its path has led back to the operation."""
    sent = case["serialized"]
    address = urlsplit(sent["uri"].removeprefix(PREFIX_OF_THE_ENDPOINT.get(case["id"], "")))
    found, labels = Routes([operation]).find(sent["method"], address.path.encode())
    assert found is operation
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    return rest_json.Incoming(labels, address.query.encode(), headers, sent.get("body", "").encode())


def jsonvalues(operation: Operation, values: dict[str, Any]) -> dict[str, Any]:
    """Values of JSON headers, which the vectors hold as text."""
    shapes = [shape for shape in (operation.input, operation.output) if shape]
    names = {member.name for shape in shapes for member in shape.members.values() if member.json_value}
    return {name: json.loads(value) if name in names else value for name, value in values.items()}


@pytest.mark.parametrize(("suite", "case"), list(cases("input")))
def test_the_request_of_a_client_is_its_parameters(suite: dict[str, Any], case: dict[str, Any]) -> None:
    if case["id"] in COMPRESSED_BY_THE_CLIENT:
        assert "body" not in case["serialized"]
        return
    operation = operation_of(suite, case)
    request = rest_json.parse_request(operation, incoming(operation, case))
    wanted = as_python(operation.input, case["params"]) or {}
    expected = jsonvalues(operation, SERVERS_READ_MORE.get(case["id"], wanted))
    assert same(filled(request), filled(expected)), f"{request} is not {expected}"


def filled(request: dict[str, Any]) -> dict[str, Any]:
    """A request without empty lists, maps and structures: on the wire there is nothing of them."""
    return {name: value for name, value in request.items() if value not in ([], {})}


@pytest.mark.parametrize(("suite", "case"), [case for case in OUTPUTS if "error" not in case.values[1]])
def test_a_client_reads_the_result_in_our_response(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite, case)
    result = jsonvalues(operation, as_python(operation.output, case["result"]) or {})
    outgoing = rest_json.serialize_response(operation, result)
    assert outgoing.status == case["response"]["status_code"]
    if case["id"] in UNREAD_BY_THE_CLIENT:
        wanted = {name.lower(): value for name, value in case["response"]["headers"].items()}
        ours = {name.lower(): value for name, value in outgoing.headers}
        assert {**ours, "content-length": str(len(outgoing.body))} == {"content-length": "0", **wanted}
        assert outgoing.body == case["response"].get("body", "").encode()
        return
    read = read_by_client(suite, case, outgoing)
    again = {name: as_sent(operation, name, item) for name, item in read.items()}
    assert same(filled(again), filled(result)), f"{again} is not {result}"


def as_sent(operation: Operation, name: str, value: Any) -> Any:
    """The client leaves odd floats as words, and gives a body that is a blob as text."""
    if operation.output and operation.output.payload == name and operation.output.members[name].shape.type == "blob":
        return value.encode() or []
    return number(operation.output, name, value)


def read_by_client(suite: dict[str, Any], case: dict[str, Any], outgoing: rest_json.Outgoing) -> dict[str, Any]:
    theirs = ServiceModel(model_of(suite, case)).operation_model(case["given"]["name"])
    read: dict[str, Any] = create_parser("rest-json").parse(wire(outgoing), theirs.output_shape)
    read.pop("ResponseMetadata", None)
    return read


def wire(outgoing: rest_json.Outgoing) -> dict[str, Any]:
    return {"status_code": outgoing.status, "headers": HeadersDict(outgoing.headers), "body": outgoing.body}


@pytest.mark.parametrize(("suite", "case"), [case for case in OUTPUTS if "error" in case.values[1]])
def test_a_client_reads_the_error_in_our_response(suite: dict[str, Any], case: dict[str, Any]) -> None:
    operation = operation_of(suite, case)
    shape = next(shape for shape in operation.error_shapes if shape.name == case["errorCode"])
    outgoing = rest_json.serialize_error(shape, case["error"])
    theirs = ServiceModel(model_of(suite, case)).operation_model(operation.name)
    response = wire(outgoing)
    read = create_parser("rest-json").parse(response, theirs.output_shape)
    assert read["Error"]["Code"] == case["errorCode"]
    assert read["Error"]["Message"] == case.get("errorMessage", "")
    modelled = create_parser("rest-json").parse(response, theirs.service_model.shape_for_error_code(case["errorCode"]))
    assert {**case["error"], **modelled} == modelled
