"""The hand-over of jobs to the engine: a job's own row says whether the engine has it, and how often it was given.

An API server hands a job over behind the transaction that makes it. Where it dies in between, or the engine loses the
work, a worker finds the job here and hands it over again; doing so twice is doing it once, because the work has a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import false, select, text
from sqlalchemy import update as update_of

from edgewright.database.clock import milliseconds
from edgewright.database.prepared import direct, given
from edgewright.errors import ResourceNotFound
from edgewright.jobs import statements
from edgewright.jobs.job import JobKey, Kind
from edgewright.jobs.rows import KEY_COLUMNS
from edgewright.jobs.states import UNFINISHED, Status
from edgewright.jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ClauseElement, ColumnElement, Engine, Select, Table

    from edgewright.database.prepared import Row, Values

NOUNS = {Kind.PACKAGING: "edge packaging job", Kind.COMPILATION: "compilation job"}

_IS_UNFINISHED = f"status IN ({', '.join(repr(str(status)) for status in sorted(UNFINISHED))})"
"""The very words of the partial indexes: SQLite uses such an index only for a query that says the same."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the engine is told of a job: which one, which of its incarnations, and for which time.

    A compilation job can be deleted and its name used again, and a job whose workflow was lost is handed over again:
    both are other work than the first.
    """

    key: JobKey
    created_ms: int
    handover: int

    @property
    def workflow_id(self) -> str:
        """Names the work itself: handing the same ticket over twice is one piece of work."""
        return f"{self.key.arn}@{self.created_ms}.{self.handover}"


class JobQueue:
    """Which jobs the engine has, and which wait. Safe to use from many threads, and cheap enough to be asked often.

    Every method may raise DatabaseUnavailable.
    """

    def __init__(self, engine: Engine) -> None:
        self._direct = direct(engine)
        self._waiting = _waiting()

    def ticket(self, key: JobKey) -> Ticket:
        """What the engine is to be told of a job.

        Raises:
            ResourceNotFound: no such job.
        """
        rows = self._direct.alone(_ticket(key.kind), statements.of(key))
        if not rows:
            raise missing(key)
        return Ticket(key, *rows[0])

    def unhanded(self, limit: int) -> Sequence[JobKey]:
        """Jobs that were inserted and not yet handed to the engine, oldest first within each kind."""
        return [JobKey(kind, *row) for kind, row in self._found(_unhanded, {"limit": limit})][:limit]

    def mark(self, ticket: Ticket) -> None:
        """Note that the engine has the job, unless it is to be handed over again by now."""
        values = {"is_created": ticket.created_ms, "is_handover": ticket.handover}
        self._direct.alone(_marking(ticket.key.kind), statements.of(ticket.key) | values)

    def waiting(self) -> bool:
        """Whether any job waits for a worker."""
        return self._direct.row(self._waiting, ()) is not None

    def unfinished(self, limit: int, older_than: datetime) -> Sequence[Ticket]:
        """Jobs that the engine was given and that have not ended, oldest first; only those created before a time."""
        values = {"limit": limit, "before": milliseconds(older_than)}
        found = self._found(_unfinished, values)
        return [Ticket(JobKey(kind, *row[:3]), row[3], row[4]) for kind, row in found][:limit]

    def again(self, ticket: Ticket) -> bool:
        """Have an unfinished job handed over once more, as new work; False where somebody else did or it has ended."""
        values = {"is_created": ticket.created_ms, "is_handover": ticket.handover, "new_handover": ticket.handover + 1}
        return bool(self._direct.alone(_again(ticket.key.kind), statements.of(ticket.key) | values))

    def stopped_before_start(self, limit: int) -> Sequence[JobKey]:
        """Jobs that were stopped before any worker began them: nothing was done, so nothing needs to be undone."""
        return [JobKey(kind, *row) for kind, row in self._found(_stopped, {"limit": limit})][:limit]

    def _found(self, query: Callable[[Kind], ClauseElement], values: Values) -> Iterator[tuple[Kind, Row]]:
        for kind in JOBS:
            for row in self._direct.alone(query(kind), values):
                yield kind, row


def missing(key: JobKey) -> ResourceNotFound:
    """There is no job of that name."""
    return ResourceNotFound(f"Could not find requested {NOUNS[key.kind]} with name: {key.name}")


@cache
def _ticket(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    return select(table.c.created_at, table.c.handover).where(statements.meant(table))


@cache
def _marking(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    return update_of(table).values(handed=True).where(*_same(table))


@cache
def _unhanded(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    return _keys(table).where(table.c.handed == false()).order_by(table.c.created_at).limit(given("limit"))


@cache
def _unfinished(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    query = _keys(table, "created_at", "handover").where(text(_IS_UNFINISHED), text("handed"))
    return query.where(table.c.created_at < given("before")).order_by(table.c.created_at).limit(given("limit"))


@cache
def _again(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    change = update_of(table).values(handed=False, handover=given("new_handover"))
    return change.where(*_same(table), table.c.status.in_(sorted(UNFINISHED))).returning(table.c.handover)


@cache
def _stopped(kind: Kind) -> ClauseElement:
    table = JOBS[kind]
    query = _keys(table).where(text(_IS_UNFINISHED), table.c.status == Status.STOPPING, table.c.attempt == 0)
    return query.limit(given("limit"))


def _same(table: Table) -> tuple[ColumnElement[bool], ...]:
    """Whether a row is the very one of a ticket."""
    same = table.c.created_at == given("is_created"), table.c.handover == given("is_handover")
    return (statements.meant(table), *same)


def _keys(table: Table, *more: str) -> Select[Any]:
    return select(*(table.c[name] for name in (*KEY_COLUMNS, *more)))


def _waiting() -> str:
    """One row if any job is STARTING, by the indexes of unfinished jobs."""
    finds = (
        f"EXISTS (SELECT 1 FROM {table.name} WHERE {_IS_UNFINISHED} AND status = '{Status.STARTING}')"  # noqa: S608 - our own names only
        for table in JOBS.values()
    )
    return f"SELECT 1 WHERE {' OR '.join(finds)}"
