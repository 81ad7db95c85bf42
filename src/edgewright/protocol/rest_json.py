"""REST-JSON by the service model: path, query, headers and body to requests, responses and errors to bytes.

Each operation is compiled once into a function for its request and one for its response. Members without a place of
their own stand in a JSON body, which `parse` and `serialize` read and write as they do in AWS JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from edgewright.errors import SerializationFault
from edgewright.protocol import parse, serialize
from edgewright.protocol.model import Json, Member, Operation, Shape
from edgewright.protocol.routes import decoded
from edgewright.protocol.texts import IN_ADDRESS, IN_HEADER, TextReader, join, quoted, split, text_reader, text_writer

JSON, TEXT, BYTES = "application/json", "text/plain", "application/octet-stream"
NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as its operation's shapes see it.

    Attributes:
        labels: of the path, decoded.
        query: percent-encoded.
        headers: lower-case names; values of headers that came more than once are joined by commas.
        body: whole.
    """

    labels: Mapping[str, str]
    query: bytes
    headers: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, list[str]]:
        """The query's, each with all its values, decoded."""
        found: dict[str, list[str]] = {}
        for part in self.query.split(b"&"):
            name, _, value = part.partition(b"=")
            if part:
                found.setdefault(decoded(name), []).append(decoded(value))
        return found


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A response: its status, its headers beside those of every answer, its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


Finder = Callable[[Incoming, Mapping[str, list[str]]], Json]
"""One member's value in a request and its parsed query; None where it is absent."""


def parse_request(operation: Operation, incoming: Incoming) -> dict[str, Any]:
    """The request: members by the model's names, values as `parse.parse_request` gives them.

    Raises:
        SerializationFault: a place holds text, or the body JSON, of another type than the model's.
    """
    if operation.input is None:
        return {}
    parameters = incoming.parameters()
    found = {name: find(incoming, parameters) for name, find in _finders(operation.input)}
    request = {name: value for name, value in found.items() if value is not None}
    return request | _body(operation.input, incoming.body)


def serialize_response(operation: Operation, response: Mapping[str, Any] | None) -> Outgoing:
    """The response; empty where the operation has no output shape.

    Raises:
        ValueError: a member that the model does not have, or a datetime without a zone.
    """
    if operation.output is None:
        return Outgoing(operation.status, (), b"")
    return _written(operation.output, response or {}, operation.status)


def serialize_error(shape: Shape, members: Mapping[str, Any]) -> Outgoing:
    """A modelled error; `x-amzn-ErrorType` is its name."""
    outgoing = _written(shape, members, shape.status or 400)
    return replace(outgoing, headers=(("x-amzn-errortype", shape.name), *outgoing.headers))


# --- requests -------------------------------------------------------------------------------------------------


@cache
def _finders(shape: Shape) -> tuple[tuple[str, Finder], ...]:
    return tuple(
        (member.name, FINDERS[member.location](member)) for member in shape.members.values() if member.location
    )


def _in_path(member: Member) -> Finder:
    read = text_reader(member, member.shape, IN_ADDRESS)
    return lambda incoming, _parameters: _read(read, incoming.labels.get(member.wire_name))


def _read(read: TextReader, text: str | None) -> Json:
    return None if text is None else read(text)


def _in_query(member: Member) -> Finder:
    if member.shape.type == "map":
        return _whole_query(member)
    many = member.shape.type == "list"
    read = text_reader(member, member.shape.members["member"].shape if many else member.shape, IN_ADDRESS)

    def find(_incoming: Incoming, parameters: Mapping[str, list[str]]) -> Json:
        texts = parameters.get(member.wire_name)
        if texts is None:
            return None
        if many:
            return [read(text) for text in texts]
        if len(texts) > 1:
            raise SerializationFault(f"'{member.wire_name}' stands {len(texts)} times in the query. Give it once.")
        return read(texts[0])

    return find


def _whole_query(member: Member) -> Finder:
    many = member.shape.members["value"].shape.type == "list"
    return lambda _incoming, found: {name: texts if many else texts[0] for name, texts in found.items()} or None


def _in_header(member: Member) -> Finder:
    name, read = member.wire_name.lower(), _header_reader(member)
    return lambda incoming, _parameters: _read(read, incoming.headers.get(name))


def _header_reader(member: Member) -> TextReader:
    if member.shape.type != "list":
        return text_reader(member, member.shape, IN_HEADER)
    element = member.shape.members["member"].shape
    read = text_reader(member, element, IN_HEADER)
    return lambda text: [read(part) for part in split(text, element)]


def _in_headers(member: Member) -> Finder:
    prefix = member.wire_name.lower()

    def find(incoming: Incoming, _parameters: Mapping[str, list[str]]) -> Json:
        headers = incoming.headers.items()
        return {name.removeprefix(prefix): text for name, text in headers if name.startswith(prefix)} or None

    return find


FINDERS: dict[str, Callable[[Member], Finder]] = {
    "uri": _in_path,
    "querystring": _in_query,
    "header": _in_header,
    "headers": _in_headers,
}


def _body(shape: Shape, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if shape.payload is None:
        rest = _body_members(shape)
        return dict(parse.read_shape(rest, body)) if rest.members else {}
    member = shape.members[shape.payload].shape
    if member.type == "blob":
        return {shape.payload: body}
    if member.type == "string":
        return {shape.payload: _text(body)}
    return {shape.payload: parse.read_shape(member, body)}


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SerializationFault("The request body is not UTF-8. Encode it in UTF-8.") from error


@cache
def _body_members(shape: Shape) -> Shape:
    """The structure in the body alone."""
    return replace(shape, members={name: member for name, member in shape.members.items() if not member.location})


# --- responses ------------------------------------------------------------------------------------------------


def _written(shape: Shape, response: Mapping[str, Any], status: int) -> Outgoing:
    headers: list[tuple[str, str]] = []
    for name, write in _header_writers(shape):
        if response.get(name) is not None:
            headers += write(response[name])
    kind, body = _written_body(shape, response)
    if body:
        headers.append(("content-type", kind))
    return Outgoing(_status(shape, response, status), tuple(headers), b"" if status == NO_CONTENT else body)


def _status(shape: Shape, response: Mapping[str, Any], usual: int) -> int:
    """The status that a member gives, where the model has one for it."""
    names = (member.name for member in shape.members.values() if member.location == "statusCode")
    return next((int(response[name]) for name in names if response.get(name) is not None), usual)


def _written_body(shape: Shape, response: Mapping[str, Any]) -> tuple[str, bytes]:
    if shape.payload is None:
        rest = _body_members(shape)
        if shape.members and not rest.members:
            return JSON, b""
        named = {name: value for name, value in response.items() if name not in _placed(shape)}
        return JSON, serialize.write_shape(rest, named)
    value = response.get(shape.payload)
    kind = shape.members[shape.payload].shape
    if value is None:
        return JSON, b""
    if kind.type == "blob":
        return BYTES, bytes(value)
    return (TEXT, value.encode()) if kind.type == "string" else (JSON, serialize.write_shape(kind, value))


@cache
def _placed(shape: Shape) -> frozenset[str]:
    return frozenset(name for name, member in shape.members.items() if member.location)


HeaderWriter = Callable[[Any], list[tuple[str, str]]]


@cache
def _header_writers(shape: Shape) -> tuple[tuple[str, HeaderWriter], ...]:
    return tuple(
        (member.name, HEADER_WRITERS[member.location](member))
        for member in shape.members.values()
        if member.location in HEADER_WRITERS
    )


def _to_header(member: Member) -> HeaderWriter:
    name, shape = member.wire_name, member.shape
    if shape.type != "list":
        write = text_writer(member, shape, IN_HEADER)
        return lambda value: [(name, write(value))]
    element = shape.members["member"].shape
    write_one = text_writer(member, element, IN_HEADER)
    quote = quoted if element.type == "string" else str
    return lambda values: [(name, join([quote(write_one(value)) for value in values]))] if values else []


def _to_headers(member: Member) -> HeaderWriter:
    return lambda values: [(member.wire_name + name, text) for name, text in values.items()]


HEADER_WRITERS: dict[str | None, Callable[[Member], HeaderWriter]] = {"header": _to_header, "headers": _to_headers}
