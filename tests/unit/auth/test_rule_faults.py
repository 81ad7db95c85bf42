"""Rules that could never match a request: found, warned of where they are, refused where they are new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from edgewright.auth import access_keys, rights_changes, rule_faults
from edgewright.auth.principals import Principals
from edgewright.auth.rights import Rights, Rule
from edgewright.errors import ValidationFault
from edgewright.operations import ACTIONS
from edgewright.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def on(resources: list[str], *actions: str) -> dict[str, Any]:
    return {"actions": list(actions), "resources": resources}


GOOD = [
    *ACTIONS,
    "*",
    "sagemaker:*",
    "s3:*",
    on(["prod-*"], "*"),
    on(["prod-*"], "sagemaker:List*"),
    on(["SagemakerEdgeManager*", "com.example.*"], "greengrass:*"),
    on(["models/prod/*"], "s3:GetObject"),
    on(["s3://models/*", "arn:aws:s3:::models/*"], "s3:GetObject"),
    on(["arn:aws:sagemaker:*:*:compilation-job/prod-*"], "sagemaker:*"),
    on(["arn:*:compilation-job/prod-*"], "sagemaker:*"),
    on(["arn:aws:greengrass:eu-west-1:123456789012:components:a:versions:1.0.0"], "greengrass:GetComponent"),
    on(["*"], "sagemaker:ListCompilationJobs"),
]
BAD = [
    ("sagemaker:Foo", "'sagemaker:Foo' is no action of this service"),
    ("sagemaker:list*", "is no action"),
    ("sagemaker.List*", "is no action"),
    (on(["prod-*"], "sagemaker:ListCompilationJobs"), "it is on no one resource, so leave 'resources' out"),
    (on(["prod-*"], "sagemaker:Describe*", "sagemaker:ListCompilationJobs"), "'sagemaker:ListCompilationJobs' is"),
    (on(["my_job"], "sagemaker:StopCompilationJob"), "it is on compilation jobs"),
    (on(["s3://models/*"], "sagemaker:*"), "it is on compilation jobs and edge packaging jobs"),
    (on(["s3://models"], "s3:GetObject"), "it is on objects"),
    (on(["models"], "s3:GetObject"), "it is on objects"),
    (on(["arn:aws:s3:::models/*"], "greengrass:*"), "it is on components"),
    (on(["arn:aws:sagemaker:*:*:compilation-job/*"], "sagemaker:StopEdgePackagingJob"), "edge packaging jobs"),
    (on(["prod-*", "s3://models/*"], "sagemaker:*"), "'s3://models/*' is never what 'sagemaker:*' is on"),
]


@pytest.mark.parametrize("written", GOOD, ids=str)
def test_rules_that_may_match_have_no_fault(written: object) -> None:
    assert rule_faults.of_rule(Rule.of(written)) == []


@pytest.mark.parametrize(("written", "words"), BAD, ids=str)
def test_rules_that_never_match_are_explained_once(written: object, words: str) -> None:
    (fault,) = rule_faults.of_rule(Rule.of(written))
    assert words in fault


@pytest.mark.parametrize(("written", "words"), BAD, ids=str)
def test_new_ones_are_refused_and_write_nothing(tmp_path: Path, written: object, words: str) -> None:
    path = tmp_path / "principals.toml"
    for grant in ({"allow": (written,)}, {"deny": (written,)}):
        with pytest.raises(ValidationFault, match="would never match") as refused:
            access_keys.create(path, access_keys.Grant("ci", "123456789012", **grant))
        assert words in refused.value.message
    assert not path.exists()


def test_old_ones_are_warned_of_and_go_on(tmp_path: Path) -> None:
    path = tmp_path / "principals.toml"
    path.write_text(
        '[[principal]]\nname = "ci"\naccess_key_id = "AKIDCI"\nsecret_access_key = "s3cret"\n'
        'account = "123456789012"\nallow = ["sagemaker:List*", "sagemaker:CreateModel"]\n'
    )
    path.chmod(0o600)
    with capture_logs() as logs:
        assert Principals(Settings(data_dir=tmp_path)).get("AKIDCI") is not None
    (warning,) = [entry for entry in logs if entry["log_level"] == "warning"]
    assert (warning["access_key"], warning["name"]) == ("AKIDCI", "ci")
    assert "sagemaker:CreateModel" in warning["reason"]
    assert "s3cret" not in str(logs)


def of(allow: list[Any], deny: list[Any] | None = None) -> Rights:
    return Rights(tuple(map(Rule.of, allow)), tuple(map(Rule.of, deny or [])))


@pytest.mark.parametrize(
    ("rights", "blocked", "noted"),
    [
        (of(["*"]), False, []),
        (of(["sagemaker:List*"], [on(["prod-*"], "*")]), False, []),
        (of(["sagemaker:CreateEdgePackagingJob"]), True, []),
        (of([on(["test-*"], "*")]), False, ["'test-*' binds"]),
        (of(["*"], [on(["prod-*"], "sagemaker:*")]), False, ["'prod-*' binds"]),
        (of(["*"], [on(["arn:aws:sagemaker:*:*:compilation-job/*"], "sagemaker:*")]), False, []),
        (of(["sagemaker:*", "s3:GetObject"]), False, ["by s3: actions must be allowed"]),
        (of(["*"], ["s3:GetObject"]), False, ["denied by s3: actions"]),
        (of(["*", "greengrass:List*"]), False, ["by greengrass: actions must be allowed"]),
    ],
)
def test_what_changes_for_a_key_is_told(rights: Rights, noted: list[str], *, blocked: bool) -> None:
    assert rights_changes.blocked(rights) is blocked
    found = list(rights_changes.notes(rights))
    assert len(found) == len(noted)
    assert all(words in note for words, note in zip(noted, found, strict=True))
