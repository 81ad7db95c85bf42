from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import recipe as component_recipe
from edgewright.errors import ValidationFault
from edgewright.greengrass.config import ComponentPlan
from edgewright.greengrass.reading import read_json_recipe, read_recipe
from edgewright.greengrass.recipe import dump, recipe
from edgewright.greengrass.rules import check_recipe
from hostile_recipes import HOSTILE
from unit.greengrass.test_recipe import PACKAGE

YAML = b"""
# A recipe as people write it
RecipeFormatVersion: 2020-01-25
ComponentName: com.example.Reader
ComponentVersion: '1.0.0'
ComponentDescription: Reads
Manifests:
  - Platform: {os: linux, runtime: "*"}
    Lifecycle:
      run:
        RequiresPrivilege: true
        Timeout: 60
        Script: |-
          echo hello
          exec sleep infinity
"""


def test_json_is_read() -> None:
    text = dump(recipe(ComponentPlan("a", "1.0.0", "ünï"), PACKAGE))
    assert read_recipe(text) == json.loads(text)
    assert read_recipe(b"\xef\xbb\xbf" + text) == json.loads(text)


def test_yaml_is_read_and_a_date_stays_a_text() -> None:
    assert read_recipe(YAML) == {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "com.example.Reader",
        "ComponentVersion": "1.0.0",
        "ComponentDescription": "Reads",
        "Manifests": [
            {
                "Platform": {"os": "linux", "runtime": "*"},
                "Lifecycle": {
                    "run": {"RequiresPrivilege": True, "Timeout": 60, "Script": "echo hello\nexec sleep infinity"}
                },
            }
        ],
    }
    assert check_recipe(read_recipe(YAML)) == []


@pytest.mark.parametrize(("text", "words"), HOSTILE)
def test_what_cannot_be_read_is_told_why(text: bytes, words: str) -> None:
    with pytest.raises(ValidationFault) as refused:
        read_recipe(text)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"banana: yes", "not JSON"),
        (b"[]", "not a JSON object"),
        (component_recipe(name="../up"), "ComponentName '../up'"),
        (component_recipe(name=".."), "cannot name a folder"),
        (component_recipe(version="1.0/../.."), "ComponentVersion"),
        (b'{"Manifests": [], "manifests": []}', "has the keys"),
    ],
)
def test_a_recipe_that_cannot_name_files_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(ValidationFault, match=words):
        read_json_recipe(text)


@given(st.binary(max_size=300) | st.text("{}[]:,-?&*!|>'\" \nab1.~#%@", max_size=60).map(str.encode))
def test_whatever_is_given_is_read_or_refused(text: bytes) -> None:
    try:
        read: dict[str, Any] = read_recipe(text)
    except ValidationFault as refused:
        refused.message.encode()
    else:
        json.dumps(read, allow_nan=False)
        check_recipe(read)
