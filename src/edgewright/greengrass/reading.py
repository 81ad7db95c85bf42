"""Reading recipes of other people's making: a user's in JSON or YAML, a service's in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from edgewright import strict_json
from edgewright.arns import name_fault
from edgewright.errors import ValidationFault
from edgewright.greengrass import versions
from edgewright.greengrass.config import shown

RECIPE_BYTES: Final = 16_000
"""The largest recipe that AWS's cloud takes."""


def read_recipe(text: bytes) -> dict[str, Any]:
    """A user's recipe as JSON values.

    YAML is read as strings, numbers, truth values, lists and mappings: no tags, no aliases, and a date stays the text
    that it is.

    Raises:
        ValidationFault: it is too large, neither JSON nor YAML, no mapping, or has keys that differ only in case.
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
    _check_keys(recipe)
    return recipe


def read_json_recipe(text: bytes) -> dict[str, Any]:
    """A recipe as GetComponent returns it, whose name and version can be used in paths.

    Raises:
        ValidationFault: it is no JSON object, has keys that differ only in case, or its name or version cannot be used
            as a file's name.
    """
    try:
        recipe = strict_json.parse(text)
    except ValueError as error:
        raise ValidationFault(f"The recipe is not JSON: {error}.") from error
    if not isinstance(recipe, dict):
        raise ValidationFault("The recipe is not a JSON object.")
    _check_keys(recipe)
    name, version = str(value_of(recipe, "ComponentName") or ""), str(value_of(recipe, "ComponentVersion") or "")
    if fault := name_fault(name):
        raise ValidationFault(f"The recipe's ComponentName {name!r} {fault}.")
    if fault := versions.fault(version):
        raise ValidationFault(f"The recipe's ComponentVersion {version!r} {fault}.")
    if not name.strip("."):
        raise ValidationFault(f"The recipe's ComponentName {name!r} cannot name a folder.")
    return recipe


def value_of(mapping: Mapping[str, Any], name: str) -> Any:
    """A recipe's value of a key in whatever case, as classic reads it; None where it has none.

    The value of the exact key goes before others.
    """
    if name in mapping:
        return mapping[name]
    wanted = name.lower()
    return next((value for key, value in mapping.items() if isinstance(key, str) and key.lower() == wanted), None)


def _check_keys(recipe: object) -> None:
    """The nucleus in Java reads keys in whatever case, and lite in their own: to them it would be two recipes."""
    waiting = [recipe]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            spellings: dict[str, str] = {}
            for key in value:
                other = spellings.setdefault(key.casefold(), key)
                if other != key:
                    raise ValidationFault(
                        f"The recipe has the keys {shown(other)} and {shown(key)} in one mapping, and some cores read "
                        "them as one. Give one of them."
                    )
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _parsed(text: str) -> object:
    try:
        return strict_json.parse(text)
    except json.JSONDecodeError as error:
        if text.lstrip().startswith("{"):
            raise ValidationFault(f"The recipe is neither JSON nor YAML: {error}") from None
    from edgewright.greengrass import yaml_recipes

    return yaml_recipes.load(text)
