"""Who calls an operation."""

from __future__ import annotations

from dataclasses import dataclass

from edgewright.arns import ComponentArn
from edgewright.jobs import JobKey, Kind


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request, as the signature proved it."""

    account: str
    """Twelve digits: the account that the access key belongs to."""
    region: str
    """The region of the credential scope, such as `eu-west-1`."""
    endpoint: str = ""
    """The server's address as the caller has it; only for operations that return addresses."""

    def job(self, kind: Kind, name: str) -> JobKey:
        """The key of the caller's job of that name."""
        return JobKey(kind, self.account, self.region, name)

    def component_arn(self, name: str) -> str:
        """The ARN of the caller's component of that name."""
        return str(ComponentArn(self.account, self.region, name))
