"""What an operation is given beside its request: who calls, and the few doors that it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.jobs import JobKey, JobStore, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request, as the signature proved it."""

    account: str
    """Twelve digits: the account that the access key belongs to."""
    region: str
    """The region of the credential scope, such as `eu-west-1`."""

    @property
    def arn_prefix(self) -> str:
        """What the ARNs of the caller's resources begin with, such as `arn:aws:sagemaker:eu-west-1:123456789012`."""
        return JobKey(Kind.PACKAGING, self.account, self.region, "").arn.removesuffix(f":{Kind.PACKAGING}/")


@dataclass(frozen=True, slots=True)
class Context:
    """One call's surroundings. Jobs are private to the caller's account and region."""

    caller: Caller
    jobs: JobStore
    hand_over: Callable[[JobKey], None]
    """Gives an inserted job to the engine; raises EngineUnavailable, then a worker fetches the job later."""
    now: Callable[[], datetime]
    token_key: bytes
    """Seals NextToken; the same on every server of one database."""
    unfinished_jobs: int
    """Jobs of one kind that an account may have unfinished in a region."""

    def key(self, kind: Kind, name: str) -> JobKey:
        """The key of the caller's job of that name."""
        return JobKey(kind=kind, account=self.caller.account, region=self.caller.region, name=name)
