"""JSON read strictly: what two readers could understand differently is refused. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

DEEPEST: Final = 64
"""Values inside each other: far above every document that there is, and far below what readers and writers can take."""


def parse(text: bytes | str) -> Any:
    """One JSON value: in UTF-8, no key twice in an object, no NaN or Infinity, no deeper than `DEEPEST`.

    Raises:
        ValueError: anything else; the message says what.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Level by level, so that nothing here is as deep as the value."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise ValueError(f"it is nested too deeply: over {DEEPEST} values inside each other")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"an object has one key twice: {key[:100]!r} is given twice")
        document[key] = value
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
