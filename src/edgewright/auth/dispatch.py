"""The one way to an operation: the rights of who calls, the model's constraints, then the operation itself.

What the names in a request touch is checked before anything else, so that who may not know of a job learns nothing of
it. The objects are known only by values that the operation parses or reads: it asks for them with the rights that it is
given, on the values that it goes on with.

The API and the console both take it, so that a page allows nothing that the API would refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright import protocol
from edgewright.operations import OPERATIONS

if TYPE_CHECKING:
    from edgewright.auth.identity import Identity
    from edgewright.operations import Context
    from edgewright.operations.handler import Request, Response


def dispatch(identity: Identity, context: Context, operation: protocol.Operation, request: Request) -> Response | None:
    """The response of an operation; it may take a while.

    Args:
        identity: who calls.
        context: of the caller.
        operation: one of `OPERATIONS`.
        request: as parsed; not validated yet.

    Raises:
        AccessDenied: the caller may not do this.
        ValidationFault: the request breaks a constraint of the model.
        EdgewrightError: as the operation says.
    """
    handler = OPERATIONS[operation.name]
    if not identity.unrestricted:  # what a request touches need not be found out for who may do everything
        identity.authorize(*handler.touched(context.caller, protocol.shortened(operation, request)))
    protocol.validate(operation, request)
    return handler.function(context.allowing(identity.authorize), request)
