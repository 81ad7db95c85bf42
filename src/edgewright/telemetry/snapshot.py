"""A snapshot: how jobs, workers and deliveries stand, in a few queries whose cost does not grow with the jobs kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select, text

from edgewright.database.clock import milliseconds
from edgewright.database.connections import for_reads, reaching_database
from edgewright.events.outbox import NUMBERED, JobEvents
from edgewright.events.tables import cursors, deliveries
from edgewright.jobs.kinds import JOBS
from edgewright.jobs.queue import IS_UNFINISHED
from edgewright.jobs.states import UNFINISHED, Status
from edgewright.jobs.workers import LiveWorker, WorkerRegistry
from edgewright.telemetry import counters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from edgewright.jobs.job import Kind
    from edgewright.telemetry.counters import Counters

MOST = 100_000
"""Unfinished jobs of one kind that are counted, and deliveries: beyond it, the oldest so many stand for all."""
WEBHOOK = "webhook"
"""The cursor that holds the last event that was queued for the webhook."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Jobs of one kind that have not ended.

    Attributes:
        unfinished: how many are in each status.
        oldest_seconds: how long the oldest STARTING job has waited; 0 where none waits.
    """

    unfinished: Mapping[Status, int]
    oldest_seconds: float

    @property
    def waiting(self) -> int:
        """Jobs that wait for a worker."""
        return self.unfinished[Status.STARTING]


@dataclass(frozen=True, slots=True)
class Outbox:
    """Events on their way to the webhook.

    Attributes:
        waiting: events that were not taken yet.
        dead: events that were given up.
        oldest_seconds: how long ago the oldest waiting event was queued; 0 where none waits.
    """

    waiting: int
    dead: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How things stand.

    Attributes:
        queues: the unfinished jobs of each kind.
        counters: as `telemetry.counters` keeps them.
        workers: every worker with a row.
        outbox: what the webhook has still to be sent; None where no webhook ever was.
    """

    queues: Mapping[Kind, Queue]
    counters: Counters
    workers: Sequence[LiveWorker]
    outbox: Outbox | None


def take(engine: Engine, now: datetime) -> Snapshot:
    """Take a snapshot, after new events were counted.

    Raises:
        DatabaseUnavailable: the database cannot be read.
    """
    JobEvents(engine).number()
    workers = WorkerRegistry(engine).list()
    with reaching_database(), for_reads(engine).connect() as connection:
        queues = {kind: _queue(connection, kind, milliseconds(now)) for kind in JOBS}
        return Snapshot(queues, counters.read(connection), workers, _outbox(connection, milliseconds(now)))


def _queue(connection: Connection, kind: Kind, now: int) -> Queue:
    table = JOBS[kind]
    oldest = select(table.c.status, table.c.created_at).where(text(IS_UNFINISHED)).order_by(table.c.created_at)
    counted = oldest.limit(MOST).subquery()
    query = select(counted.c.status, func.count(), func.min(counted.c.created_at)).group_by(counted.c.status)
    found = {Status(row[0]): (row[1], row[2]) for row in connection.execute(query)}
    waits = found.get(Status.STARTING)
    return Queue(
        {status: found.get(status, (0, 0))[0] for status in sorted(UNFINISHED)},
        max(0, now - waits[1]) / 1000 if waits else 0.0,
    )


def _outbox(connection: Connection, now: int) -> Outbox | None:
    queued = connection.execute(select(cursors.c.value).where(cursors.c.name == WEBHOOK)).scalar()
    if queued is None:
        return None
    numbered = connection.execute(select(cursors.c.value).where(cursors.c.name == NUMBERED)).scalar_one()
    oldest = connection.execute(
        select(deliveries.c.since).where(deliveries.c.dead.is_(False)).order_by(deliveries.c.seq).limit(1)
    ).scalar()
    return Outbox(
        waiting=_count(connection, dead=False) + numbered - queued,
        dead=_count(connection, dead=True),
        oldest_seconds=0.0 if oldest is None else max(0, now - oldest) / 1000,
    )


def _count(connection: Connection, *, dead: bool) -> int:
    rows = select(deliveries.c.seq).where(deliveries.c.dead.is_(dead)).limit(MOST).subquery()
    count: int = connection.execute(select(func.count()).select_from(rows)).scalar_one()
    return count
