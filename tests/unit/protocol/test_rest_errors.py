"""Errors as REST-JSON: their statuses are the model's, their bodies have the members of their shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgewright import errors
from edgewright.protocol import load_service
from edgewright.protocol.rest_errors import REST_CODES, error_reply

GREENGRASS = load_service("greengrassv2")
ARN = "arn:aws:greengrass:eu-west-1:123456789012:components:a:versions:1.0.0"


def told(error: BaseException) -> tuple[int, str, dict[str, Any]]:
    reply = error_reply(GREENGRASS, error)
    return reply.status, reply.code, json.loads(reply.body)


def test_modelled_errors_have_the_models_status() -> None:
    modelled = {
        shape.name: shape.status for operation in GREENGRASS.operations.values() for shape in operation.error_shapes
    }
    ours = {code: status for status, code in REST_CODES.values() if code in modelled}
    assert ours == {code: modelled[code] for code in ours}
    assert {"ValidationException", "ResourceNotFoundException", "ConflictException", "AccessDeniedException"} <= set(
        ours
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.ValidationFault("x"), 400, "ValidationException"),
        (errors.SerializationFault("x"), 400, "SerializationException"),
        (errors.UnknownOperation("x"), 404, "UnknownOperationException"),
        (errors.Throttled("x"), 429, "ThrottlingException"),
        (errors.MissingAuthentication("x"), 403, "MissingAuthenticationTokenException"),
        (errors.InvalidSignature("x"), 403, "InvalidSignatureException"),
        (errors.UnknownAccessKey("x"), 403, "UnrecognizedClientException"),
        (errors.AccessDenied("x"), 403, "AccessDeniedException"),
        (errors.UriRefused("x"), 400, "ValidationException"),
    ],
)
def test_faults_of_the_caller_are_told(error: errors.EdgewrightError, status: int, code: str) -> None:
    assert told(error) == (status, code, {"message": "x"})


def test_an_error_about_a_resource_names_it() -> None:
    about = {"message": "gone", "resourceId": ARN, "resourceType": "ComponentVersion"}
    assert told(errors.ResourceNotFound("gone", ARN)) == (404, "ResourceNotFoundException", about)
    component = ARN.partition(":versions:")[0]
    assert told(errors.ComponentExists("gone", component)) == (
        409,
        "ConflictException",
        {"message": "gone", "resourceId": component, "resourceType": "Component"},
    )
    assert told(errors.ResourceNotFound("gone"))[2] == {"message": "gone"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (KeyError("secret"), 500, "InternalServerException"),
        (errors.KeyUnusable("secret"), 500, "InternalServerException"),
        (errors.StoreUnavailable("secret"), 503, "ServiceUnavailable"),
        (errors.DatabaseUnavailable("secret"), 503, "ServiceUnavailable"),
    ],
)
def test_nothing_of_the_inside_is_told(error: Exception, status: int, code: str) -> None:
    found = told(error)
    assert found[:2] == (status, code)
    assert "secret" not in found[2]["message"]
    assert found[2]["message"].startswith("The request")
