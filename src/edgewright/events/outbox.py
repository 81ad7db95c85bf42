"""Events: every change of a job's state, written in the transaction that changes it, and numbered afterwards.

Transactions do not become visible in the order in which they began, so a number that is drawn inside one would let a
reader pass over a change that shows up late. An event is therefore written without a number; `number` gives the next
ones to all that are visible, under a lock. A reader that has read up to a number has missed nothing before it. A job's
own events are numbered in their order, because each change waits for the one before it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, select, update

from edgewright.database.clock import from_milliseconds, milliseconds, read_now
from edgewright.database.connections import for_reads, reaching_database
from edgewright.events.tables import cursors, job_events
from edgewright.jobs.job import ANOTHER_ACCOUNT, Job, JobKey, Kind
from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.states import Status
from edgewright.jobs.tables import is_job, of_job
from edgewright.telemetry import counters

SOURCE = "aws.sagemaker"
OVERWROTE = "Overwrote"
"""The member of `detail` that Describe does not have: the job whose object this job has written over."""
NUMBERED = "numbered"
"""The cursor that holds the last number given."""
NUMBERED_AT_ONCE = 500

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job's state.

    Attributes:
        seq: its number among all events; None as long as it has none. Numbers grow, without gaps.
        key: the job.
        created_at: when the job was created: a name can be used again.
        status: what the job changed to.
        attempt: which beginning the change belongs to; 0 before the first.
        at: UTC with milliseconds, by the clock of the host that made the change.
        event_id: the same however often the event is delivered.
        detail: the members of Describe as they were then, times in milliseconds since the epoch.
    """

    seq: int | None
    key: JobKey
    created_at: datetime
    status: Status
    attempt: int
    at: datetime
    event_id: str
    detail: Mapping[str, Any]

    @property
    def message(self) -> str:
        """What the job said of itself then."""
        return str(self.detail.get(KINDS[self.key.kind].message_member, ""))

    def document(self) -> Json:
        """The event in EventBridge's shape."""
        return {
            "version": "0",
            "id": self.event_id,
            "detail-type": KINDS[self.key.kind].detail_type,
            "source": SOURCE,
            "account": self.key.account,
            "time": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.key.region,
            "resources": [self.key.arn, *self._overwritten()],
            "detail": dict(self.detail),
        }

    def _overwritten(self) -> Sequence[str]:
        other = self.detail.get(OVERWROTE, ANOTHER_ACCOUNT)
        return () if other == ANOTHER_ACCOUNT else (other,)


_NAMES = ("seq", "kind", "account", "region", "name", "created_at", "status", "attempt", "at", "event_id", "detail")
_COLUMNS = [job_events.c[name] for name in _NAMES]
_UNNUMBERED = job_events.c.seq.is_(None)


class JobEvents:
    """The events on the jobs' database. Safe to use from many threads.

    Every method may raise DatabaseUnavailable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = for_reads(engine)

    def changed(self, connection: Connection, job: Job, at: datetime) -> None:
        """Write the event of a job that has just been made or moved, in the transaction that did so."""
        event = insert(job_events).values(
            **asdict(job.key),
            created_at=milliseconds(job.created_at),
            status=job.status,
            attempt=job.attempt,
            at=milliseconds(at),
            bytes_done=job.bytes_done,
            event_id=str(uuid.uuid4()),
            detail=orjson.dumps(detail(job)).decode(),
        )
        connection.execute(event)

    def deleted(self, connection: Connection, key: JobKey, status: Status) -> None:
        """Count a deleted job no more, in the transaction that deletes it."""
        counters.add(connection, {(counters.HELD, key.kind, status, ""): -1})

    def number(self) -> int:
        """Number the events that have no number yet, and count them into the counters; the last number given.

        Any process may call this, as often as it likes: where there is nothing to do it costs one look at an index.
        """
        while self._waits():
            if self._number_some() < NUMBERED_AT_ONCE:
                break
        return self.last()

    def now(self) -> datetime:
        """The time by the database's clock, in UTC."""
        with reaching_database(), self._reads.connect() as connection:
            return read_now(connection)

    def last(self) -> int:
        """The last number given; 0 before the first."""
        with reaching_database(), self._reads.connect() as connection:
            return int(connection.execute(select(cursors.c.value).where(cursors.c.name == NUMBERED)).scalar_one())

    def oldest(self) -> int:
        """The lowest number of an event that is still kept, or would be next."""
        first = select(func.min(job_events.c.seq))
        with reaching_database(), self._reads.connect() as connection:
            found = connection.execute(first).scalar()
        return self.last() + 1 if found is None else int(found)

    def after(
        self, seq: int, limit: int, place: tuple[str, str] | None = None, *, upto: int | None = None
    ) -> Sequence[JobEvent]:
        """Numbered events behind a number, in order.

        Args:
            seq: the last number that is known already.
            limit: how many to give at most.
            place: only those of this account and region.
            upto: the last number that is looked at.
        """
        query = select(*_COLUMNS).where(job_events.c.seq > seq).order_by(job_events.c.seq).limit(limit)
        if place is not None:
            query = query.where(job_events.c.account == place[0], job_events.c.region == place[1])
        if upto is not None:
            query = query.where(job_events.c.seq <= upto)
        with reaching_database(), self._reads.connect() as connection:
            return [_event(row) for row in connection.execute(query)]

    def of(self, numbers: Iterable[int]) -> Mapping[int, JobEvent]:
        """The events of these numbers that are still kept."""
        query = select(*_COLUMNS).where(job_events.c.seq.in_(list(numbers)))
        with reaching_database(), self._reads.connect() as connection:
            return {row[0]: _event(row) for row in connection.execute(query)}

    def history(self, key: JobKey) -> Sequence[JobEvent]:
        """What became of the job that has the name now, in order; as far back as events are kept.

        Numbered or not. Empty where there is no such job.
        """
        table = JOBS[key.kind]
        now = select(table.c.created_at).where(is_job(table, key))
        query = select(*_COLUMNS).where(of_job(job_events, key), job_events.c.created_at == now.scalar_subquery())
        with reaching_database(), self._reads.connect() as connection:
            return [_event(row) for row in connection.execute(query.order_by(job_events.c.id))]

    def delete(self, before: datetime, limit: int, *, upto: int | None = None) -> int:
        """Delete the oldest events; how many.

        Args:
            before: only events from before this time.
            limit: how many at most.
            upto: only events up to this number.
        """
        oldest = select(job_events.c.seq, job_events.c.at).where(job_events.c.seq.is_not(None))
        if upto is not None:
            oldest = oldest.where(job_events.c.seq <= upto)
        with reaching_database(), self._reads.connect() as connection:
            rows = connection.execute(oldest.order_by(job_events.c.seq).limit(limit)).all()
        old = [row[0] for row in rows if row[1] < milliseconds(before)]
        if not old:
            return 0
        with reaching_database(), self._engine.begin() as connection:
            return connection.execute(delete(job_events).where(job_events.c.seq.in_(old))).rowcount

    def _waits(self) -> bool:
        with reaching_database(), self._reads.connect() as connection:
            return connection.execute(select(job_events.c.id).where(_UNNUMBERED).limit(1)).first() is not None

    def _number_some(self) -> int:
        with reaching_database(), self._engine.begin() as connection:
            # An update that changes nothing takes the lock, on both databases; what is visible is looked at after it.
            mine = update(cursors).values(value=cursors.c.value).where(cursors.c.name == NUMBERED)
            last = connection.execute(mine.returning(cursors.c.value)).scalar_one()
            found = connection.execute(
                select(job_events.c.id, *(job_events.c[name] for name in _CHANGE))
                .where(_UNNUMBERED)
                .order_by(job_events.c.id)
                .limit(NUMBERED_AT_ONCE)
            ).all()
            if not found:
                return 0
            numbers = [{"event": row[0], "number": last + place} for place, row in enumerate(found, 1)]
            give = update(job_events).values(seq=bindparam("number")).where(job_events.c.id == bindparam("event"))
            connection.execute(give, numbers)
            connection.execute(update(cursors).values(value=last + len(found)).where(cursors.c.name == NUMBERED))
            counters.add(connection, counters.fold(counters.Change(*row[1:]) for row in found))
            return len(found)


_CHANGE = ("kind", "status", "attempt", "created_at", "at", "bytes_done")


def detail(job: Job) -> Json:
    """The members that Describe shows, but for ModelSignature, which may be longer than an event may be. Pure.

    `Overwrote` is added where the job has written over another's object.
    """
    members = dict(KINDS[job.key.kind].describe(job)) | ({OVERWROTE: job.overwrote} if job.overwrote else {})
    return {name: _plain(value) for name, value in members.items() if name != "ModelSignature"}


def _plain(value: Any) -> Any:
    return milliseconds(value) if isinstance(value, datetime) else value


def _event(row: Row[Any]) -> JobEvent:
    return JobEvent(
        seq=row.seq,
        key=JobKey(Kind(row.kind), row.account, row.region, row.name),
        created_at=from_milliseconds(row.created_at),
        status=Status(row.status),
        attempt=row.attempt,
        at=from_milliseconds(row.at),
        event_id=row.event_id,
        detail=orjson.loads(row.detail),
    )
