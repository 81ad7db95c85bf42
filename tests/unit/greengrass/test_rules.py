from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.greengrass.config import ComponentPlan
from edgewright.greengrass.recipe import recipe
from edgewright.greengrass.rules import Finding, Severity, artifacts, check_recipe, platforms
from unit.greengrass.test_recipe import PACKAGE

RULES = {
    "format-version",
    "name",
    "version",
    "pre-release",
    "description",
    "unknown-key",
    "letter-case",
    "manifests",
    "platform",
    "runtime",
    "architecture",
    "lifecycle",
    "run",
    "variable",
    "artifact",
    "scheme",
    "bucket",
    "key",
    "unarchive",
    "permission",
    "digest",
    "size",
}
"""Every rule."""

GONE = object()
MANIFEST = ("Manifests", 0)
ARTIFACT = (*MANIFEST, "Artifacts", 0)
RUN = (*MANIFEST, "Lifecycle", "run")
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A sound recipe with one value replaced, or taken out."""
    whole = copy.deepcopy(recipe(ComponentPlan("digits", "1.0.0", "Reads digits", "linux", "amd64"), PACKAGE))
    place: Any = whole
    for step in path[:-1]:
        place = place[step]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return whole


def renamed(path: tuple[str | int, ...], name: str) -> dict[str, Any]:
    """A sound recipe with one key written otherwise."""
    whole = changed((), GONE) if not path else copy.deepcopy(changed(("ComponentName",), "digits"))
    place: Any = whole
    for step in path[:-1]:
        place = place[step]
    place[name] = place.pop(path[-1])
    return whole


CASES = [
    (changed(("RecipeFormatVersion",), "2020-01-26"), "format-version", ERROR, "is '2020-01-26': wanted the string"),
    (changed(("RecipeFormatVersion",), GONE), "format-version", ERROR, "is nothing"),
    (changed(("ComponentName",), "a b"), "name", ERROR, "'a b' may hold letters"),
    (changed(("ComponentName",), "a" * 129), "name", ERROR, "has 129 characters"),
    (changed(("ComponentName",), 7), "name", ERROR, "'7' is wanted as a string"),
    (changed(("ComponentVersion",), "banana"), "version", ERROR, "'banana' is not a semantic version"),
    (changed(("ComponentVersion",), "1000000.0.0"), "version", ERROR, "999,999 is the largest"),
    (changed(("ComponentVersion",), 1.0), "version", ERROR, "'1.0' is wanted as a string"),
    (changed(("ComponentVersion",), "1.0.0-rc.1"), "pre-release", WARNING, "does not find it in a local folder"),
    (changed(("ComponentDescription",), GONE), "description", WARNING, "component runs on when the nucleus is stopped"),
    (changed(("ComponentDescription",), "a\nUser=root"), "description", WARNING, "line break"),
    (changed(("ComponentDescription",), []), "description", WARNING, "is wanted as a string"),
    (changed(("Metadata",), {}), "unknown-key", ERROR, "'Metadata', which Greengrass does not know"),
    (renamed((*ARTIFACT, "Uri"), "URI"), "letter-case", WARNING, "'URI': write Uri"),
    (renamed((*MANIFEST, "Lifecycle", "install"), "Install"), "letter-case", WARNING, "'Install': write install"),
    (renamed((*RUN, "Script"), "script"), "letter-case", WARNING, "'script': write Script"),
    (renamed(("ComponentName",), "componentName"), "letter-case", WARNING, "write ComponentName"),
    (changed(("Manifests",), GONE), "manifests", ERROR, "is nothing"),
    (changed(("Manifests",), []), "manifests", ERROR, "wanted a list of at least one"),
    (changed(("Manifests",), ["a"]), "manifests", ERROR, "wanted a list of at least one"),
    (changed((*MANIFEST, "Platform"), GONE), "platform", WARNING, "Manifests[0] has no Platform"),
    (changed((*MANIFEST, "Platform", "runtime"), GONE), "runtime", WARNING, "is nothing: lite skips the manifest"),
    (changed((*MANIFEST, "Platform", "runtime"), []), "runtime", WARNING, "lite skips the manifest"),
    (changed((*MANIFEST, "Platform", "architecture"), "x86_64"), "architecture", WARNING, "lite never matches"),
    (
        changed((*MANIFEST, "Platform", "architecture"), "arm64"),
        "architecture",
        WARNING,
        "wanted aarch64, amd64, arm, x86",
    ),
    (changed((*MANIFEST, "Platform", "architecture"), "/arm.*/"), "architecture", WARNING, "'/arm.*/'"),
    (changed((*MANIFEST, "Platform", "architecture"), {}), "architecture", WARNING, "lite never matches"),
    (changed((*MANIFEST, "Lifecycle"), "run"), "lifecycle", ERROR, "wanted a mapping of steps"),
    (changed((*RUN, "Script"), GONE), "lifecycle", ERROR, "Lifecycle.run has no script"),
    (changed(RUN, ["a"]), "lifecycle", ERROR, "Lifecycle.run has no script"),
    (changed((*MANIFEST, "Lifecycle"), {}), "run", WARNING, "has no run step"),
    (changed((*MANIFEST, "Lifecycle"), GONE), "run", WARNING, "has no run step"),
    (changed(RUN, GONE), "run", WARNING, "Let one end in 'sleep infinity'"),
    (
        changed(RUN, "ls {other:artifacts:decompressedPath}/x"),
        "variable",
        WARNING,
        "'{other:artifacts:decompressedPath}', where lite ends the script",
    ),
    (changed(RUN, "for x in ${LIST}; do echo; done"), "variable", WARNING, "'{LIST}'"),
    (changed(RUN, "f() { ls"), "variable", WARNING, "'{ ls'"),
    (changed((*MANIFEST, "Artifacts"), {}), "artifact", ERROR, "wanted a list"),
    (changed(ARTIFACT, "s3://a/b"), "artifact", ERROR, "Manifests[0].Artifacts[0] has no Uri"),
    (changed((*ARTIFACT, "Uri"), GONE), "artifact", ERROR, "has no Uri"),
    (changed((*ARTIFACT, "Uri"), "file:///tmp/x"), "scheme", ERROR, "'file:///tmp/x' cannot be used"),
    (changed((*ARTIFACT, "Uri"), "artifact:x"), "scheme", ERROR, "'artifact:x' cannot be used"),
    (changed((*ARTIFACT, "Uri"), "https://b.s3.amazonaws.com/k"), "scheme", ERROR, "wanted s3://bucket/key"),
    (changed((*ARTIFACT, "Uri"), "s3://my.bucket/k"), "bucket", WARNING, "the bucket my.bucket has a dot"),
    (changed((*ARTIFACT, "Uri"), "s3://b/a model.tar.gz"), "key", ERROR, "has ' ', which cores do not escape"),
    (changed((*ARTIFACT, "Uri"), "s3://b/50%?"), "key", ERROR, "has '%?'"),
    (changed((*ARTIFACT, "Uri"), "s3://b/"), "key", ERROR, "names no object"),
    (changed((*ARTIFACT, "Unarchive"), "TAR"), "unarchive", ERROR, "is 'TAR': wanted NONE or ZIP"),
    (changed((*ARTIFACT, "Unarchive"), []), "unarchive", ERROR, "wanted NONE or ZIP"),
    (changed((*ARTIFACT, "Permission"), GONE), "permission", WARNING, "give Read and Execute"),
    (changed((*ARTIFACT, "Permission", "Read"), GONE), "permission", WARNING, "has no Read"),
    (changed((*ARTIFACT, "Permission", "Execute"), "all"), "permission", ERROR, "wanted NONE, OWNER, ALL"),
    (changed((*ARTIFACT, "Digest"), PACKAGE.sha256), "digest", WARNING, "wanted the base64 of a raw SHA-256"),
    (changed((*ARTIFACT, "Digest"), GONE), "digest", WARNING, "Digest is nothing"),
    (changed((*ARTIFACT, "Algorithm"), "SHA256"), "digest", WARNING, "is 'SHA256': wanted SHA-256"),
    (changed((*RUN, "Script"), "x" * 8192), "size", WARNING, "and lite takes 8192"),
    (changed((*RUN, "Script"), "x" * 16_000), "size", ERROR, "and 16000 are allowed"),
]


@pytest.mark.parametrize(("broken", "rule", "severity", "words"), CASES)
def test_a_broken_rule_is_the_one_finding(broken: dict[str, Any], rule: str, severity: Severity, words: str) -> None:
    (finding,) = check_recipe(broken)
    assert (finding.rule, finding.severity) == (rule, severity)
    assert words in finding.message


def test_every_rule_has_a_case() -> None:
    assert {rule for _, rule, _, _ in CASES} == RULES


def test_a_recipe_of_many_faults_has_them_all() -> None:
    rules = [finding.rule for finding in check_recipe({"Manifests": [{"Artifacts": [{"URI": "ftp://x"}]}]})]
    assert rules == [
        "format-version",
        "name",
        "version",
        "description",
        "platform",
        "run",
        "letter-case",
        "scheme",
        "permission",
    ]


@pytest.mark.parametrize(
    "sound",
    [
        changed((*MANIFEST, "Artifacts"), GONE),
        changed((*MANIFEST, "Platform"), {"runtime": "aws_nucleus_lite"}),
        changed((*MANIFEST, "Platform", "architecture"), "arm"),
        changed(RUN, "cat {artifacts:decompressedPath}/a {configuration:/Path} {iot:thingName}; exec sleep infinity"),
        changed((*MANIFEST, "Lifecycle", "Setenv"), {"A": "1"}),
        changed((*ARTIFACT, "Unarchive"), "ZIP"),
    ],
)
def test_what_cores_accept_has_no_findings(sound: dict[str, Any]) -> None:
    assert check_recipe(sound) == []


def test_a_digest_may_be_left_to_the_cloud() -> None:
    whole = changed((*ARTIFACT, "Digest"), GONE)
    del whole["Manifests"][0]["Artifacts"][0]["Algorithm"]
    assert check_recipe(whole) == []


def test_steps_of_the_whole_recipe_are_selected() -> None:
    whole = changed((*MANIFEST, "Lifecycle"), GONE)
    whole["Manifests"][0]["Selections"] = ["linux"]
    assert check_recipe(whole | {"Lifecycle": {"linux": {"run": "exec sleep infinity"}}}) == []


def test_artifacts_and_platforms_are_found_in_any_letter_case() -> None:
    whole = {
        "manifests": [
            {
                "platform": {"OS": "linux", "architecture": "arm", "runtime": "*", "detail": 7},
                "artifacts": [{"URI": "s3://a/b"}, {"uri": "s3://a/c"}, {"Uri": "s3://a/b"}, {"Uri": 7}, 7],
            },
            {"Name": "mine", "Platform": {"os": "windows"}},
            {},
            7,
        ]
    }
    assert artifacts(whole) == ["s3://a/b", "s3://a/c"]
    assert platforms(whole) == [
        {"attributes": {"OS": "linux", "architecture": "arm", "runtime": "*"}, "name": "arm"},
        {"attributes": {"os": "windows"}, "name": "mine"},
        {"attributes": {}},
    ]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
PATHS = [
    ("RecipeFormatVersion",),
    ("ComponentName",),
    ("ComponentVersion",),
    ("ComponentDescription",),
    ("Manifests",),
    MANIFEST,
    (*MANIFEST, "Platform"),
    (*MANIFEST, "Platform", "runtime"),
    (*MANIFEST, "Lifecycle"),
    RUN,
    (*RUN, "Script"),
    (*MANIFEST, "Artifacts"),
    ARTIFACT,
    (*ARTIFACT, "Uri"),
    (*ARTIFACT, "Permission"),
    (*ARTIFACT, "Permission", "Read"),
    (*ARTIFACT, "Digest"),
    (*ARTIFACT, "Algorithm"),
]


@given(st.sampled_from(PATHS), ANY)
def test_whatever_stands_in_a_recipe_is_judged(path: tuple[str | int, ...], value: Any) -> None:
    broken = changed(path, value)
    for finding in check_recipe(broken):
        assert isinstance(finding, Finding)
        assert finding.rule in RULES
        finding.message.encode()
    artifacts(broken)
    platforms(broken)
