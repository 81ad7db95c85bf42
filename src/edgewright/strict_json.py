"""JSON read strictly: what two readers could understand differently is refused. Pure."""

from __future__ import annotations

import json
from typing import Any


def parse(text: bytes | str) -> Any:
    """One JSON value: in UTF-8, no key twice in an object, no NaN or Infinity.

    Raises:
        ValueError: anything else; the message says what.
    """
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(decoded, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"an object has one key twice: {key[:100]!r} is given twice")
        document[key] = value
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
