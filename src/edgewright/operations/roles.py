"""The RoleArn of a request: whether a job of the caller's gets the role's rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import RoleRefused, ValidationFault

if TYPE_CHECKING:
    from edgewright.operations.context import Context


def check(context: Context, role_arn: str, job_name: str) -> None:
    """Refuse a job whose role would not be given: refused at create instead of minutes later.

    Raises:
        ValidationFault: the role is of another account, or cannot be used.
        StoreUnavailable: the service that decides could not be asked.
    """
    try:
        context.roles.check(role_arn, context.caller.account, job_name)
    except RoleRefused as error:
        raise ValidationFault(error.message) from error
