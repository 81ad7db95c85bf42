"""Who sends a request, and what they may do: every right is decided here, on named actions and resources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.auth.rights import EVERYTHING, authorize
from edgewright.operations import Access, describe_access

if TYPE_CHECKING:
    from edgewright.auth.principals import Principal
    from edgewright.jobs import JobKey


@dataclass(frozen=True, slots=True)
class Identity:
    """A principal, and the region whose resources a request is about."""

    principal: Principal
    region: str

    @property
    def scope(self) -> tuple[str, str]:
        """The account and region whose resources are meant."""
        return self.principal.account, self.region

    @property
    def unrestricted(self) -> bool:
        """Whether the principal may do everything in the account."""
        return self.principal.rights is EVERYTHING

    def authorize(self, *accesses: Access) -> None:
        """Let a request pass that touches these resources.

        Raises:
            AccessDenied: one of them is not allowed; in AWS's words.
        """
        for access in accesses:
            authorize(self.principal.arn, self.principal.rights, access)

    def may(self, *accesses: Access) -> bool:
        """Whether all of these are allowed."""
        rights = self.principal.rights
        return self.unrestricted or all(map(rights.permit, accesses))

    def may_see(self, key: JobKey) -> bool:
        """Whether Describe would show them this job."""
        return (key.account, key.region) == self.scope and self.may(describe_access(key))
