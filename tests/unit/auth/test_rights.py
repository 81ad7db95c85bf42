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
    assert rights(allow, deny).permit(Access(action, name)) is permitted


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


ARN = f"{PREFIX}:edge-packaging-job/test-1"
CREATE = Access(
    "sagemaker:CreateEdgePackagingJob",
    "test-1",
    ARN,
    bound=(
        Access("sagemaker:CreateEdgePackagingJob", "prod-c", f"{PREFIX}:compilation-job/prod-c"),
        Access("sagemaker:CreateEdgePackagingJob", "prod-comp", "arn:aws:greengrass:eu-west-1:1:components:prod-comp"),
    ),
)
READ = Access("s3:GetObject", "models/a", "arn:aws:s3:::models/a", ("s3://models/a",), implied=True)


def on(resources: list[str], *actions: str) -> dict[str, Any]:
    return {"actions": list(actions) or ["sagemaker:*"], "resources": resources}


@pytest.mark.parametrize(
    ("allow", "deny", "permitted"),
    [
        ([on(["test-*"])], [], False),
        ([on(["test-*"]), on(["prod-*"])], [], False),
        ([on(["test-*", "prod-*"])], [], True),
        ([on([ARN])], [], True),
        ([on(["arn:aws:sagemaker:*:*:edge-packaging-job/*"])], [on(["arn:*:compilation-job/prod-*"])], True),
        (["*"], [on(["prod-*"])], False),
        (["*"], [on(["prod-c"], "sagemaker:CreateEdgePackagingJob")], False),
        (["*"], [on(["prod-comp"])], False),
        (["*"], [on(["other-*"])], True),
    ],
)
def test_a_name_pattern_binds_all_names_and_an_arn_is_of_one_kind(
    allow: list[Any], deny: list[Any], *, permitted: bool
) -> None:
    assert rights(allow, deny).permit(CREATE) is permitted


@pytest.mark.parametrize(
    ("allow", "deny", "permitted"),
    [
        (["sagemaker:*"], [], True),
        ([on(["test-*"], "*")], [], True),
        (["sagemaker:*", "s3:PutObject"], [], False),
        (["sagemaker:*", on(["s3://models/*"], "s3:GetObject")], [], True),
        (["sagemaker:*", on(["arn:aws:s3:::models/*"], "s3:GetObject")], [], True),
        (["sagemaker:*", on(["models/*"], "s3:GetObject")], [], True),
        (["sagemaker:*", on(["s3://other/*"], "s3:GetObject")], [], False),
        (["*", on(["s3://other/*"], "s3:GetObject")], [], True),
        (["sagemaker:*"], [on(["s3://models/*"], "s3:*")], False),
        (["sagemaker:*"], [on(["s3://other/*"], "s3:*")], True),
        (["sagemaker:*"], [on(["models/*"], "*")], False),
    ],
)
def test_what_is_implied_counts_for_who_has_a_rule_that_names_it_and_a_deny_always(
    allow: list[Any], deny: list[Any], *, permitted: bool
) -> None:
    assert rights(allow, deny).permit(READ) is permitted


def test_a_refusal_names_the_bound_resource_that_is_not_allowed() -> None:
    with pytest.raises(AccessDenied, match=r"on resource: .*compilation-job/prod-c with an explicit deny"):
        authorize(USER, rights(["*"], [on(["prod-*"])]), CREATE)
    with pytest.raises(AccessDenied, match=r"on resource: .*components:prod-comp because no identity-based"):
        authorize(USER, rights([on(["test-*", "prod-c"])]), CREATE)
    with pytest.raises(AccessDenied, match=r"on resource: .*edge-packaging-job/test-1 because"):
        authorize(USER, rights([on(["test-*"]), on(["prod-*"])]), CREATE)


@pytest.mark.parametrize(
    "written", [1, {}, {"resources": ["*"]}, {"actions": "x"}, {"actions": []}, {"actions": ["x"], "a": 1}]
)
def test_a_rule_that_is_none_is_refused(written: object) -> None:
    with pytest.raises(SettingsRefused):
        Rule.of(written)
