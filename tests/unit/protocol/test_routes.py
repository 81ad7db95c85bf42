"""Methods and paths to operations."""

from __future__ import annotations

import pytest

from edgewright.errors import SerializationFault, UnknownOperation
from edgewright.protocol import load_service
from edgewright.protocol.routes import Routes, route

ROUTES = Routes(load_service("greengrassv2").operations.values())
ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:a:versions:1.0.0"
ENCODED = ARN.replace(":", "%3A")


@pytest.mark.parametrize(
    ("method", "path", "operation", "labels"),
    [
        ("GET", "/greengrass/v2/components", "ListComponents", {}),
        ("GET", f"/greengrass/v2/components/{ENCODED}", "GetComponent", {"arn": ARN}),
        ("GET", f"/greengrass/v2/components/{ARN}", "GetComponent", {"arn": ARN}),
        ("DELETE", f"/greengrass/v2/components/{ENCODED}", "DeleteComponent", {"arn": ARN}),
        ("GET", f"/greengrass/v2/components/{ENCODED}/metadata", "DescribeComponent", {"arn": ARN}),
        ("GET", f"/greengrass/v2/components/{ENCODED}/versions", "ListComponentVersions", {"arn": ARN}),
        (
            "GET",
            f"/greengrass/v2/components/{ENCODED}/artifacts/bucket/a%20b/c+d.tar.gz",
            "GetComponentVersionArtifact",
            {"arn": ARN, "artifactName": "bucket/a b/c+d.tar.gz"},
        ),
        ("POST", f"/tags/{ENCODED}", "TagResource", {"resourceArn": ARN}),
        ("POST", "/greengrass/v2/createComponentVersion", "CreateComponentVersion", {}),
    ],
)
def test_a_path_leads_to_its_operation(method: str, path: str, operation: str, labels: dict[str, str]) -> None:
    found, given = ROUTES.find(method, path.encode())
    assert (found.name, given) == (operation, labels)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/greengrass/v2/components"),
        ("POST", "/greengrass/v2/components"),
        ("GET", "/greengrass/v2/components/"),
        ("GET", "/greengrass/v2/componentsX"),
        ("GET", f"/greengrass/v2/components/{ENCODED}/"),
        ("GET", "/tags/"),
        ("GET", "/"),
    ],
)
def test_another_path_leads_nowhere(method: str, path: str) -> None:
    with pytest.raises(UnknownOperation, match="is no operation of this service"):
        ROUTES.find(method, path.encode())


def test_a_label_is_utf_8() -> None:
    assert ROUTES.find("GET", b"/tags/%C3%BC")[1] == {"resourceArn": "\u00fc"}
    with pytest.raises(SerializationFault, match="UTF-8"):
        ROUTES.find("GET", b"/tags/%FF")


@pytest.mark.parametrize("name", load_service("greengrassv2").operations)
def test_each_operation_is_found_by_its_own_template(name: str) -> None:
    operation = load_service("greengrassv2").operations[name]
    labels = {label: f"value-of-{label}" for label in route(operation).labels}
    path = operation.path.replace("+}", "}").format(**labels)
    assert ROUTES.find(operation.method, path.encode()) == (operation, labels)
