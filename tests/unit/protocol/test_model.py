"""Shapes: frozen, compiled once, and what the extract says."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
import regex  # type: ignore[import-untyped] # it has no stubs

from edgewright.protocol import Shape, load_service
from edgewright.protocol.model import build_service, compile_pattern


def built(shapes: dict[str, Any]) -> Any:
    operation = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}}
    metadata = {"protocol": "json", "endpointPrefix": "api.things", "targetPrefix": "Things"}
    return build_service("things", {"metadata": metadata, "operations": {"Do": operation}, "shapes": shapes})


def test_a_service_is_loaded_once() -> None:
    assert load_service("sagemaker") is load_service("sagemaker")


def test_sagemaker_is_aws_json() -> None:
    service = load_service("sagemaker")
    assert (service.signing_name, service.target_prefix, service.protocol) == ("sagemaker", "SageMaker", "json")
    operation = service.operations["DescribeEdgePackagingJob"]
    assert (operation.method, operation.path) == ("POST", "/")
    assert [shape.name for shape in operation.error_shapes] == ["ResourceNotFound"]


def test_operations_without_output_have_none() -> None:
    operations = load_service("sagemaker").operations
    assert operations["CreateEdgePackagingJob"].output is None
    assert operations["StopEdgePackagingJob"].output is None


def test_a_service_without_a_signing_name_signs_with_its_endpoint() -> None:
    assert load_service("greengrassv2").signing_name == "greengrass"


def test_rest_members_know_where_they_stand() -> None:
    operation = load_service("greengrassv2").operations["GetComponent"]
    assert operation.input is not None
    assert (operation.method, operation.path) == ("GET", "/greengrass/v2/components/{arn}")
    assert operation.input.members["arn"].location == "uri"
    assert operation.input.members["recipeOutputFormat"].location == "querystring"
    assert {shape.name: shape.status for shape in operation.error_shapes}["ResourceNotFoundException"] == 404


def test_constraints_are_read() -> None:
    operation = load_service("sagemaker").operations["CreateEdgePackagingJob"]
    assert operation.input is not None
    name = operation.input.members["EdgePackagingJobName"].shape
    assert (name.name, name.minimum, name.maximum) == ("EntityName", 1, 63)
    assert "EdgePackagingJobName" in operation.input.required
    assert "Tags" not in operation.input.required


def test_shapes_are_frozen() -> None:
    service = load_service("sagemaker")
    shape = service.operations["AddTags"].input
    assert shape is not None
    with pytest.raises(dataclasses.FrozenInstanceError):
        shape.name = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        shape.members["Other"] = shape.members["Tags"]  # type: ignore[index]
    with pytest.raises(TypeError):
        service.operations["Other"] = service.operations["AddTags"]  # type: ignore[index]


def test_a_shape_may_hold_itself() -> None:
    shapes = {
        "In": {"type": "structure", "members": {"Next": {"shape": "In"}, "All": {"shape": "List"}}},
        "List": {"type": "list", "member": {"shape": "In"}},
    }
    shape = built(shapes).operations["Do"].input
    assert shape.members["Next"].shape is shape
    assert shape.members["All"].shape.members["member"].shape is shape


def test_a_member_called_shape_is_a_member() -> None:
    shapes = {"In": {"type": "structure", "members": {"shape": {"shape": "S"}}}, "S": {"type": "string"}}
    assert built(shapes).operations["Do"].input.members["shape"].shape.name == "S"


@pytest.mark.parametrize("text", ["größe", "東京", "١٢", "a b/c:d=e+f-g@h_i.j", ""])
def test_property_classes_know_every_script(text: str) -> None:
    assert compile_pattern(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)").fullmatch(text)


@pytest.mark.parametrize(("pattern", "text"), [(r"\d+", "١٢"), (r"[\w:]+", "é"), (r"[\S]+", "a b"), ("[a-z]+", "K")])
def test_other_classes_are_ascii_as_in_java(pattern: str, text: str) -> None:
    assert not compile_pattern(pattern).fullmatch(text)


def test_patterns_match_whole_strings() -> None:
    assert compile_pattern("[a-z]+").fullmatch("abc\n") is None
    assert compile_pattern("^[a-z]+$").fullmatch("abc\n") is None


@pytest.mark.parametrize("name", ["sagemaker", "greengrassv2"])
def test_patterns_mean_to_re_what_they_mean_to_regex(name: str) -> None:
    pieces = [
        "a",
        "Z9",
        "-",
        "_",
        ".",
        "/",
        ":",
        " ",
        "\n",
        "\t",
        "é",
        "\u0661",
        "s3://",
        "arn:aws:iam::123456789012:role/",
        "1.0",
    ]
    texts = ["".join(chosen) for count in range(4) for chosen in itertools.product(pieces, repeat=count)]
    patterns = {shape.pattern for shape in shapes(name) if shape.pattern and r"\p" not in shape.pattern}
    assert patterns
    for pattern in patterns:
        ours, peer = compile_pattern(pattern), regex.compile(pattern, regex.ASCII)
        assert [text for text in texts if bool(ours.fullmatch(text)) != bool(peer.fullmatch(text))] == []


def shapes(name: str) -> set[Shape]:
    """Every shape that a request of the service has."""
    found: set[Shape] = set()
    todo = [operation.input for operation in load_service(name).operations.values() if operation.input]
    while todo:
        shape = todo.pop()
        if shape not in found:
            found.add(shape)
            todo += [member.shape for member in shape.members.values()]
    return found
