"""Deliveries: which events a receiver has still to be sent, kept in the database so that nothing is lost on a restart.

An event is queued behind a cursor, which moves in the transaction that queues: each event is queued once. A row stays
until the event was taken, or until it is given up; then it is a dead letter, which an operator may send again. Times
are judged by the database's clock, which is the same for every process.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from edgewright.database.clock import database_now
from edgewright.database.connections import for_reads, reaching_database
from edgewright.database.dialects import insert_into
from edgewright.events.outbox import NUMBERED
from edgewright.events.tables import cursors, deliveries, job_events, leases
from edgewright.jobs.job import JobKey, Kind
from edgewright.telemetry.snapshot import WEBHOOK

QUEUED_AT_ONCE = 500
_JOB = ("kind", "account", "region", "name")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way.

    Attributes:
        seq: the event's number.
        key: its job.
        tries: how often it was offered in vain.
        waited_seconds: since it was queued, or revived.
        error: why the last try was in vain.
    """

    seq: int
    key: JobKey
    tries: int
    waited_seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A try that was in vain.

    Attributes:
        seq: the event's number.
        error: why.
        retry_seconds: when it is offered again; None to give it up.
    """

    seq: int
    error: str
    retry_seconds: float | None


class Deliveries:
    """The events that the webhook has still to be sent. Safe to use from many threads.

    Every method may raise DatabaseUnavailable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = for_reads(engine)
        self._now: ColumnElement[int] = database_now(engine)

    def begin(self) -> None:
        """Deliver every event from here on. Where that was said before, it holds from then on."""
        start = select(literal(WEBHOOK), cursors.c.value).where(cursors.c.name == NUMBERED)
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(
                insert_into(cursors, connection).from_select(["name", "value"], start).on_conflict_do_nothing()
            )

    def lease(self, holder: str, seconds: float) -> bool:
        """Whether this one may deliver, for so many seconds from now: one holds the lease at a time."""
        until = self._now + int(seconds * 1000)
        free = and_(leases.c.name == WEBHOOK, or_(leases.c.holder == holder, leases.c.until < self._now))
        first = (
            insert_into(leases, self._engine).values(name=WEBHOOK, holder=holder, until=until).on_conflict_do_nothing()
        )
        with reaching_database(), self._engine.begin() as connection:
            taken = connection.execute(update(leases).values(holder=holder, until=until).where(free)).rowcount
            return bool(taken) or connection.execute(first.returning(leases.c.name)).first() is not None

    def release(self, holder: str) -> None:
        """Let another one deliver."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(leases).where(leases.c.name == WEBHOOK, leases.c.holder == holder))

    def queue(self) -> int:
        """Queue the numbered events behind the cursor; how many there were, `QUEUED_AT_ONCE` at most."""
        with reaching_database(), self._engine.begin() as connection:
            # An update that changes nothing takes the lock, on both databases.
            mine = update(cursors).values(value=cursors.c.value).where(cursors.c.name == WEBHOOK)
            last = connection.execute(mine.returning(cursors.c.value)).scalar()
            if last is None:
                return 0
            names = ("seq", *_JOB)
            fresh = select(*(job_events.c[name] for name in names)).where(job_events.c.seq > last)
            rows = connection.execute(fresh.order_by(job_events.c.seq).limit(QUEUED_AT_ONCE)).all()
            if rows:
                now = connection.execute(select(self._now)).scalar_one()
                state = {"tries": 0, "since": now, "next_at": now, "dead": False, "error": ""}
                connection.execute(insert(deliveries), [dict(zip(names, row, strict=True)) | state for row in rows])
                connection.execute(update(cursors).values(value=rows[-1][0]).where(cursors.c.name == WEBHOOK))
            return len(rows)

    def due(self, limit: int) -> Sequence[Delivery]:
        """Events to offer now, at most one of a job, its first that waits; those that were due first come first.

        By when they are due, and not by number: however many jobs' events are refused again and again, every other's
        has its turn.
        """
        earlier = deliveries.alias()
        same = (earlier.c[name] == deliveries.c[name] for name in _JOB)
        is_first = ~exists().where(*same, earlier.c.seq < deliveries.c.seq, earlier.c.dead.is_(False))
        query = self._select(dead=False).where(deliveries.c.next_at <= select(self._now).scalar_subquery(), is_first)
        with reaching_database(), self._reads.connect() as connection:
            found = connection.execute(query.order_by(deliveries.c.next_at, deliveries.c.seq).limit(limit))
            return [_delivery(row) for row in found]

    def record_outcomes(self, taken: Iterable[int], failed: Iterable[Failure]) -> None:
        """Remove what was taken, and note what was not."""
        with reaching_database(), self._engine.begin() as connection:
            numbers = list(taken)
            if numbers:
                connection.execute(delete(deliveries).where(deliveries.c.seq.in_(numbers)))
            for failure in failed:
                job = [deliveries.c[name] for name in _JOB]
                noted = {"tries": deliveries.c.tries + 1, "error": failure.error, "dead": failure.retry_seconds is None}
                note = update(deliveries).values(noted).where(deliveries.c.seq == failure.seq).returning(*job)
                for key in connection.execute(note).all():
                    if failure.retry_seconds is not None:
                        # The job's others wait with it: so none of them is in the way where `due` looks.
                        waits = (column == value for column, value in zip(job, key, strict=True))
                        then = update(deliveries).values(next_at=self._now + int(failure.retry_seconds * 1000))
                        connection.execute(then.where(*waits, deliveries.c.dead.is_(False)))

    def dead(self, limit: int) -> Sequence[Delivery]:
        """The dead letters, the oldest first."""
        with reaching_database(), self._reads.connect() as connection:
            found = connection.execute(self._select(dead=True).order_by(deliveries.c.seq).limit(limit))
            return [_delivery(row) for row in found]

    def revive(self, seq: int | None = None) -> int:
        """Have a dead letter offered again, or all of them; how many."""
        which = [deliveries.c.dead.is_(True), *([] if seq is None else [deliveries.c.seq == seq])]
        fresh = {"dead": False, "tries": 0, "since": self._now, "next_at": self._now}
        with reaching_database(), self._engine.begin() as connection:
            return connection.execute(update(deliveries).values(fresh).where(*which)).rowcount

    def kept(self) -> int | None:
        """The last event that no delivery needs any more; None where no webhook ever was."""
        first = select(func.min(deliveries.c.seq)).where(deliveries.c.dead.is_(False))
        with reaching_database(), self._reads.connect() as connection:
            cursor = connection.execute(select(cursors.c.value).where(cursors.c.name == WEBHOOK)).scalar()
            waits = connection.execute(first).scalar()
        return cursor if cursor is None or waits is None else min(int(cursor), waits - 1)

    def remove_expired(self) -> int:
        """Remove dead letters whose event is kept no more; how many."""
        oldest = select(func.coalesce(func.min(job_events.c.seq), 0)).where(job_events.c.seq.is_not(None))
        gone = delete(deliveries).where(deliveries.c.dead.is_(True), deliveries.c.seq < oldest.scalar_subquery())
        with reaching_database(), self._engine.begin() as connection:
            return connection.execute(gone).rowcount

    def _select(self, *, dead: bool) -> Select[Any]:
        """The deliveries, dead or not."""
        return select(deliveries, self._now.label("now")).where(deliveries.c.dead.is_(dead))


def _delivery(row: Row[Any]) -> Delivery:
    key = JobKey(Kind(row.kind), row.account, row.region, row.name)
    return Delivery(row.seq, key, row.tries, (row.now - row.since) / 1000, row.error)
