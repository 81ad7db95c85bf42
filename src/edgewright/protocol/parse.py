"""AWS JSON 1.1 bodies to Python requests, by the input shape.

Each shape is compiled once into a function that reads one JSON value. Values are kept as given: nothing is trimmed,
lower-cased or filled in. Members that the model does not know are passed over, and null is the same as absent.

The sentences about wrong types are those that AWS's JSON 1.1 front end gives; decision 0021 says which were seen.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any, Never

import orjson

from edgewright.errors import SerializationFault
from edgewright.protocol.model import Json, Operation, Shape

Reader = Callable[[Json], Json]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_VALUES = 20_000
"""In a body: far above what any operation takes, and far below what would hold up others while it is read."""
FLOAT_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def parse_request(operation: Operation, body: bytes) -> dict[str, Any]:
    """The request in `body`: members by the model's names.

    Strings, numbers and booleans are Python's own; timestamps are aware datetimes in UTC; blobs are bytes. An empty
    body is an empty request.

    Raises:
        SerializationFault: the body is not JSON, or holds a JSON type other than the model's.
    """
    document = _document(body) if body else {}
    request: dict[str, Any] = (_reader(operation.input) if operation.input else _nothing)(document)
    return request


def read_shape(shape: Shape, body: bytes) -> Json:
    """The value of a shape in a body that is all its own.

    Raises:
        SerializationFault: as for `parse_request`.
    """
    return _reader(shape)(_document(body))


def _document(body: bytes) -> Json:
    # No more values are made than there are commas and opening brackets, wherever they stand, but one.
    if len(body) > MOST_VALUES and sum(body.count(mark) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise SerializationFault(
            f"The request body may hold over {MOST_VALUES} values: it has more commas and brackets. Send less at once."
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SerializationFault(f"The request body is not JSON: {error}. Send a JSON object in UTF-8.") from error


@cache
def _reader(shape: Shape) -> Reader:
    return _compile(shape, {})


def _compile(shape: Shape, known: dict[Shape, Reader]) -> Reader:
    """The reader of a shape. `known` holds those begun already, since a structure may hold itself."""
    if shape in known:
        return known[shape]
    if shape.type == "structure":
        return _anything if shape.document else _structure(shape, known)
    if shape.type == "list":
        return _list(_compile(shape.members["member"].shape, known))
    if shape.type == "map":
        return _map(_compile(shape.members["value"].shape, known))
    if shape.type == "timestamp":
        return TIMESTAMPS[shape.timestamp_format]
    return SCALARS[shape.type]


def _structure(shape: Shape, known: dict[Shape, Reader]) -> Reader:
    fields: dict[str, tuple[str, Reader]] = {}

    def read(value: Json) -> dict[str, Any]:
        if type(value) is not dict:
            _refuse(value, "null")
        request = {}
        for key, item in value.items():
            field = fields.get(key)
            if field is not None and item is not None:
                request[field[0]] = field[1](item)
        return request

    def read_union(value: Json) -> dict[str, Any]:
        request = read(value)
        if len(request) != 1:
            raise SerializationFault(f"{shape.name} holds {len(request)} of its members. Set exactly one.")
        return request

    known[shape] = read_union if shape.union else read
    for member in shape.members.values():
        fields[member.wire_name] = (member.name, _compile(member.shape, known))
    return known[shape]


def _list(item: Reader) -> Reader:
    def read(value: Json) -> list[Any]:
        if type(value) is not list:
            _refuse(value, "list or null")
        return [None if element is None else item(element) for element in value]

    return read


def _map(item: Reader) -> Reader:
    def read(value: Json) -> dict[str, Any]:
        if type(value) is not dict:
            _refuse(value, "map or null")
        return {key: None if element is None else item(element) for key, element in value.items()}

    return read


def _nothing(value: Json) -> dict[str, Any]:
    """The request of an operation that takes none: an object, whatever is in it."""
    if type(value) is not dict:
        _refuse(value, "null")
    return {}


def _anything(value: Json) -> Json:
    return value


def _exactly(kind: type, wanted: str) -> Reader:
    def read(value: Json) -> Json:
        if type(value) is not kind:
            _unconvertible(value, wanted)
        return value

    return read


def _number(value: Json) -> float:
    if type(value) is str and value in FLOAT_WORDS:
        return FLOAT_WORDS[value]
    if type(value) is not float and type(value) is not int:
        _unconvertible(value, "a Double")
    return value


def _blob(value: Json) -> bytes:
    if type(value) is not str:
        _unconvertible(value, "a Blob")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise SerializationFault(f"A blob is not base64: {error}. Encode its bytes in base64.") from error


def _seconds(value: Json) -> datetime:
    if type(value) is not int and type(value) is not float:
        _unconvertible(value, "a Timestamp")
    try:
        return EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError) as error:
        raise SerializationFault(
            f"{value} is no time that can be kept. Give seconds since 1970, of the years 1 to 9999."
        ) from error


def _moment(read: Callable[[str], datetime], example: str, value: Json) -> datetime:
    if type(value) is not str:
        _unconvertible(value, "a Timestamp")
    try:
        moment = read(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as error:
        raise SerializationFault(f"'{value}' is no time of the form {example}.") from error


def _unconvertible(value: Json, wanted: str) -> Never:
    if type(value) is list or type(value) is dict:
        _refuse(value, wanted)
    raise SerializationFault(f"{_token(value)} can not be converted to {wanted}")


def _refuse(value: Json, wanted: str) -> Never:
    """Refuse a value where another kind of value belongs; null comes here only as a whole body."""
    if type(value) is list:
        raise SerializationFault("Start of list found where not expected")
    if type(value) is dict:
        raise SerializationFault("Start of structure or map found where not expected.")
    raise SerializationFault(f"Expected {wanted}")


def _token(value: Json) -> str:
    """What AWS's JSON reader calls a scalar."""
    if type(value) is bool:
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if type(value) is str else "NUMBER_VALUE"


SCALARS: dict[str, Reader] = {
    "string": _exactly(str, "a String"),
    "integer": _exactly(int, "an Integer"),
    "long": _exactly(int, "a Long"),
    "float": _number,
    "double": _number,
    "boolean": _exactly(bool, "an Boolean"),  # sic
    "blob": _blob,
}
TIMESTAMPS: dict[str | None, Reader] = {
    None: _seconds,
    "unixTimestamp": _seconds,
    "iso8601": partial(_moment, datetime.fromisoformat, "2026-01-31T12:00:00Z"),
    "rfc822": partial(_moment, parsedate_to_datetime, "Sat, 31 Jan 2026 12:00:00 GMT"),
}
