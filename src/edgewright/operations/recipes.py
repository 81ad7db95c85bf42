"""Users' recipes: read, checked, kept in JSON, returned in JSON or YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgewright.errors import ValidationFault
from edgewright.greengrass.reading import RECIPE_BYTES, read_recipe, value_of
from edgewright.greengrass.recipe import dump
from edgewright.greengrass.rules import Severity, check_recipe


def checked(text: bytes) -> dict[str, Any]:
    """The recipe in JSON or YAML, unless AWS's cloud or every core would refuse it.

    Raises:
        ValidationFault: every such rule that it breaks, in one error.
    """
    recipe = read_recipe(text)
    faults = [finding.message for finding in check_recipe(recipe) if finding.severity is Severity.ERROR]
    if faults:
        raise ValidationFault(f"Invalid Input: The recipe cannot be used: {' '.join(faults)}")
    return recipe


def name_of(text: bytes) -> str | None:
    """The name of the component that a recipe is of; None where it has none, or cannot be read."""
    try:
        name = value_of(read_recipe(text), "ComponentName")
    except ValidationFault:
        return None
    return name if isinstance(name, str) else None


def as_json(recipe: Mapping[str, Any]) -> bytes:
    """The recipe as it is kept.

    Raises:
        ValidationFault: with its digests it is too large.
    """
    text = dump(recipe)
    if len(text) > RECIPE_BYTES:
        raise ValidationFault(
            f"The recipe has {len(text)} bytes with its artifacts' digests, and {RECIPE_BYTES} are allowed."
        )
    return text


def as_yaml(text: bytes) -> bytes:
    """A kept recipe in YAML, its keys in their order."""
    import yaml

    recipe = json.loads(text)  # which keeps an integer of any size
    written: bytes = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True, encoding="utf-8")
    return written
