"""The job queue: a job's own row says whether the engine has it, and how often it was enqueued again.

An API server hands a job over behind the transaction that makes it. Where it dies in between, or the engine loses the
work, a worker finds the job here and hands it over again; doing so twice is doing it once, because the work has a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Engine, Table, and_, false, select, text
from sqlalchemy import update as update_of

from edgewright.database.clock import milliseconds
from edgewright.database.connections import for_reads, reaching_database
from edgewright.errors import ResourceNotFound
from edgewright.jobs.job import JobKey
from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.rows import KEY_COLUMNS
from edgewright.jobs.states import UNFINISHED, Status
from edgewright.jobs.tables import is_job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


IS_UNFINISHED = f"status IN ({', '.join(repr(str(status)) for status in sorted(UNFINISHED))})"
"""The very words of the partial indexes: SQLite uses such an index only for a query that says the same."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the engine gets of a job: which one, which of its incarnations, and for which time.

    A compilation job can be deleted and its name used again, and a job whose workflow was lost is enqueued again:
    both are other work than the first.
    """

    key: JobKey
    created_ms: int
    times_requeued: int

    @property
    def workflow_id(self) -> str:
        """Names the work itself: handing the same ticket over twice is one piece of work."""
        return f"{self.key.arn}@{self.created_ms}.{self.times_requeued}"

    @classmethod
    def parse(cls, workflow_id: str) -> Ticket:
        """The ticket that names a work."""
        arn, _, numbers = workflow_id.rpartition("@")
        created_ms, _, times_requeued = numbers.partition(".")
        return cls(JobKey.parse_arn(arn), int(created_ms), int(times_requeued))


class JobQueue:
    """Which jobs the engine has, and which wait. Safe to use from many threads, and cheap enough to be asked often.

    Every method may raise DatabaseUnavailable.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = for_reads(engine)

    def ticket(self, key: JobKey) -> Ticket:
        """What the engine gets of a job.

        Raises:
            ResourceNotFound: no such job.
        """
        table = JOBS[key.kind]
        with reaching_database(), self._reads.connect() as connection:
            row = connection.execute(
                select(table.c.created_at, table.c.times_requeued).where(is_job(table, key))
            ).first()
        if row is None:
            raise missing(key)
        return Ticket(key, *row)

    def not_enqueued(self, limit: int) -> Sequence[JobKey]:
        """Jobs that were inserted and not enqueued yet, oldest first within each kind."""
        return self._keys(limit, lambda table: table.c.enqueued == false())

    def mark_enqueued(self, ticket: Ticket) -> None:
        """Note that the engine has the job, unless it is to be enqueued again by now."""
        table = JOBS[ticket.key.kind]
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(update_of(table).values(enqueued=True).where(*_same(table, ticket)))

    def waiting(self) -> bool:
        """Whether any job waits for a worker."""
        with reaching_database(), self._reads.connect() as connection:
            return connection.execute(_WAITING).first() is not None

    def unfinished(self, limit: int, older_than: datetime) -> Sequence[Ticket]:
        """Jobs that the engine was given and that have not ended, oldest first; only those created before a time."""
        before = milliseconds(older_than)
        found: list[Ticket] = []
        for kind, table in JOBS.items():
            query = select(*_named(table), table.c.created_at, table.c.times_requeued)
            query = query.where(text(IS_UNFINISHED), text("handed"), table.c.created_at < before)
            with reaching_database(), self._reads.connect() as connection:
                rows = connection.execute(query.order_by(table.c.created_at).limit(limit)).all()
            found += [Ticket(JobKey(kind, *row[:3]), row[3], row[4]) for row in rows]
        return sorted(found, key=lambda ticket: ticket.created_ms)[:limit]

    def requeue(self, ticket: Ticket) -> bool:
        """Have an unfinished job enqueued once more, as new work; False where another process did, or it has ended."""
        table = JOBS[ticket.key.kind]
        change = update_of(table).values(enqueued=False, times_requeued=ticket.times_requeued + 1)
        with reaching_database(), self._engine.begin() as connection:
            moved = connection.execute(change.where(*_same(table, ticket), table.c.status.in_(sorted(UNFINISHED))))
            return bool(moved.rowcount)

    def stopped_before_start(self, limit: int) -> Sequence[JobKey]:
        """Jobs that were stopped before any worker began them: nothing was done, so nothing needs to be undone."""
        return self._keys(
            limit,
            lambda table: and_(text(IS_UNFINISHED), table.c.status == Status.STOPPING, table.c.attempt == 0),
        )

    def _keys(self, limit: int, where: Callable[[Table], ColumnElement[bool]]) -> Sequence[JobKey]:
        """Jobs of all kinds for which this holds, oldest first within each kind."""
        found: list[JobKey] = []
        for kind, table in JOBS.items():
            query = select(*_named(table)).where(where(table)).order_by(table.c.created_at).limit(limit)
            with reaching_database(), self._reads.connect() as connection:
                found += [JobKey(kind, *row) for row in connection.execute(query)]
        return found[:limit]


def missing(key: JobKey) -> ResourceNotFound:
    """There is no job of that name."""
    return ResourceNotFound(f"Could not find requested {KINDS[key.kind].noun} with name: {key.name}")


def _same(table: Table, ticket: Ticket) -> tuple[ColumnElement[bool], ...]:
    """Whether a row is the very one of a ticket."""
    same = table.c.created_at == ticket.created_ms, table.c.times_requeued == ticket.times_requeued
    return (is_job(table, ticket.key), *same)


def _named(table: Table) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in KEY_COLUMNS]


_FINDS = (
    f"EXISTS (SELECT 1 FROM {table.name} WHERE {IS_UNFINISHED} AND status = '{Status.STARTING}')"  # noqa: S608 - our own names only
    for table in JOBS.values()
)
_WAITING = text(f"SELECT 1 WHERE {' OR '.join(_FINDS)}")
"""One row if any job is STARTING, by the indexes of unfinished jobs."""
