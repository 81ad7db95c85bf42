"""Allow and deny rules, and the sentence of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from edgewright.auth.rights import Rights, Rule, Wanted, authorize
from edgewright.errors import AccessDenied, SettingsRefused

PREFIX = "arn:aws:sagemaker:eu-west-1:123456789012"
USER = "arn:aws:iam::123456789012:user/ci"


def rights(allow: list[Any], deny: list[Any] | None = None) -> Rights:
    return Rights(tuple(map(Rule.of, allow)), tuple(map(Rule.of, deny or [])))


@pytest.mark.parametrize(
    ("allow", "deny", "action", "name", "permitted"),
    [
        (["*"], [], "sagemaker:CreateEdgePackagingJob", "x", True),
        ([], [], "sagemaker:CreateEdgePackagingJob", "x", False),
        (["sagemaker:List*"], [], "sagemaker:ListEdgePackagingJobs", "*", True),
        (["sagemaker:List*"], [], "sagemaker:DescribeEdgePackagingJob", "x", False),
        (["sagemaker:list*"], [], "sagemaker:ListEdgePackagingJobs", "*", False),
        (["sagemaker:*"], ["sagemaker:Stop*"], "sagemaker:StopEdgePackagingJob", "x", False),
        (["sagemaker:*"], ["sagemaker:Stop*"], "sagemaker:DescribeEdgePackagingJob", "x", True),
        ([{"actions": ["sagemaker:*"], "resources": ["test-*"]}], [], "sagemaker:StopEdgePackagingJob", "test-1", True),
        ([{"actions": ["sagemaker:*"], "resources": ["test-*"]}], [], "sagemaker:StopEdgePackagingJob", "prod", False),
        (["*"], [{"actions": ["*"], "resources": ["prod-?"]}], "sagemaker:StopEdgePackagingJob", "prod-1", False),
        (["*"], [{"actions": ["*"], "resources": ["prod-?"]}], "sagemaker:StopEdgePackagingJob", "prod-12", True),
        (["sagemaker.List*"], [], "sagemaker:ListEdgePackagingJobs", "*", False),
    ],
)
def test_a_deny_beats_an_allow_and_silence_denies(
    allow: list[Any], deny: list[Any], action: str, name: str, *, permitted: bool
) -> None:
    assert rights(allow, deny).permit(action, name) is permitted


@pytest.mark.parametrize(
    ("operation", "request_", "name", "arn"),
    [
        ("DescribeEdgePackagingJob", {"EdgePackagingJobName": "j"}, "j", f"{PREFIX}:edge-packaging-job/j"),
        (
            "CreateEdgePackagingJob",
            {"CompilationJobName": "c", "EdgePackagingJobName": "j"},
            "j",
            f"{PREFIX}:edge-packaging-job/j",
        ),
        ("StopCompilationJob", {"CompilationJobName": "c"}, "c", f"{PREFIX}:compilation-job/c"),
        ("ListEdgePackagingJobs", {"NameContains": "j"}, "*", "*"),
        ("ListTags", {"ResourceArn": f"{PREFIX}:compilation-job/c"}, "c", f"{PREFIX}:compilation-job/c"),
        ("DescribeEdgePackagingJob", {}, "*", "*"),
    ],
)
def test_a_request_names_its_resource(operation: str, request_: dict[str, str], name: str, arn: str) -> None:
    assert Wanted.of(operation, request_, PREFIX) == Wanted(f"sagemaker:{operation}", name, arn)


def test_a_refusal_has_the_words_of_aws() -> None:
    wanted = Wanted.of("StopEdgePackagingJob", {"EdgePackagingJobName": "j"}, PREFIX)
    with pytest.raises(AccessDenied) as raised:
        authorize(USER, rights(["sagemaker:List*"]), wanted)
    assert raised.value.message == (
        f"User: {USER} is not authorized to perform: sagemaker:StopEdgePackagingJob on resource: "
        f"{PREFIX}:edge-packaging-job/j because no identity-based policy allows the "
        "sagemaker:StopEdgePackagingJob action"
    )
    with pytest.raises(AccessDenied, match="with an explicit deny in an identity-based policy"):
        authorize(USER, rights(["*"], ["sagemaker:Stop*"]), wanted)
    authorize(USER, rights(["*"]), wanted)


@pytest.mark.parametrize(
    "written", [1, {}, {"resources": ["*"]}, {"actions": "x"}, {"actions": []}, {"actions": ["x"], "a": 1}]
)
def test_a_rule_that_is_none_is_refused(written: object) -> None:
    with pytest.raises(SettingsRefused):
        Rule.of(written)
