"""What a recipe works with, and the seam to the engine that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from edgewright.errors import DatabaseUnavailable
from edgewright.jobs import JobKey

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.greengrass.component_store import ComponentStore
    from edgewright.greengrass.publishing.protocols import Publisher
    from edgewright.jobs import Job, JobQueue, JobStore, WorkerRegistry
    from edgewright.limits import Limits
    from edgewright.roles import Roles
    from edgewright.signing.signers import Signer
    from edgewright.stores import ObjectStore
    from edgewright.uploads.ledger import UploadLedger
    from edgewright.uploads.orphans import Orphans

log = structlog.get_logger(__name__)

T = TypeVar("T")

Ending = dict[str, Any]
"""How a job is to end: `status`, and the other members that change with it. Plain JSON, because the engine keeps it."""

_PAUSES = (0.1, 10.0)
"""Seconds before a database that cannot be reached is tried again: the first time, and at most."""


class Leaving(BaseException):
    """The worker ends before the job does: the job is handed back as it is, and another worker goes on.

    Not an Exception, so that nothing takes it for the job's failure.
    """


class Step(Protocol):
    """Runs a durable step: once it is done, a recipe that is run again gets the kept result instead of the work."""

    def __call__(self, name: str, work: Callable[[], Ending], /) -> Ending:
        """The result of `work`, now or from an earlier run."""


def run_plainly(_name: str, work: Callable[[], Ending], /) -> Ending:
    """A step that keeps nothing: for recipes without an engine."""
    return work()


def never() -> bool:
    """A worker that does not leave."""
    return False


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Everything that recipes reach beyond their own values.

    Attributes:
        work_dir: a folder for a job's own temporary folders; it may be gone after a restart.
        objects: reached with the service's own rights; recipes ask for those of their job's role.
        step: how a durable step is run.
        leaving: whether the worker is ending; recipes look several times a second.
        now: the clock of members such as ended_at.
        roles: what jobs' roles mean; without it every job uses the service's own credentials.
        publisher: publishes components to AWS; None where they stay here.
    """

    jobs: JobStore
    queue: JobQueue
    components: ComponentStore
    uploads: UploadLedger
    orphans: Orphans
    workers: WorkerRegistry
    objects: ObjectStore
    signer: Signer
    limits: Limits
    work_dir: Path
    step: Step = run_plainly
    leaving: Callable[[], bool] = never
    now: Callable[[], datetime] = _now
    publisher: Publisher | None = None
    roles: Roles | None = None

    def objects_for(self, role_arn: str, key: JobKey) -> ObjectStore:
        """The object store as a job's role may use it.

        Raises:
            RoleRefused: the service is not given the role (any more).
            StoreUnavailable: who decides that could not be asked.
        """
        return self.objects if self.roles is None else self.roles.objects(role_arn, key.name)


Recipe = Callable[[JobKey, WorkerContext], None]
"""Does one job from where it stands to its end. Run again after a crash, it must come to the same end."""


def kms_key(context: WorkerContext, job: Job) -> str | None:
    """The key that the job's output is encrypted with, as the object store takes it; None leaves it to the store.

    Looked up anew for each attempt: an alias may have moved, a key may have been disabled since the job was created.

    Raises:
        KeyRefused: the store does not have it any more, or it was disabled.
        RoleRefused, StoreUnavailable: of `WorkerContext.objects_for`.
    """
    named = job.output_config.get("KmsKeyId")
    if not named:
        return None
    return context.objects_for(job.role_arn, job.key).check_key(named, job.key.account, job.key.region)


def insist(context: WorkerContext, work: Callable[[], T]) -> T:
    """The result of work on the database, tried until the database takes it.

    Raises:
        Leaving: the worker ends before the database comes back.
    """
    pause, longest = _PAUSES
    while True:
        try:
            return work()
        except DatabaseUnavailable as error:
            log.warning("database cannot be used; trying again", reason=error.message, seconds=pause)
        rest(context, pause)
        pause = min(pause * 2, longest)


def rest(context: WorkerContext, seconds: float) -> None:
    """Wait, unless the worker leaves.

    Raises:
        Leaving: it does.
    """
    until = time.monotonic() + seconds
    while True:
        if context.leaving():
            raise Leaving
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.1))
