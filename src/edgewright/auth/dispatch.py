"""The one way to an operation: the rights of who calls, the model's constraints, then the operation itself.

What the names in a request touch is checked before anything else, so that who may not know of a job learns nothing of
it. The objects are known only by values that the operation parses or reads: it asks for them with the rights that it is
given, on the values that it goes on with.

The API and the console both take it, so that a page allows nothing that the API would refuse. What changes something or
is refused is in the audit log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright import protocol
from edgewright.auth import audit
from edgewright.operations import OPERATIONS, Access, Context

if TYPE_CHECKING:
    from edgewright.auth.identity import Identity
    from edgewright.operations.handler import Request, Response


def dispatch(identity: Identity, context: Context, operation: protocol.Operation, request: Request) -> Response | None:
    """The response of an operation; it may take a while. A line of the audit log says of it what is to be said.

    Arguments and errors are those of `answer`.
    """
    handler, touched = OPERATIONS[operation.name], list[Access]()
    try:
        response = answer(identity, context, operation, request, touched)
    except Exception as error:
        log = audit.failed if handler.changes else audit.refused
        named = touched or handler.touched(context.caller, protocol.shortened(operation, request))
        log(error, identity.principal, handler.action, named)
        raise
    if handler.changes:
        audit.done(identity.principal, handler.action, touched)
    return response


def answer(
    identity: Identity, context: Context, operation: protocol.Operation, request: Request, touched: list[Access]
) -> Response | None:
    """The response of an operation, without a line of the audit log.

    Args:
        identity: who calls.
        context: of the caller.
        operation: one of `OPERATIONS`.
        request: as parsed; not validated yet.
        touched: gets what the caller must be allowed, as far as it is found out.

    Raises:
        AccessDenied: the caller may not do this.
        ValidationFault: the request breaks a constraint of the model.
        EdgewrightError: as the operation says.
    """
    handler = OPERATIONS[operation.name]

    def authorize(*accesses: Access) -> None:
        touched.extend(accesses)
        identity.authorize(*accesses)

    if handler.changes or not identity.unrestricted:  # who may read everything need not wait for what it is
        authorize(*handler.touched(context.caller, protocol.shortened(operation, request)))
    protocol.validate(operation, request)
    return handler.function(context.allowing(authorize), request)
