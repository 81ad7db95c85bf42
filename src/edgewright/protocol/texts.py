"""Values that stand in a path, a query or a header: text to value and back, by shape.

Text that is not of its shape is refused with a `SerializationFault` that names the member. Times are written in ISO
8601 in a path or a query and as HTTP writes dates in a header, unless the shape says otherwise.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from edgewright.errors import SerializationFault
from edgewright.protocol import parse, serialize

if TYPE_CHECKING:
    from edgewright.protocol.model import Json, Member, Shape

IN_HEADER, IN_ADDRESS = "rfc822", "iso8601"
"""Formats of times that the shape leaves open: in headers, and in paths and queries."""

TextReader = Callable[[str], Any]
TextWriter = Callable[[Any], str]


def text_reader(member: Member, shape: Shape, times: str) -> TextReader:
    """What reads one value of the shape.

    Args:
        member: named where the text is refused.
        shape: the member's own, or that of the elements of its list.
        times: `IN_HEADER` or `IN_ADDRESS`.
    """
    convert = _json_value if member.json_value else _converter(shape, times)

    def read(text: str) -> Json:
        try:
            return convert(text)
        except (ValueError, OverflowError) as error:
            raise SerializationFault(f"'{text}' at '{member.wire_name}' is not of the type {shape.type}.") from error

    return read


def text_writer(member: Member, shape: Shape, times: str) -> TextWriter:
    """What writes one value of the shape; the parameters are those of `text_reader`."""
    if member.json_value:
        return lambda value: base64.b64encode(orjson.dumps(value)).decode("ascii")
    if shape.type == "timestamp":
        write = serialize.TIMESTAMPS[shape.timestamp_format or times]
        return lambda value: str(write(value))
    return WRITERS.get(shape.type, str)


def split(text: str, shape: Shape) -> list[str]:
    """The elements of a list in one header: between commas, in quotation marks where they hold one themselves."""
    if not text:
        return []
    if shape.type == "timestamp" and (shape.timestamp_format or IN_HEADER) == IN_HEADER:
        parts = text.split(",")  # such a date has a comma of its own
        return [",".join(parts[start : start + 2]).strip() for start in range(0, len(parts), 2)]
    found, rest = [], text
    while True:
        element, rest, more = _element(rest.lstrip())
        found.append(element)
        if not more:
            return found


def join(elements: list[str]) -> str:
    """The header that `split` reads again; dates are joined as they are, since `split` knows them."""
    return ", ".join(elements)


def quoted(element: str) -> str:
    """One element of a header's list, in quotation marks where it needs them."""
    if '"' in element or "," in element:
        return '"' + element.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return element


def _element(text: str) -> tuple[str, str, bool]:
    """The first element, what stands behind its comma, and whether there was a comma."""
    if not text.startswith('"'):
        element, comma, rest = text.partition(",")
        return element.rstrip(), rest, bool(comma)
    characters, position = [], 1
    while position < len(text) and text[position] != '"':
        position += text[position] == "\\"
        characters.append(text[position : position + 1])
        position += 1
    _, comma, rest = text[position + 1 :].partition(",")
    return "".join(characters), rest, bool(comma)


def _converter(shape: Shape, times: str) -> TextReader:
    if shape.type != "timestamp":
        return READERS[shape.type]
    written = shape.timestamp_format or times
    return _seconds if written == "unixTimestamp" else parse.TIMESTAMPS[written]


def _seconds(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)


def _integer(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    if text in parse.FLOAT_WORDS:
        return parse.FLOAT_WORDS[text]
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _json_value(text: str) -> Json:
    return orjson.loads(base64.b64decode(text, validate=True))


READERS: dict[str, TextReader] = {
    "string": str,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": partial(base64.b64decode, validate=True),
}
WRITERS: dict[str, TextWriter] = {
    "boolean": lambda value: "true" if value else "false",
    "float": lambda value: str(serialize.SCALARS["float"](value)),
    "double": lambda value: str(serialize.SCALARS["double"](value)),
    "blob": serialize.SCALARS["blob"],
}
