"""The JSON documents that a signature covers, read strictly. Pure."""

from __future__ import annotations

import json
from typing import Any

from edgewright import strict_json
from edgewright.errors import PackageRefused


def path_order(path: str) -> list[str]:
    """The sort key of paths, in manifest and signature: part by part, by code point, as `model_signing` sorts."""
    return path.split("/")


def parse_document(text: bytes, what: str) -> dict[str, Any]:
    """A JSON object, read strictly: UTF-8, no key twice, no NaN.

    Raises:
        PackageRefused: anything else.
    """
    try:
        document = strict_json.parse(text)
    except ValueError as error:
        raise PackageRefused(f"The {what} is not strict JSON: {error}.") from error
    if not isinstance(document, dict):
        raise PackageRefused(f"The {what} is not a JSON object.")
    return document


def field(document: Any, name: str, kind: type, what: str) -> Any:
    """A member of a JSON object, of one type.

    Raises:
        PackageRefused: no such member, or one of another type.
    """
    value = document.get(name) if isinstance(document, dict) else None
    if type(value) is not kind:
        raise PackageRefused(f"The {what} has no {name!r} of type {kind.__name__}.")
    return value


def exactly(document: Any, names: set[str], what: str) -> None:
    """Refuse anything but a JSON object with these members.

    Raises:
        PackageRefused: another type, a member too many or too few.
    """
    if not isinstance(document, dict) or document.keys() != names:
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise PackageRefused(f"The {what} has the fields {str(found)[:200]}; exactly {sorted(names)} are wanted.")


def equal(found: Any, wanted: Any, what: str) -> None:
    """Refuse any other value.

    Raises:
        PackageRefused: the two are not the same JSON.
    """
    # As JSON texts: in Python, False == 0 and 1 == 1.0.
    if json.dumps(found, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise PackageRefused(f"The {what} is {str(found)[:200]!r}; {wanted!r} is wanted.")
