"""The one way to an operation: the rights of who calls, the model's constraints, then the operation itself.

The wire and the console both take it, so that nobody may do on a page what the API would refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright import protocol
from edgewright.auth.rights import EVERYTHING, authorize
from edgewright.operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.auth.principals import Principal
    from edgewright.http.service_protocols import ServiceProtocol
    from edgewright.operations import Context


def perform(
    wire: ServiceProtocol,
    principal: Principal,
    context: Context,
    operation: protocol.Operation,
    request: Mapping[str, Any],
) -> Mapping[str, Any] | None:
    """The response of an operation; it may take a while.

    Raises:
        AccessDenied: the principal may not do this.
        ValidationFault: the request breaks a constraint of the model.
        EdgewrightError: as the operation says.
    """
    permit(wire, principal, context, operation.name, request)
    protocol.validate(operation, request)
    return OPERATIONS[operation.name](context, request)


def permit(
    wire: ServiceProtocol, principal: Principal, context: Context, operation: str, request: Mapping[str, Any]
) -> None:
    """Let a principal's call of an operation pass.

    Raises:
        AccessDenied: in AWS's words.
    """
    if principal.rights is not EVERYTHING:
        authorize(principal.arn, principal.rights, wire.wanted(operation, request, context.caller))
