"""The map from the error tree to the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edgewright import errors
from edgewright.errors import (
    CallerError,
    EdgewrightError,
    ServiceError,
    SourceReplaced,
    TransitionRefused,
    ValidationFault,
)
from edgewright.protocol import error_reply, load_service

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(parent: type[EdgewrightError]) -> Iterator[type[EdgewrightError]]:
    for child in parent.__subclasses__():
        yield child
        yield from leaves(child)


def made(kind: type[EdgewrightError], message: str) -> EdgewrightError:
    if issubclass(kind, TransitionRefused):
        return kind(message, "COMPLETED")
    return kind(message, None) if issubclass(kind, SourceReplaced) else kind(message)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (errors.ValidationFault, 400, "ValidationException"),
        (errors.SerializationFault, 400, "SerializationException"),
        (errors.UnknownOperation, 400, "UnknownOperationException"),
        (errors.RequestTooLarge, 413, "RequestEntityTooLargeException"),
        (errors.Throttled, 400, "ThrottlingException"),
        (errors.MissingAuthentication, 400, "MissingAuthenticationTokenException"),
        (errors.IncompleteSignature, 400, "IncompleteSignatureException"),
        (errors.InvalidSignature, 400, "InvalidSignatureException"),
        (errors.UnknownAccessKey, 400, "UnrecognizedClientException"),
        (errors.AccessDenied, 400, "AccessDeniedException"),
        (errors.ResourceNotFound, 400, "ResourceNotFound"),
        (errors.ResourceInUse, 400, "ResourceInUse"),
        (errors.ResourceLimitExceeded, 400, "ResourceLimitExceeded"),
        (errors.TransitionRefused, 400, "ValidationException"),
        (errors.UriRefused, 400, "ValidationException"),
        (errors.TargetUnsupported, 400, "ValidationException"),
        (errors.StoreUnavailable, 503, "ServiceUnavailable"),
        (errors.DatabaseUnavailable, 503, "ServiceUnavailable"),
        (errors.EngineUnavailable, 503, "ServiceUnavailable"),
        (errors.KeyUnusable, 500, "InternalFailure"),
        (errors.SettingsRefused, 500, "InternalFailure"),
        (errors.JobStopped, 500, "InternalFailure"),
    ],
)
def test_each_error_has_its_code(kind: type[EdgewrightError], status: int, code: str) -> None:
    reply = error_reply(made(kind, "What happened."))
    assert (reply.status, reply.code) == (status, code)


def test_the_message_comes_in_both_spellings() -> None:
    reply = error_reply(ValidationFault("größe"))
    assert json.loads(reply.body) == {"__type": "ValidationException", "message": "größe", "Message": "größe"}
    assert reply.message == "größe"


@pytest.mark.parametrize("kind", list(leaves(CallerError)))
def test_the_caller_is_told_of_every_fault_of_the_caller(kind: type[EdgewrightError]) -> None:
    reply = error_reply(made(kind, "What happened."))
    assert 400 <= reply.status < 500
    assert reply.message == "What happened."


@pytest.mark.parametrize("kind", [*leaves(ServiceError), RuntimeError, KeyError, OSError, RecursionError])
def test_nothing_of_the_inside_goes_out(kind: type[Exception]) -> None:
    reply = error_reply(kind("postgresql://user:secret@host/database"))
    assert reply.status in {500, 503}
    assert b"secret" not in reply.body
    assert reply.message.startswith("The request ")


def test_the_codes_that_the_model_has_are_spelled_as_in_the_model() -> None:
    modelled = {
        shape.name for operation in load_service("sagemaker").operations.values() for shape in operation.error_shapes
    }
    ours = {error_reply(made(kind, "")).code for kind in leaves(EdgewrightError)}
    assert ours >= modelled - {"ConflictException"}
