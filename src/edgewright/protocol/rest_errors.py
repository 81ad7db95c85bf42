"""The error tree on REST-JSON: the codes of AWS JSON where REST services have no others, statuses as REST has them.

Decision 0025 says where they are from. What a service's model declares as an error has its members in the body.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from edgewright import errors
from edgewright.errors import AboutResource, EdgewrightError
from edgewright.protocol import rest_json
from edgewright.protocol.errors import CODES, INTERNAL, OURS, ErrorReply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.protocol.model import Service, Shape

FORBIDDEN, NOT_FOUND, CONFLICT, QUOTA, TOO_MANY = 403, 404, 409, 402, 429

REST_CODES: dict[type[BaseException], tuple[int, str]] = CODES | {
    errors.UnknownOperation: (NOT_FOUND, "UnknownOperationException"),
    errors.Throttled: (TOO_MANY, "ThrottlingException"),
    errors.MissingAuthentication: (FORBIDDEN, "MissingAuthenticationTokenException"),
    errors.IncompleteSignature: (FORBIDDEN, "IncompleteSignatureException"),
    errors.InvalidSignature: (FORBIDDEN, "InvalidSignatureException"),
    errors.UnknownAccessKey: (FORBIDDEN, "UnrecognizedClientException"),
    errors.AccessDenied: (FORBIDDEN, "AccessDeniedException"),
    errors.ResourceNotFound: (NOT_FOUND, "ResourceNotFoundException"),
    errors.ObjectNotFound: (NOT_FOUND, "ResourceNotFoundException"),
    errors.ResourceInUse: (CONFLICT, "ConflictException"),
    errors.ComponentExists: (CONFLICT, "ConflictException"),
    errors.ClientTokenUsed: (CONFLICT, "ConflictException"),
    errors.ResourceLimitExceeded: (QUOTA, "ServiceQuotaExceededException"),
    BaseException: (INTERNAL, "InternalServerException"),
}
"""By class; an error without an entry of its own has that of its nearest parent."""


def error_reply(service: Service, error: BaseException) -> ErrorReply:
    """The answer of this service to a request that ended in `error`."""
    status, code = next(REST_CODES[parent] for parent in type(error).__mro__ if parent in REST_CODES)
    message = _message(error, status, code)
    members: dict[str, Any] = {"message": message}
    if isinstance(error, AboutResource) and error.resource:
        members |= {"resourceId": error.resource, "resourceType": resource_type(error.resource)}
    shape = _modelled(service).get(code)
    if shape is None:
        return ErrorReply(status, code, message, orjson.dumps(members))
    known = {name: value for name, value in members.items() if name in shape.members}
    return ErrorReply(status, code, message, rest_json.serialize_error(shape, known).body)


def resource_type(arn: str) -> str:
    """The kind of resource that an ARN of Greengrass names, such as `ComponentVersion` [D]."""
    return "ComponentVersion" if ":versions:" in arn else "Component"


def _message(error: BaseException, status: int, code: str) -> str:
    if status >= INTERNAL:
        return OURS.get(code, OURS["InternalFailure"])
    return error.message if isinstance(error, EdgewrightError) else ""


@cache
def _modelled(service: Service) -> Mapping[str, Shape]:
    return {shape.name: shape for operation in service.operations.values() for shape in operation.error_shapes}
