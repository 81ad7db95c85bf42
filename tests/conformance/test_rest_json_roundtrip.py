"""What botocore's client of Greengrass sends, our routes and parser read; what we answer, botocore reads."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.awsrequest import HeadersDict
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given
from hypothesis import strategies as st

from conformance.test_botocore_roundtrip import MORE_THAN_ENOUGH, values
from edgewright.operations import OPERATIONS as IMPLEMENTED
from edgewright.protocol import Shape, load_service, rest_json
from edgewright.protocol.routes import Routes

SERVICE = load_service("greengrassv2")
NAMES = [name for name in SERVICE.operations if name in IMPLEMENTED]
MODEL = ServiceModel(Loader().load_service_model("greengrassv2", "service-2"), "greengrassv2")
ROUTES = Routes(SERVICE.operations.values())

PRINTED = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
PATH = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@cache
def parameters(shape: Shape) -> st.SearchStrategy[dict[str, Any]]:
    """Any that can be sent: a path has no empty part, a header no space at its ends, a query no empty list."""
    chosen: dict[str, st.SearchStrategy[Any]] = {}
    for name, member in shape.members.items():
        kind = values(member.shape, "request")
        if member.location == "header":
            kind = PRINTED
        if member.location == "uri":
            kind = PATH
        if member.location == "querystring" and member.shape.type == "list":
            kind = st.lists(PATH, min_size=1, max_size=3)
        chosen[name] = kind
    needed = {name: kind for name, kind in chosen.items() if shape.members[name].location == "uri"}
    return st.fixed_dictionaries(needed, optional={name: kind for name, kind in chosen.items() if name not in needed})


def test_all_ten_operations_are_tried() -> None:
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_request_comes_out_as_it_went_in(name: str) -> None:
    operation, serializer = SERVICE.operations[name], create_serializer("rest-json", include_validation=False)
    assert operation.input is not None

    @MORE_THAN_ENOUGH
    @given(parameters(operation.input))
    def check(given_parameters: dict[str, Any]) -> None:
        sent = serializer.serialize_to_request(dict(given_parameters), MODEL.operation_model(name))
        found, labels = ROUTES.find(sent["method"], sent["url_path"].encode())
        assert found is operation
        query = urlencode(sent["query_string"], doseq=True, quote_via=quote).encode()
        headers = {key.lower(): value for key, value in sent["headers"].items()}
        incoming = rest_json.Incoming(labels, query, headers, sent["body"] or b"")
        assert rest_json.parse_request(operation, incoming) == given_parameters

    check()


@pytest.mark.parametrize("name", [name for name in NAMES if SERVICE.operations[name].output])
def test_a_response_is_read_as_it_was_given(name: str) -> None:
    operation = SERVICE.operations[name]
    assert operation.output is not None
    parser, theirs = create_parser("rest-json"), MODEL.operation_model(name).output_shape

    @MORE_THAN_ENOUGH
    @given(values(operation.output, "response"))
    def check(response: dict[str, Any]) -> None:
        outgoing = rest_json.serialize_response(operation, response)
        answer = {"status_code": outgoing.status, "headers": HeadersDict(outgoing.headers), "body": outgoing.body}
        read = parser.parse(answer, theirs)
        del read["ResponseMetadata"]
        assert read == response

    check()
