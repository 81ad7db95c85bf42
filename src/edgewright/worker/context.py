"""What a recipe works with, and the interface of the engine that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import structlog

from edgewright.database.clock import utc_now
from edgewright.errors import DatabaseUnavailable
from edgewright.jobs import Job, JobKey, JobQueue, JobStore, WorkerRegistry

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from edgewright.compiling.sandbox import Sandbox
    from edgewright.greengrass.component_store import ComponentStore
    from edgewright.greengrass.publishing.protocols import Publisher
    from edgewright.limits import Limits
    from edgewright.roles import Roles
    from edgewright.signing.signers import Signer
    from edgewright.stores import ObjectStore
    from edgewright.uploads.ledger import UploadLedger
    from edgewright.uploads.orphans import Orphans

log = structlog.get_logger(__name__)

T = TypeVar("T")

Json = dict[str, Any]
"""The result of a durable step, as the engine keeps it."""

_PAUSES = (0.1, 10.0)
"""Seconds before a database that cannot be reached is tried again: the first time, and at most."""


class ShuttingDown(BaseException):
    """The worker ends before the job does: the job goes back to the queue as it is, and another worker goes on.

    Not an Exception, so that nothing takes it for the job's failure.
    """


class Step(Protocol):
    """Runs a durable step: once it is done, a recipe that is run again gets the kept result instead of the work."""

    def __call__(self, name: str, work: Callable[[], Json], /) -> Json:
        """The result of `work`, now or from an earlier run."""


def run_plainly(_name: str, work: Callable[[], Json], /) -> Json:
    """A step that keeps nothing: for recipes without an engine."""
    return work()


def never() -> bool:
    """A worker that does not shut down."""
    return False


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Everything that recipes reach beyond their own values.

    Attributes:
        work_dir: a folder for a job's own temporary folders; it may be gone after a restart.
        objects: reached with the service's own rights; recipes ask for those of their job's role.
        signer: opens the key that signs now, for one package; it raises KeyUnusable where this host does not have it.
        sandbox: what a compilation runs in, found anew for each; None where it may do without. Raises SandboxMissing.
        step: how a durable step is run.
        shutting_down: whether the worker is ending; recipes ask several times a second.
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
    signer: Callable[[], Signer]
    limits: Limits
    work_dir: Path
    sandbox: Callable[[], Sandbox | None]
    step: Step = run_plainly
    shutting_down: Callable[[], bool] = never
    now: Callable[[], datetime] = utc_now
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


def until_database_answers(context: WorkerContext, work: Callable[[], T]) -> T:
    """The result of work on the database, tried until the database takes it.

    Raises:
        ShuttingDown: the worker ends before the database comes back.
    """
    pause, longest = _PAUSES
    while True:
        try:
            return work()
        except DatabaseUnavailable as error:
            log.warning("database cannot be used; trying again", reason=error.message, seconds=pause)
        wait(context, pause)
        pause = min(pause * 2, longest)


def wait(context: WorkerContext, seconds: float) -> None:
    """Wait, unless the worker is shutting down.

    Raises:
        ShuttingDown: it does.
    """
    until = time.monotonic() + seconds
    while True:
        if context.shutting_down():
            raise ShuttingDown
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, 0.1))
