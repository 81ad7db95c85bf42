"""Services, operations and shapes as frozen values, read from the extract in `models/`.

The extract is in the form of botocore's `service-2.json`, without prose. Shapes refer to each other as objects, and
may do so in a circle; patterns are compiled once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeAlias

import orjson
import regex  # type: ignore[import-untyped] # it has no stubs

Json: TypeAlias = Any
"""A value that JSON can hold, or that a shape makes of it."""

Pattern: TypeAlias = "re.Pattern[str] | regex.Pattern[str]"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The type of a value, and what it must satisfy. Two shapes are the same only if they are one object.

    Attributes:
        name: the model's name of it, such as `EntityName`.
        type: structure, list, map, string, integer, long, float, double, boolean, timestamp or blob.
        members: a structure's by the model's name; a list's `member`; a map's `key` and `value`.
        required: members of a structure that must be there.
        minimum: least length of a string, list or map; least value of a number.
        maximum: greatest length or value.
        pattern: what the whole of a string must match, as the model writes it.
        regex: `pattern`, compiled.
        enum: the values that a string may have, in the model's order.
        timestamp_format: `iso8601` or `rfc822`; seconds since the epoch where it is None.
        document: any JSON value at all.
        union: a structure with exactly one member set.
        status: an error's HTTP status, where the model gives one.
        payload: the member that is the whole body in REST-JSON.
    """

    name: str
    type: str
    members: Mapping[str, Member]
    required: frozenset[str] = frozenset()
    minimum: int | float | None = None
    maximum: int | float | None = None
    pattern: str | None = None
    regex: Pattern | None = None
    enum: tuple[str, ...] | None = None
    timestamp_format: str | None = None
    document: bool = False
    union: bool = False
    status: int | None = None
    payload: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A place in a structure, list or map.

    Attributes:
        name: the model's name of it.
        wire_name: its name in JSON, in a query or in a header.
        shape: the type of what stands there.
        location: `uri`, `querystring`, `header`, `headers` (all that begin with the wire name) or `statusCode` in
            REST-JSON; the body where it is None.
        json_value: a header that holds JSON in base64.
    """

    name: str
    wire_name: str
    shape: Shape
    location: str | None = None
    json_value: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One call of the API.

    Attributes:
        name: such as `CreateEdgePackagingJob`.
        method: the HTTP method.
        path: the URI template; `/` in AWS JSON.
        status: the HTTP status of a response.
        input: the request's shape.
        output: the response's, or None where the body is empty.
        error_shapes: the errors that the model declares for it.
    """

    name: str
    method: str
    path: str
    status: int
    input: Shape | None
    output: Shape | None
    error_shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """One service of AWS.

    Attributes:
        name: botocore's name of it, such as `sagemaker`.
        signing_name: the service in a SigV4 credential scope.
        target_prefix: what stands before the dot in `X-Amz-Target`; empty in REST-JSON.
        protocol: `json` or `rest-json`.
        operations: by name, in the model's order.
    """

    name: str
    signing_name: str
    target_prefix: str
    protocol: str
    operations: Mapping[str, Operation]


@cache
def load_service(name: str) -> Service:
    """The service of that name: `sagemaker`, `sagemaker-edge` or `greengrassv2`."""
    text = resources.files("edgewright.protocol").joinpath("models", f"{name}.json").read_bytes()
    return build_service(name, orjson.loads(text))


def build_service(name: str, model: Mapping[str, Any]) -> Service:
    """The service that a model in botocore's form describes."""
    shapes = _Shapes(model["shapes"])
    metadata = model["metadata"]
    return Service(
        name=name,
        signing_name=metadata.get("signingName", metadata["endpointPrefix"]),
        target_prefix=metadata.get("targetPrefix", ""),
        protocol=metadata["protocol"],
        operations=MappingProxyType({key: _operation(raw, shapes) for key, raw in model["operations"].items()}),
    )


def _operation(raw: Mapping[str, Any], shapes: _Shapes) -> Operation:
    return Operation(
        name=raw["name"],
        method=raw["http"]["method"],
        path=raw["http"]["requestUri"],
        status=raw["http"].get("responseCode", 200),
        input=shapes.get(raw["input"]["shape"]) if "input" in raw else None,
        output=shapes.get(raw["output"]["shape"]) if "output" in raw else None,
        error_shapes=tuple(shapes.get(error["shape"]) for error in raw.get("errors", ())),
    )


class _Shapes:
    """Builds each shape once. A shape that holds itself is found half-built, its members filled in soon after."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._raw = raw
        self._built: dict[str, Shape] = {}

    def get(self, name: str) -> Shape:
        if name not in self._built:
            raw = self._raw[name]
            members: dict[str, Member] = {}
            self._built[name] = _shape(name, raw, MappingProxyType(members))
            members.update((key, self._member(key, ref)) for key, ref in _references(raw).items())
        return self._built[name]

    def _member(self, name: str, ref: Mapping[str, Any]) -> Member:
        wire_name = ref.get("locationName", "" if ref.get("location") == "headers" else name)
        return Member(name, wire_name, self.get(ref["shape"]), ref.get("location"), ref.get("jsonvalue", False))


def _references(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    if raw["type"] == "structure":
        members: Mapping[str, Any] = raw.get("members", {})
        return members
    return {key: raw[key] for key in ("member", "key", "value") if key in raw}


def _shape(name: str, raw: Mapping[str, Any], members: Mapping[str, Member]) -> Shape:
    pattern = raw.get("pattern")
    return Shape(
        name=name,
        type=raw["type"],
        members=members,
        required=frozenset(raw.get("required", ())),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
        pattern=pattern,
        regex=None if pattern is None else compile_pattern(pattern),
        enum=tuple(raw["enum"]) if "enum" in raw else None,
        timestamp_format=raw.get("timestampFormat"),
        document=raw.get("document", False),
        union=raw.get("union", False),
        status=raw.get("error", {}).get("httpStatusCode"),
        payload=raw.get("payload"),
    )


def compile_pattern(pattern: str) -> Pattern:
    r"""A pattern of the model, to be matched against whole strings.

    The patterns are Java's, where `\d`, `\s` and `\w` mean ASCII while `\p{L}` means every script. The standard
    library's `re` does not know `\p`, and matches the others in two thirds of the time that `regex` takes; the ASCII
    flag of `regex` would narrow `\p` as well, and none of the model's patterns has the two kinds.
    """
    return regex.compile(pattern) if r"\p" in pattern else re.compile(pattern, re.ASCII)
