from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import ValidationFault
from edgewright.greengrass.config import ComponentPlan, parse_config

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = ["ComponentName", "ComponentDescription", "ComponentVersion", "PlatformOS", "PlatformArchitecture"]


def parsed(**config: Any) -> ComponentPlan:
    return parse_config(json.dumps(config), "job")


class TestTaken:
    @pytest.mark.parametrize("text", [None, "{}", " {\n} "])
    def test_what_nobody_asked_for_is_as_edge_manager_had_it(self, text: str | None) -> None:
        assert parse_config(text, "my-job") == ComponentPlan("SagemakerEdgeManagermy-job", "1.0.0")

    def test_the_example_of_aws(self) -> None:
        config = '{"ComponentName":"sample-component-name", "ComponentVersion":"1.0.2"}'
        assert parse_config(config, "my-job") == ComponentPlan("sample-component-name", "1.0.2")

    def test_all_five_keys(self) -> None:
        plan = parsed(
            ComponentName="a.b_c-1",
            ComponentDescription='Finds "things" ✓ {in} \\ images',
            ComponentVersion="2.0.0-rc.1",
            PlatformOS="Linux",
            PlatformArchitecture="ARMV8",
        )
        assert plan == ComponentPlan("a.b_c-1", "2.0.0-rc.1", 'Finds "things" ✓ {in} \\ images', "linux", "aarch64")

    @pytest.mark.parametrize(
        ("os", "architecture", "canonical"),
        [
            ("Linux", "x86_64", ("linux", "amd64")),
            ("linux", "X86-64", ("linux", "amd64")),
            ("LINUX", "Linux x86_64", ("linux", "amd64")),
            ("Linux", "linux_x86_64", ("linux", "amd64")),
            ("Linux", "ARMV8", ("linux", "aarch64")),
            ("Linux", "Linux ARMV8", ("linux", "aarch64")),
            ("linux", "linux-armv8", ("linux", "aarch64")),
            ("Linux", "arm64", ("linux", "aarch64")),
            ("Windows", "Windows32_x86", ("windows", "x86")),
            ("windows", "windows32-X86", ("windows", "x86")),
            ("Windows", "Windows64_x64", ("windows", "amd64")),
            ("WINDOWS", "Windows64 x64", ("windows", "amd64")),
            ("Windows", "windows-x64", ("windows", "amd64")),
        ],
    )
    def test_every_spelling_of_a_platform(self, os: str, architecture: str, canonical: tuple[str, str]) -> None:
        plan = parsed(PlatformOS=os, PlatformArchitecture=architecture)
        assert (plan.os, plan.architecture) == canonical


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "is not JSON"),
            ("banana", "is not JSON"),
            ("{'ComponentName': 'a'}", "is not JSON"),
            ('{"ComponentName": "a", "ComponentName": "b"}', "'ComponentName' is given twice"),
            ("[" * 100_000, "nested too deeply"),
            ("[]", "is a JSON list, and a JSON object is wanted"),
            ("null", "is a JSON null"),
            ('"{}"', "is a JSON string"),
            ("7", "is a JSON number"),
        ],
    )
    def test_what_is_no_object(self, text: str, words: str) -> None:
        with pytest.raises(ValidationFault, match=r"'outputConfig\.presetDeploymentConfig'") as refused:
            parse_config(text, "job")
        assert words in refused.value.message

    @pytest.mark.parametrize(
        ("config", "words"),
        [
            ({"Component": "a"}, "'Component' is no key of it: wanted some of ComponentName, "),
            ({"componentName": "a"}, "'componentName' is no key of it"),
            ({"ComponentName": 7}, "ComponentName is a JSON number, and a string is wanted."),
            ({"ComponentName": None}, "ComponentName is a JSON null, and a string is wanted."),
            ({"ComponentName": "a" * 129}, "ComponentName 'aaa"),
            ({"ComponentName": "a" * 129}, "has 129 characters, and 128 are allowed."),
            ({"ComponentName": "a b"}, "ComponentName 'a b' may hold letters"),
            ({"ComponentName": ""}, "ComponentName '' may hold letters"),
            ({"ComponentVersion": "banana"}, "ComponentVersion 'banana' is not a semantic version"),
            ({"ComponentVersion": "1000000.0.0"}, "ComponentVersion '1000000.0.0' has 1000000 as its major number"),
            ({"ComponentDescription": ["a"]}, "ComponentDescription is a JSON list"),
            ({"ComponentDescription": ""}, "ComponentDescription '' is empty"),
            ({"ComponentDescription": "a\nExecStart=/bin/sh"}, "holds a control character or a line break"),
            ({"ComponentDescription": "a\\"}, "ends in a backslash"),
            ({"ComponentDescription": "\ud800"}, "ComponentDescription '\\ud800' holds a control character"),
            ({"ComponentDescription": "✓" * 501}, "has 1503 bytes of UTF-8, and 1500 are allowed"),
            ({"PlatformOS": "Linux"}, "PlatformOS was given without PlatformArchitecture."),
            ({"PlatformArchitecture": "ARMV8"}, "PlatformArchitecture was given without PlatformOS."),
            (
                {"PlatformOS": "Windows", "PlatformArchitecture": "ARMV8"},
                "PlatformArchitecture 'ARMV8' is not supported for PlatformOS Windows: those of it are Windows32_x86",
            ),
            (
                {"PlatformOS": "Linux", "PlatformArchitecture": "Windows64_x64"},
                "PlatformArchitecture 'Windows64_x64' is not supported for PlatformOS Linux: those of it are x86_64",
            ),
            ({"PlatformOS": "macOS", "PlatformArchitecture": "ARMV8"}, "PlatformOS 'macOS' is not supported"),
            ({"PlatformOS": 1, "PlatformArchitecture": "ARMV8"}, "PlatformOS is a JSON number"),
        ],
    )
    def test_each_fault_names_its_key(self, config: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationFault) as refused:
            parsed(**config)
        assert refused.value.message.startswith("The value at 'outputConfig.presetDeploymentConfig' cannot be used: ")
        assert words in refused.value.message

    def test_all_faults_come_at_once(self) -> None:
        with pytest.raises(ValidationFault) as refused:
            parsed(Extra=1, More=2, ComponentName="a b", ComponentVersion="1", PlatformOS="BeOS")
        for words in ("'Extra', 'More' are no keys of it", "'a b'", "'1'", "'BeOS'", "without PlatformArchitecture"):
            assert words in refused.value.message

    def test_a_flood_of_keys_gets_a_short_answer(self) -> None:
        with pytest.raises(ValidationFault) as refused:
            parsed(**{f"key-{number}": "x" * 1000 for number in range(20_000)})
        assert len(refused.value.message) < 1000


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), JSON) | JSON)
def test_whatever_is_given_is_planned_or_refused(config: Any) -> None:
    try:
        plan = parse_config(json.dumps(config), "job")
    except ValidationFault as refused:
        refused.message.encode()
        return
    assert set(config) <= set(KEYS)
    assert (plan.os is None) == (plan.architecture is None)


@given(st.text())
def test_whatever_text_is_given_is_planned_or_refused(text: str) -> None:
    try:
        parse_config(text, "job")
    except ValidationFault as refused:
        refused.message.encode()
