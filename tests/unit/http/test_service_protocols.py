"""How each service is spoken: what is read, and what goes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgewright.errors import ResourceNotFound, UnknownOperation
from edgewright.http.service_protocols import AwsJson, RestJson
from edgewright.operations import OPERATIONS
from edgewright.protocol import load_service

PREFIX = "arn:aws:greengrass:eu-west-1:123456789012:components"
ARN = f"{PREFIX}:team-model:versions:1.0.0"
REST = RestJson(load_service("greengrassv2"), OPERATIONS)
AWS = AwsJson(load_service("sagemaker"), OPERATIONS)


def scope(method: str, path: str, query: str = "", **headers: str) -> dict[str, Any]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {
        "method": method,
        "raw_path": path.encode(),
        "path": path,
        "query_string": query.encode(),
        "headers": [*raw, (b"host", b"edge.example:8181")],
        "scheme": "http",
    }


def test_a_rest_request_is_read_from_all_its_places() -> None:
    operation, request = REST.read(scope("GET", f"/greengrass/v2/components/{ARN}", "recipeOutputFormat=YAML"), b"")
    assert (operation.name, request) == ("GetComponent", {"arn": ARN, "recipeOutputFormat": "YAML"})


def test_headers_that_come_twice_are_joined() -> None:
    place = scope("GET", f"/greengrass/v2/components/{ARN}/artifacts/a", x_amz_iot_endpoint_type="fips")
    place["headers"].append((b"x-amz-iot-endpoint-type", b"standard"))
    assert REST.read(place, b"")[1]["iotEndpointType"] == "fips, standard"


def test_what_is_not_implemented_is_told_beside_what_is() -> None:
    with pytest.raises(UnknownOperation, match="ListCoreDevices is not implemented yet") as refused:
        REST.read(scope("GET", "/greengrass/v2/coreDevices"), b"")
    assert "DescribeComponent" in refused.value.message
    assert "EdgePackagingJob" not in refused.value.message
    with pytest.raises(UnknownOperation, match="CreateDeviceFleet is not implemented yet") as refused:
        AWS.read(scope("POST", "/", x_amz_target="SageMaker.CreateDeviceFleet"), b"{}")
    assert "DescribeEdgePackagingJob" in refused.value.message
    assert "DescribeComponent" not in refused.value.message


@pytest.mark.parametrize("target", ["", "SageMaker.", "DescribeEdgePackagingJob", "SageMaker.DescribeComponent"])
def test_a_target_of_another_service_names_nothing(target: str) -> None:
    with pytest.raises(UnknownOperation, match="names no operation of this service"):
        AWS.read(scope("POST", "/", x_amz_target=target), b"{}")


def test_addresses_stand_at_the_host_that_was_signed() -> None:
    assert REST.endpoint(scope("GET", "/")) == "http://edge.example:8181"
    assert AWS.endpoint(scope("POST", "/")) == ""


def test_replies_have_the_content_type_of_their_protocol() -> None:
    rest = REST.reply(load_service("greengrassv2").operations["TagResource"], {})
    assert (rest.status, rest.body, rest.headers) == (200, b"{}", ((b"content-type", b"application/json"),))
    gone = REST.reply(load_service("greengrassv2").operations["DeleteComponent"], None)
    assert (gone.status, gone.body, gone.headers) == (204, b"", ())
    aws = AWS.reply(load_service("sagemaker").operations["StopEdgePackagingJob"], None)
    assert (aws.status, aws.headers) == (200, ((b"content-type", b"application/x-amz-json-1.1"),))


def test_refusals_follow_their_protocol() -> None:
    error = ResourceNotFound("gone", ARN)
    code, rest = REST.refusal(error)
    assert (code, rest.status) == ("ResourceNotFoundException", 404)
    assert (b"x-amzn-errortype", b"ResourceNotFoundException") in rest.headers
    assert json.loads(rest.body)["resourceId"] == ARN
    code, aws = AWS.refusal(error)
    assert (code, aws.status, json.loads(aws.body)["__type"]) == ("ResourceNotFound", 400, "ResourceNotFound")
