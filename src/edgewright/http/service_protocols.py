"""How each service is spoken: HTTP to an operation and its request, and back. One class per protocol.

A service protocol holds no state but its service; `http.api` does everything that services have in common.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, NamedTuple, Protocol

from edgewright import protocol
from edgewright.errors import UnknownOperation
from edgewright.protocol import rest_errors, rest_json
from edgewright.protocol.routes import Routes

Scope = MutableMapping[str, Any]
Request = Mapping[str, Any]
Response = Mapping[str, Any]

AWS_JSON = (b"content-type", b"application/x-amz-json-1.1")
JSON = (b"content-type", b"application/json")


class Reply(NamedTuple):
    """What goes back: a status, a body, and headers beside those that every answer has."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...]


class ServiceProtocol(Protocol):
    """One service's way over HTTP."""

    service: protocol.Service

    def read(self, scope: Scope, body: bytes) -> tuple[protocol.Operation, dict[str, Any]]:
        """The operation and its request, not validated yet.

        Raises:
            UnknownOperation: none of the service's, or one that is not implemented.
            SerializationFault: as in `protocol`.
        """

    def endpoint(self, scope: Scope) -> str:
        """The server's address as the caller has it; empty where no operation needs it."""

    def reply(self, operation: protocol.Operation, response: Response | None) -> Reply:
        """The answer of an operation that succeeded."""

    def refusal(self, error: Exception) -> tuple[str, Reply]:
        """The code and the answer of anything raised."""


class AwsJson:
    """AWS JSON 1.1: every request is `POST /`, and a header names the operation."""

    def __init__(self, service: protocol.Service, implemented: Collection[str]) -> None:
        self.service = service
        self._implemented = implemented
        self._prefix = f"{service.target_prefix}."
        self._known = {
            f"{self._prefix}{name}": operation for name, operation in service.operations.items() if name in implemented
        }

    def read(self, scope: Scope, body: bytes) -> tuple[protocol.Operation, dict[str, Any]]:
        """See `ServiceProtocol.read`."""
        target = header(scope, b"x-amz-target") or ""
        operation = self._known.get(target)
        if operation is None:
            raise self._unknown(target)
        return operation, protocol.parse_request(operation, body)

    def _unknown(self, target: str) -> UnknownOperation:
        name = target.removeprefix(self._prefix)
        if name == target or name not in self.service.operations:
            return UnknownOperation(f"'{target}' in X-Amz-Target names no operation of this service.")
        return _not_implemented(name, self.service, self._implemented)

    def endpoint(self, _scope: Scope) -> str:
        """See `ServiceProtocol.endpoint`."""
        return ""

    def reply(self, operation: protocol.Operation, response: Response | None) -> Reply:
        """See `ServiceProtocol.reply`."""
        return Reply(200, protocol.serialize_response(operation, response), (AWS_JSON,))

    def refusal(self, error: Exception) -> tuple[str, Reply]:
        """See `ServiceProtocol.refusal`."""
        refused = protocol.error_reply(error)
        return refused.code, Reply(refused.status, refused.body, (AWS_JSON, _error_type(refused)))


class RestJson:
    """REST-JSON, as Greengrass speaks it: method and path name the operation and what it is about."""

    def __init__(self, service: protocol.Service, implemented: Collection[str]) -> None:
        self.service = service
        self._implemented = implemented
        self._routes = Routes(service.operations.values())

    def read(self, scope: Scope, body: bytes) -> tuple[protocol.Operation, dict[str, Any]]:
        """See `ServiceProtocol.read`."""
        operation, labels = self._routes.find(scope["method"], scope["raw_path"])
        if operation.name not in self._implemented:
            raise _not_implemented(operation.name, self.service, self._implemented)
        incoming = rest_json.Incoming(labels, scope["query_string"], _headers(scope), body)
        return operation, rest_json.parse_request(operation, incoming)

    def endpoint(self, scope: Scope) -> str:
        """See `ServiceProtocol.endpoint`: of the header that the caller signed."""
        return f"{scope['scheme']}://{header(scope, b'host') or ''}"

    def reply(self, operation: protocol.Operation, response: Response | None) -> Reply:
        """See `ServiceProtocol.reply`."""
        outgoing = rest_json.serialize_response(operation, response)
        headers = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in outgoing.headers)
        return Reply(outgoing.status, outgoing.body, headers)

    def refusal(self, error: Exception) -> tuple[str, Reply]:
        """See `ServiceProtocol.refusal`."""
        refused = rest_errors.error_reply(self.service, error)
        return refused.code, Reply(refused.status, refused.body, (JSON, _error_type(refused)))


def header(scope: Scope, wanted: bytes) -> str | None:
    """The first value of a request's header; None where it has none."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), None)


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _error_type(refused: protocol.ErrorReply) -> tuple[bytes, bytes]:
    return b"x-amzn-errortype", refused.code.encode("ascii")


def _not_implemented(name: str, service: protocol.Service, implemented: Collection[str]) -> UnknownOperation:
    those = ", ".join(sorted(set(implemented) & set(service.operations)))
    return UnknownOperation(f"{name} is not implemented yet. Implemented are: {those}.")
