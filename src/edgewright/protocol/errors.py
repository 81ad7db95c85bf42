"""The one map from the error tree to AWS's codes and HTTP statuses.

AWS's JSON 1.1 services answer every fault of the caller with 400, those of authentication too; decision 0023 says
where that was seen. `ServiceError`s and whatever else is raised show the caller nothing of the inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from edgewright import errors
from edgewright.errors import CallerError, EdgewrightError

BAD_REQUEST, TOO_LARGE, INTERNAL, UNAVAILABLE = 400, 413, 500, 503

CODES: dict[type[BaseException], tuple[int, str]] = {
    errors.ValidationFault: (BAD_REQUEST, "ValidationException"),
    errors.SerializationFault: (BAD_REQUEST, "SerializationException"),
    errors.UnknownOperation: (BAD_REQUEST, "UnknownOperationException"),
    errors.RequestTooLarge: (TOO_LARGE, "RequestEntityTooLargeException"),
    errors.Throttled: (BAD_REQUEST, "ThrottlingException"),
    errors.MissingAuthentication: (BAD_REQUEST, "MissingAuthenticationTokenException"),
    errors.IncompleteSignature: (BAD_REQUEST, "IncompleteSignatureException"),
    errors.InvalidSignature: (BAD_REQUEST, "InvalidSignatureException"),
    errors.UnknownAccessKey: (BAD_REQUEST, "UnrecognizedClientException"),
    errors.AccessDenied: (BAD_REQUEST, "AccessDeniedException"),
    errors.ResourceNotFound: (BAD_REQUEST, "ResourceNotFound"),
    errors.ResourceInUse: (BAD_REQUEST, "ResourceInUse"),
    errors.ResourceLimitExceeded: (BAD_REQUEST, "ResourceLimitExceeded"),
    errors.StoreUnavailable: (UNAVAILABLE, "ServiceUnavailable"),
    errors.DatabaseUnavailable: (UNAVAILABLE, "ServiceUnavailable"),
    errors.EngineUnavailable: (UNAVAILABLE, "ServiceUnavailable"),
    CallerError: (BAD_REQUEST, "ValidationException"),
    BaseException: (INTERNAL, "InternalFailure"),
}
"""By class; an error without an entry of its own has that of its nearest parent."""

OURS = {
    "ServiceUnavailable": "The request has failed due to a temporary failure of the server.",
    "InternalFailure": "The request processing has failed because of an unknown error, exception or failure.",
}
"""Messages of errors that are not the caller's: AWS's own sentences, and nothing of the inside."""


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as it goes out: `code` is also the value of the header x-amzn-ErrorType."""

    status: int
    code: str
    message: str
    body: bytes


def error_reply(error: BaseException) -> ErrorReply:
    """The answer to a request that ended in `error`."""
    status, code = next(CODES[parent] for parent in type(error).__mro__ if parent in CODES)
    message = OURS.get(code) or (error.message if isinstance(error, EdgewrightError) else "")
    # Some modelled errors call the member Message, all others message: clients find either.
    body = orjson.dumps({"__type": code, "message": message, "Message": message})
    return ErrorReply(status, code, message, body)
