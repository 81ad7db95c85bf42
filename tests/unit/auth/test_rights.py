"""Allow and deny rules, and the sentence of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from edgewright.auth.rights import Rights, Rule, authorize
from edgewright.errors import AccessDenied, SettingsRefused
from edgewright.operations import Access

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


def test_a_refusal_has_the_words_of_aws() -> None:
    access = Access("sagemaker:StopEdgePackagingJob", "j", f"{PREFIX}:edge-packaging-job/j")
    with pytest.raises(AccessDenied) as raised:
        authorize(USER, rights(["sagemaker:List*"]), access)
    assert raised.value.message == (
        f"User: {USER} is not authorized to perform: sagemaker:StopEdgePackagingJob on resource: "
        f"{PREFIX}:edge-packaging-job/j because no identity-based policy allows the "
        "sagemaker:StopEdgePackagingJob action"
    )
    with pytest.raises(AccessDenied, match="with an explicit deny in an identity-based policy"):
        authorize(USER, rights(["*"], ["sagemaker:Stop*"]), access)
    authorize(USER, rights(["*"]), access)


@pytest.mark.parametrize(
    "written", [1, {}, {"resources": ["*"]}, {"actions": "x"}, {"actions": []}, {"actions": ["x"], "a": 1}]
)
def test_a_rule_that_is_none_is_refused(written: object) -> None:
    with pytest.raises(SettingsRefused):
        Rule.of(written)
