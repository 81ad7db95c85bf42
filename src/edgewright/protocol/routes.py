"""Methods and paths to operations, by the URI templates of a REST service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from edgewright.errors import SerializationFault, UnknownOperation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgewright.protocol.model import Operation

LABEL = re.compile(r"\{(?P<name>[^{}+]+)(?P<greedy>\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's method and template."""

    operation: Operation
    pattern: re.Pattern[bytes]
    labels: tuple[str, ...]


class Routes:
    """Finds the operation that a request is for. The constant part of a template's query is not looked at."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_method: dict[str, list[Route]] = {}
        for operation in operations:
            self._by_method.setdefault(operation.method, []).append(route(operation))

    def find(self, method: str, path: bytes) -> tuple[Operation, Mapping[str, str]]:
        """The operation and the labels in the path, decoded.

        Args:
            method: the HTTP method.
            path: percent-encoded, without the query.

        Raises:
            UnknownOperation: no template matches.
            SerializationFault: a label is not UTF-8.
        """
        for candidate in self._by_method.get(method, ()):
            found = candidate.pattern.fullmatch(path)
            if found is not None:
                values = map(decoded, found.groups())
                return candidate.operation, dict(zip(candidate.labels, values, strict=True))
        raise UnknownOperation(f"{method} {path.decode('latin-1')} is no operation of this service.")


def route(operation: Operation) -> Route:
    """The template of an operation, compiled. `{name}` is a part between slashes, `{name+}` may hold some."""
    template = operation.path.partition("?")[0]
    pattern, labels, end = "", [], 0
    for label in LABEL.finditer(template):
        pattern += re.escape(template[end : label.start()]) + ("(.+)" if label["greedy"] else "([^/]+)")
        labels.append(label["name"])
        end = label.end()
    pattern += re.escape(template[end:])
    return Route(operation, re.compile(pattern.encode(), re.DOTALL), tuple(labels))


def decoded(text: bytes) -> str:
    """Percent-encoded text as it was meant; a plus stays a plus.

    Raises:
        SerializationFault: it is not UTF-8.
    """
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SerializationFault("The request's path or query is not UTF-8. Encode it in UTF-8.") from error
