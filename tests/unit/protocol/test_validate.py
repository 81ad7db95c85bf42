"""Constraints: the sentences, the paths, and what keeps a hostile request from costing much.

That each modelled constraint is checked is shown in tests/conformance/test_constraints.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from edgewright.errors import ValidationFault
from edgewright.protocol import faults, load_service, validate
from edgewright.protocol.model import Operation, build_service

CREATE = load_service("sagemaker").operations["CreateEdgePackagingJob"]
COMPILE = load_service("sagemaker").operations["CreateCompilationJob"]
LIST = load_service("sagemaker").operations["ListEdgePackagingJobs"]
DELETE_TAGS = load_service("sagemaker").operations["DeleteTags"]

JOB: dict[str, Any] = {
    "EdgePackagingJobName": "a",
    "CompilationJobName": "c",
    "ModelName": "m",
    "ModelVersion": "1.0",
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "OutputConfig": {"S3OutputLocation": "s3://b/k"},
}


def operation(shapes: dict[str, Any]) -> Operation:
    raw = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}, "input": {"shape": "In"}}
    metadata = {"protocol": "json", "endpointPrefix": "x"}
    return build_service("x", {"metadata": metadata, "operations": {"Do": raw}, "shapes": shapes}).operations["Do"]


def with_member(**shapes: dict[str, Any]) -> Operation:
    """An operation whose one member `TheThing` has the shape `Thing`."""
    return operation({"In": {"type": "structure", "members": {"TheThing": {"shape": "Thing"}}}, **shapes})


def told(target: Operation, request: dict[str, Any]) -> str:
    with pytest.raises(ValidationFault) as refused:
        validate(target, request)
    return refused.value.message


def one(value: str, path: str, rule: str) -> str:
    return f"1 validation error detected: Value {value} at '{path}' failed to satisfy constraint: {rule}"


def test_what_meets_all_constraints_passes() -> None:
    validate(CREATE, JOB)
    validate(LIST, {})


def test_a_missing_member_is_null() -> None:
    request = {**JOB, "OutputConfig": {}}
    assert told(CREATE, request) == one("null", "outputConfig.s3OutputLocation", "Member must not be null")


def test_each_fault_tells_its_place_and_what_must_be() -> None:
    request = {**JOB, "ModelName": "it's at 'modelVersion'", "OutputConfig": {}}
    found = [(fault.path, fault.constraint) for fault in faults(CREATE, request)]
    assert found == [
        ("modelName", "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("outputConfig.s3OutputLocation", "Member must not be null"),
    ]
    assert faults(CREATE, JOB) == []


def test_the_model_version_allows_spaces_and_no_hyphen() -> None:
    validate(CREATE, {**JOB, "ModelVersion": "1.0 beta_2"})
    rule = r"Member must satisfy regular expression pattern: [a-zA-Z0-9\ \_\.]+"
    assert told(CREATE, {**JOB, "ModelVersion": "1-0"}) == one("'1-0'", "modelVersion", rule)


def test_a_trailing_newline_is_no_part_of_a_name() -> None:
    assert "Value 'a\n' at 'modelName'" in told(CREATE, {**JOB, "ModelName": "a\n"})


def test_length_comes_before_pattern() -> None:
    name = "-" * 64
    assert told(CREATE, {**JOB, "ModelName": name}) == (
        f"2 validation errors detected: Value '{name}' at 'modelName' failed to satisfy constraint: Member must have "
        f"length less than or equal to 63; Value '{name}' at 'modelName' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_elements_are_counted_from_one() -> None:
    tags = [{"Key": "ok", "Value": "ok"}, {"Key": "k"}]
    assert told(CREATE, {**JOB, "Tags": tags}) == one("null", "tags.2.member.value", "Member must not be null")


def test_a_number_over_its_maximum() -> None:
    rule = "Member must have value less than or equal to 100"
    assert told(LIST, {"MaxResults": 101}) == one("'101'", "maxResults", rule)
    validate(LIST, {"MaxResults": 0})


def test_an_integer_without_a_maximum_has_that_of_its_type() -> None:
    request = {
        "CompilationJobName": "c",
        "RoleArn": JOB["RoleArn"],
        "OutputConfig": {"S3OutputLocation": "s3://b/k"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 2**31},
    }
    rule = "Member must have value less than or equal to 2147483647"
    assert told(COMPILE, request) == one("'2147483648'", "stoppingCondition.maxRuntimeInSeconds", rule)


def test_an_enumeration_names_its_values_in_order() -> None:
    rule = "Member must satisfy enum value set: [Ascending, Descending]"
    assert told(LIST, {"SortOrder": "ascending"}) == one("'ascending'", "sortOrder", rule)


def test_strings_in_a_list_are_told_of_together() -> None:
    request = {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:x/y", "TagKeys": ["ok", "", "#"]}
    assert told(DELETE_TAGS, request) == one(
        "'[ok, , #]'",
        "tagKeys",
        "Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length "
        r"greater than or equal to 1, Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)]",
    )


def test_null_in_a_list_is_told_by_its_place() -> None:
    request = {"ResourceArn": "arn:aws:sagemaker:eu-west-1:123456789012:x/y", "TagKeys": ["ok", None]}
    assert told(DELETE_TAGS, request) == one("null", "tagKeys.2.member", "Member must not be null")


def test_a_list_shows_what_it_holds() -> None:
    tags = [{"Key": "k", "Value": "v"}] * 51
    shown = ", ".join(["{Key=k, Value=v}"] * 51)
    rule = "Member must have length less than or equal to 50"
    assert told(CREATE, {**JOB, "Tags": tags}) == one(f"'[{shown}]'", "tags", rule)


MAP = {"type": "map", "key": {"shape": "Key"}, "value": {"shape": "Value"}, "min": 1, "max": 2}
KEY = {"type": "string", "max": 2}


def test_keys_and_scalars_of_a_map_are_told_of_together() -> None:
    target = with_member(Thing=MAP, Key=KEY, Value={"type": "string", "min": 1, "enum": ["x"]})
    validate(target, {"TheThing": {"ab": "x"}})
    assert told(target, {"TheThing": {"abc": "x"}}) == one(
        "'{abc=x}'",
        "theThing",
        "Map keys must satisfy constraint: [Member must have length less than or equal to 2]",
    )
    assert told(target, {"TheThing": {"a": ""}}) == one(
        "'{a=}'",
        "theThing",
        "Map value must satisfy constraint: [Member must have length greater than or equal to 1, Member must satisfy "
        "enum value set: [x]]",
    )
    assert told(target, {"TheThing": {"a": None}}) == one("null", "theThing.a.member", "Member must not be null")
    assert told(target, {"TheThing": {}}) == one(
        "'{}'", "theThing", "Member must have length greater than or equal to 1"
    )


def test_structures_in_a_map_are_told_by_their_key() -> None:
    value = {"type": "structure", "required": ["Name"], "members": {"Name": {"shape": "Key"}}}
    target = with_member(Thing=MAP, Key=KEY, Value=value)
    assert told(target, {"TheThing": {"a": {}}}) == one("null", "theThing.a.member.name", "Member must not be null")


def test_a_shape_that_holds_itself_is_checked_at_every_depth() -> None:
    shapes = {
        "In": {"type": "structure", "members": {"Next": {"shape": "In"}, "All": {"shape": "L"}, "S": {"shape": "S"}}},
        "L": {"type": "list", "member": {"shape": "In"}},
        "S": {"type": "string", "max": 1},
    }
    request = {"Next": {"All": [{}, {"S": "xy"}]}}
    assert told(operation(shapes), request) == one(
        "'xy'", "next.all.2.member.s", "Member must have length less than or equal to 1"
    )


@pytest.mark.parametrize(
    ("shape", "value", "shown"),
    [
        ({"type": "double", "max": 1.5}, 2.5, "2.5"),
        ({"type": "long"}, 2**63, str(2**63)),
        ({"type": "list", "member": {"shape": "Any"}, "max": 0}, [True, None, b"ab"], "[true, null, 2 bytes]"),
        (
            {"type": "list", "member": {"shape": "Any"}, "max": 0},
            [datetime(2026, 1, 1, tzinfo=UTC), False],
            "[2026-01-01T00:00:00+00:00, false]",
        ),
    ],
)
def test_every_kind_of_value_can_be_shown(shape: dict[str, Any], value: Any, shown: str) -> None:
    target = with_member(Thing=shape, Any={"type": "structure", "members": {}, "document": True})
    assert f"Value '{shown}' at 'theThing'" in told(target, {"TheThing": value})


def test_a_very_long_value_is_shown_in_part() -> None:
    message = told(CREATE, {**JOB, "ModelName": "a" * 1_000_000})
    assert len(message) < 40_000
    assert "aaa...' at 'modelName' failed to satisfy constraint: Member must have length" in message


def test_a_hostile_uri_is_refused_for_its_length_alone() -> None:
    """Its pattern would take more than half an hour on this one."""
    request = {**JOB, "OutputConfig": {"S3OutputLocation": "s3://" + "a" * 1_000_000 + "/\n"}}
    assert told(CREATE, request).count("failed to satisfy") == 1


def test_a_list_over_its_maximum_is_not_looked_through() -> None:
    assert told(CREATE, {**JOB, "Tags": [{}] * 100_000}).count("Value ") == 1 + 50 * 2


def test_a_map_over_its_maximum_is_not_looked_through() -> None:
    value = {"type": "structure", "required": ["Name"], "members": {"Name": {"shape": "Key"}}}
    target = with_member(Thing=MAP, Key=KEY, Value=value)
    assert told(target, {"TheThing": {str(number): {} for number in range(10, 99)}}).count("null at") == 2


def test_a_list_without_a_maximum_is_not_answered_with_a_sentence_for_each_element() -> None:
    """A body of a megabyte was answered with one of a hundred, made with half a gigabyte of memory."""
    create = load_service("greengrassv2").operations["CreateComponentVersion"]
    function = {"lambdaArn": "a", "componentLambdaParameters": {"eventSources": [{}] * 300_000}}
    assert len(told(create, {"lambdaFunction": function})) < 300_000
    function = {"lambdaArn": "a", "componentDependencies": {str(number): None for number in range(300_000)}}
    assert len(told(create, {"lambdaFunction": function})) < 300_000


def test_an_operation_without_input_has_nothing_to_check() -> None:
    raw = {"name": "Do", "http": {"method": "POST", "requestUri": "/"}}
    metadata = {"protocol": "json", "endpointPrefix": "x"}
    service = build_service("x", {"metadata": metadata, "operations": {"Do": raw}, "shapes": {}})
    validate(service.operations["Do"], {})
