"""What an operation is given beside its request: who calls, and the few doors that it may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.arns import ComponentArn
from edgewright.jobs import JobKey, JobStore, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from edgewright.greengrass.component_store import ComponentStore
    from edgewright.roles import Roles
    from edgewright.stores import ObjectStore, S3Uri


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request, as the signature proved it."""

    account: str
    """Twelve digits: the account that the access key belongs to."""
    region: str
    """The region of the credential scope, such as `eu-west-1`."""
    endpoint: str = ""
    """The server's address as the caller has it; only for operations that hand out addresses."""

    @property
    def arn_prefix(self) -> str:
        """What the ARNs of the caller's resources begin with, such as `arn:aws:sagemaker:eu-west-1:123456789012`."""
        return JobKey(Kind.PACKAGING, self.account, self.region, "").arn.removesuffix(f":{Kind.PACKAGING}/")

    def component_arn(self, name: str) -> str:
        """The ARN of the caller's component of that name."""
        return str(ComponentArn(self.account, self.region, name))


@dataclass(frozen=True, slots=True)
class Shelf:
    """Components and their artifacts."""

    components: ComponentStore
    objects: ObjectStore
    link: Callable[[S3Uri, str], str]
    """An address at which anybody may fetch an object for a while; it may stand at the caller's endpoint."""


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
    shelf: Shelf
    roles: Roles
    """What a job's RoleArn means."""

    def key(self, kind: Kind, name: str) -> JobKey:
        """The key of the caller's job of that name."""
        return JobKey(kind=kind, account=self.caller.account, region=self.caller.region, name=name)
