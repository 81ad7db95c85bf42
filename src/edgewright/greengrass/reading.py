"""Reading a recipe that somebody else wrote, in JSON or YAML, without trusting it."""

from __future__ import annotations

import json
from typing import Any, Final

from edgewright.errors import ValidationFault

RECIPE_BYTES: Final = 16_000
"""The largest recipe that AWS's cloud takes."""


def read_recipe(text: bytes) -> dict[str, Any]:
    """The recipe as JSON values.

    YAML is read as strings, numbers, truth values, lists and mappings: no tags, no aliases, and a date stays the text
    that it is.

    Raises:
        ValidationFault: it is too large, neither JSON nor YAML, or no mapping.
    """
    if len(text) > RECIPE_BYTES:
        raise ValidationFault(f"The recipe has {len(text)} bytes, and {RECIPE_BYTES} are allowed.")
    try:
        recipe = _parsed(text.decode("utf-8-sig"))
        json.dumps(recipe, allow_nan=False, ensure_ascii=False).encode()
    except UnicodeError:
        raise ValidationFault("The recipe is not text in UTF-8.") from None
    except RecursionError:
        raise ValidationFault("The recipe is nested too deeply.") from None
    except (ValueError, TypeError) as error:
        raise ValidationFault(f"The recipe holds what JSON cannot: {error}") from None
    if not isinstance(recipe, dict):
        raise ValidationFault(
            "The recipe is no mapping: wanted the keys RecipeFormatVersion, ComponentName and others."
        )
    return recipe


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith("{"):
            raise ValidationFault(f"The recipe is neither JSON nor YAML: {error}") from None
    return _from_yaml(text)


def _from_yaml(text: str) -> object:
    from edgewright.greengrass import yaml_recipes

    return yaml_recipes.load(text)
