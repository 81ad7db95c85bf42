"""What an operation is given beside its request: who calls, and the stores and functions that it may use."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgewright.errors import AccessDenied
from edgewright.operations.access import describe_access

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from edgewright.greengrass.component_store import ComponentStore
    from edgewright.jobs import JobKey, JobStore, Kind
    from edgewright.operations.access import Access
    from edgewright.operations.caller import Caller
    from edgewright.roles import Roles
    from edgewright.stores import ObjectStore, S3Uri


def _nobody(access: Access) -> None:
    raise AccessDenied(f"Nobody was identified who could be allowed {access.action} on {access.arn}.")


@dataclass(frozen=True, slots=True)
class Context:
    """One call's surroundings. Jobs are private to the caller's account and region."""

    caller: Caller
    jobs: JobStore
    components: ComponentStore
    objects: ObjectStore
    """Where components' artifacts are."""
    link: Callable[[S3Uri, str, str], str]
    """An address at which anybody may fetch an object for a while; it may stand at the caller's endpoint. Where this
    server answers it, the object must have the given SHA-256."""
    roles: Roles
    """What a job's RoleArn means."""
    enqueue: Callable[[JobKey], None]
    """Puts an inserted job into the engine's queue; raises EngineUnavailable, then a worker enqueues the job later."""
    now: Callable[[], datetime]
    token_key: bytes
    """Signs NextToken; the same on every server of one database."""
    unfinished_jobs: int
    """Jobs of one kind that an account may have unfinished in a region."""
    component_buckets: Mapping[str, Collection[str]] | None
    """By account, the buckets that the artifacts of its users' recipes may be in; None where they may be in any."""
    authorize: Callable[[Access], None] = _nobody
    """Lets the caller have an access, or raises AccessDenied. `auth.dispatch` sets it; else nothing is allowed."""

    def key(self, kind: Kind, name: str) -> JobKey:
        """The key of the caller's job of that name."""
        return self.caller.job(kind, name)

    def may_see(self, key: JobKey) -> bool:
        """Whether Describe would show the caller this job."""
        if (key.account, key.region) != (self.caller.account, self.caller.region):
            return False
        try:
            self.authorize(describe_access(key))
        except AccessDenied:
            return False
        return True

    def allowing(self, authorize: Callable[[Access], None]) -> Context:
        """The same, with the rights of who calls."""
        return replace(self, authorize=authorize)
