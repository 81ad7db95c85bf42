"""Responses to AWS JSON 1.1 bodies, by the output shape.

Each shape is compiled once into a function that turns one value into what JSON can hold, or None where the value goes
out as it is.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from typing import Any

import orjson

from edgewright.protocol.model import Json, Operation, Shape

Writer = Callable[[Json], Json]

MILLISECONDS = 3
"""Decimals of a time in seconds."""


def serialize_response(operation: Operation, response: Mapping[str, Any] | None) -> bytes:
    """The body of a response; empty where the operation has no output shape.

    Members that are absent or None are left out. A datetime goes out as seconds since the epoch: a whole number where
    it has no fraction, else with milliseconds.

    Raises:
        ValueError: a member that the model does not have, or a datetime without a zone.
    """
    if operation.output is None:
        return b""
    return write_shape(operation.output, response or {})


def write_shape(shape: Shape, value: Json) -> bytes:
    """The body that is a value of this shape and nothing else; raises as `serialize_response` does."""
    return orjson.dumps(_root(shape)(value))


@cache
def _root(shape: Shape) -> Writer:
    return _compile(shape, {}) or _as_it_is


def _compile(shape: Shape, known: dict[Shape, Writer]) -> Writer | None:
    """The writer of a shape. `known` holds those begun already, since a structure may hold itself."""
    if shape in known:
        return known[shape]
    if shape.type == "structure":
        return None if shape.document else _structure(shape, known)
    if shape.type == "list":
        return _list(_compile(shape.members["member"].shape, known))
    if shape.type == "map":
        return _map(_compile(shape.members["value"].shape, known))
    if shape.type == "timestamp":
        return TIMESTAMPS[shape.timestamp_format]
    return SCALARS.get(shape.type)


def _structure(shape: Shape, known: dict[Shape, Writer]) -> Writer:
    plain: dict[str, str] = {}  # wire names of the members that go out as they are, by their own
    written: dict[str, tuple[str, Writer]] = {}

    def write(value: Mapping[str, Any]) -> dict[str, Any]:
        document = {}
        for name, item in value.items():
            if item is None:
                continue
            if name in plain:
                document[plain[name]] = item
            elif name in written:
                key, inner = written[name]
                document[key] = inner(item)
            else:
                raise ValueError(f"{shape.name} has no member {name}. It has: {', '.join(shape.members)}.")
        return document

    known[shape] = write
    for member in shape.members.values():
        inner = _compile(member.shape, known)
        if inner is None:
            plain[member.name] = member.wire_name
        else:
            written[member.name] = (member.wire_name, inner)
    return write


def _list(inner: Writer | None) -> Writer | None:
    if inner is None:
        return None
    return lambda value: [None if item is None else inner(item) for item in value]


def _map(inner: Writer | None) -> Writer | None:
    if inner is None:
        return None
    return lambda value: {key: None if item is None else inner(item) for key, item in value.items()}


def _as_it_is(value: Json) -> Json:
    return value


def _number(value: float) -> float | str:
    """JSON has no word for these three; AWS writes them as strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _seconds(value: datetime) -> float:
    moment = (value if value.tzinfo is UTC else _zoned(value)).timestamp()
    return round(moment, MILLISECONDS) if value.microsecond else int(moment)


def _iso8601(value: datetime) -> str:
    moment = _zoned(value).astimezone(UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def _rfc822(value: datetime) -> str:
    return format_datetime(_zoned(value).astimezone(UTC), usegmt=True)


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"The time {value.isoformat()} has no zone. Responses hold aware datetimes.")
    return value


SCALARS: dict[str, Writer] = {"float": _number, "double": _number, "blob": _blob}
TIMESTAMPS: dict[str | None, Writer] = {
    None: _seconds,
    "unixTimestamp": _seconds,
    "iso8601": _iso8601,
    "rfc822": _rfc822,
}
