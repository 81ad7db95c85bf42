"""How far a job is, how fast it goes, and what its states were. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.jobs import ENDED, Job, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from edgewright.events.outbox import JobEvent

MEANINGS = {
    Status.STARTING: "waits for a worker",
    Status.INPROGRESS: "a worker began",
    Status.COMPLETED: "done",
    Status.FAILED: "ended without a result",
    Status.STOPPING: "asked to stop",
    Status.STOPPED: "stopped; nothing is left",
}
SETTLED_SECONDS = 1.0
"""Before so long a rate would be a guess."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes:
        done: bytes that were read.
        total: bytes that there are; None as long as that is unknown.
        rate: bytes a second since the worker began; None where it is unknown.
        left: seconds that are left at that rate; None where they are unknown.
    """

    done: int
    total: int | None
    rate: float | None
    left: float | None

    @property
    def percent(self) -> int | None:
        """Whole percents, rounded down."""
        return None if not self.total else min(100, self.done * 100 // self.total)


def progress(job: Job, began: datetime, now: datetime) -> Progress:
    """How far a running job is.

    Args:
        job: as it stands.
        began: when its worker began.
        now: the time.
    """
    elapsed = (now - began).total_seconds()
    if job.status is not Status.INPROGRESS or elapsed < SETTLED_SECONDS or not job.bytes_done:
        return Progress(job.bytes_done, job.bytes_total, None, None)
    rate = job.bytes_done / elapsed
    left = None if job.bytes_total is None else (job.bytes_total - job.bytes_done) / rate
    return Progress(job.bytes_done, job.bytes_total, rate, left)


@dataclass(frozen=True, slots=True)
class Stage:
    """One state in a job's timeline.

    Attributes:
        status: which.
        at: when it came; None of one that is yet to come.
        lasted: until the next, or until now; None of the end, and of what is yet to come.
        note: what it means.
    """

    status: Status
    at: datetime | None
    lasted: timedelta | None
    note: str


def timeline(job: Job, events: Sequence[JobEvent], now: datetime) -> list[Stage]:
    """The states that a job went through, and the one that is expected next.

    Args:
        job: as it stands.
        events: its changes of state, in order; where they were deleted, the row has the first and the last.
        now: the time.
    """
    seen = [(event.status, event.at, event.attempt) for event in events]
    if not seen or seen[0][0] is not Status.STARTING:
        seen.insert(0, (Status.STARTING, job.created_at, 0))
    if seen[-1][0] is not job.status:
        seen.append((job.status, job.modified_at, job.attempt))
    stages: list[Stage] = []
    for number, (status, at, attempt) in enumerate(seen):
        until = seen[number + 1][1] if number + 1 < len(seen) else now
        ended = status in ENDED
        again = f"a worker began anew, attempt {attempt}" if status is Status.INPROGRESS and attempt > 1 else ""
        stages.append(Stage(status, at, None if ended else until - at, again or MEANINGS[status]))
    return stages + [Stage(status, None, None, "to come") for status in _to_come(job.status)]


def began(stages: Sequence[Stage], job: Job) -> datetime:
    """When the worker of the latest attempt began."""
    times = [stage.at for stage in stages if stage.status is Status.INPROGRESS and stage.at is not None]
    return times[-1] if times else job.modified_at


def _to_come(status: Status) -> tuple[Status, ...]:
    path = {
        Status.STARTING: (Status.INPROGRESS, Status.COMPLETED),
        Status.INPROGRESS: (Status.COMPLETED,),
        Status.STOPPING: (Status.STOPPED,),
    }
    return path.get(status, ())
