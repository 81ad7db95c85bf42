"""The job store: guarded updates and reads of single jobs.

A job's status is moved by one statement, `UPDATE ... WHERE status IN (the sources of the wanted status)`; the row
count decides every race, between a Stop and a finish as well as between two workers.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import ColumnElement, Connection, Engine, Table, case, delete, func, insert, or_, select
from sqlalchemy import update as update_of
from sqlalchemy.exc import IntegrityError

from edgewright.database.clock import milliseconds, utc_now
from edgewright.database.connections import for_reads, reaching_database
from edgewright.database.rows import ShortReads
from edgewright.errors import ResourceInUse, ResourceLimitExceeded, ResourceNotFound, TransitionRefused, ValidationFault
from edgewright.jobs import reports, writers
from edgewright.jobs import tags as job_tags
from edgewright.jobs.job import Job, JobKey, Kind
from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.listing import FEW, JobPage, ListQuery, probe, statement
from edgewright.jobs.queue import missing
from edgewright.jobs.rows import COLUMNS, encode, modified, to_row
from edgewright.jobs.states import ENDED, SOURCES, UNFINISHED, Status
from edgewright.jobs.tables import is_job
from edgewright.jobs.views import LISTED, WHOLE, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from edgewright.jobs.writers import Writer


class Observer(Protocol):
    """Writes down what a change of a job means to others, in the transaction of the change."""

    def changed(self, connection: Connection, job: Job, at: datetime) -> None:
        """A job was made or moved."""

    def deleted(self, connection: Connection, key: JobKey, status: Status) -> None:
        """A job that had ended in this status was deleted."""


class JobStore:
    """Jobs of both kinds on one database. Safe to use from many threads.

    Every method may raise DatabaseUnavailable.
    """

    def __init__(self, engine: Engine, observer: Observer, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._observer = observer
        self._clock = clock
        self._reads = for_reads(engine)
        self._short = ShortReads(engine)

    def close(self) -> None:
        """Give the connection back that is kept for reads; a later read takes another."""
        self._short.close()

    def insert(self, job: Job, tags: Mapping[str, str], *, most_unfinished: int | None = None) -> None:
        """Make a job, with its tags.

        Args:
            job: the new job.
            tags: its tags.
            most_unfinished: how many jobs of this kind its account may have unfinished in its region, this one
                included. On PostgreSQL, servers that insert at the same moment may each let one pass.

        Raises:
            ResourceInUse: the name is taken; the message gives the ARN.
            ResourceLimitExceeded: the account has as many unfinished jobs as it may have.
        """
        row = to_row(job) | {"enqueued": job.status is not Status.STARTING}
        with reaching_database(), self._engine.begin() as connection:
            try:
                connection.execute(insert(JOBS[job.key.kind]).values(row))
            except IntegrityError as error:
                raise ResourceInUse(_taken(job.key)) from error
            if most_unfinished is not None:
                _check_unfinished(connection, job.key, most_unfinished)
            job_tags.put(connection, job.key, tags)
            self._observer.changed(connection, job, self._clock())

    def get(self, key: JobKey) -> Job:
        """The job as it stands.

        Raises:
            ResourceNotFound: no such job.
        """
        view = WHOLE[key.kind]
        return view.job(key, self._row_of(key, view))

    def members(self, key: JobKey, view: View) -> list[Any]:
        """Some members of a job as it stands, in the order of the view's names; cheaper than the whole job.

        Raises:
            ResourceNotFound: no such job.
        """
        return view.decoded(self._row_of(key, view))

    def move(
        self,
        key: JobKey,
        to: Status,
        *,
        attempt: int | None = None,
        report: Mapping[str, Any] | None = None,
        **members: Any,
    ) -> Job:
        """Move a job to a status, and change other members with it; moves modified_at.

        Args:
            key: the job.
            to: the wanted status.
            attempt: refuse the update unless this attempt is the job's latest.
            report: what the job's report says from then on.
            members: those that change beside the status, by their names in the job.

        Raises:
            TransitionRefused: the job is in no status that leads there, or a later attempt has begun it.
            ResourceNotFound: no such job.
        """
        return self._move(key, members | {"status": to}, attempt, report)

    def begin(self, key: JobKey, **members: Any) -> Job:
        """Move a job to INPROGRESS as a new attempt: the updates of earlier attempts are refused from here on.

        Raises:
            TransitionRefused: the job is neither STARTING nor INPROGRESS.
            ResourceNotFound: no such job.
        """
        attempt = JOBS[key.kind].c.attempt + 1
        return self._move(key, members | {"status": Status.INPROGRESS, "bytes_done": 0, "attempt": attempt})

    def record_progress(self, key: JobKey, done: int, total: int | None, *, attempt: int | None = None) -> Status:
        """Record bytes read while a job runs, and answer its present status; leaves modified_at alone.

        Raises:
            TransitionRefused: a later attempt has begun the job.
            ResourceNotFound: no such job.
        """
        table = JOBS[key.kind]
        runs = (table.c.status.in_([Status.INPROGRESS, Status.STOPPING]), *_is_attempt(table, attempt))
        progress = update_of(table).values(bytes_done=done, bytes_total=total)
        with reaching_database(), self._engine.begin() as connection:
            status = connection.execute(progress.where(is_job(table, key), *runs).returning(table.c.status)).scalar()
        if status is not None:
            return Status(status)
        job = self.get(key)
        if attempt is not None and job.attempt != attempt:
            raise TransitionRefused(
                f"Attempt {attempt} at {key.arn} reports no more: attempt {job.attempt} has begun.", job.status
            )
        return job.status

    def note_output(self, key: JobKey, uri: str, *, attempt: int, bytes_total: int | None = None) -> None:
        """Note the object that an attempt is about to make visible: an end of the job without it removes it.

        Args:
            key: the job.
            uri: the object.
            attempt: the attempt that asks.
            bytes_total: bytes of the source, where known: a small job may get here before it reports any progress.

        Raises:
            TransitionRefused: the job no longer runs, or a later attempt has begun it: nothing may be made visible.
            ResourceNotFound: no such job.
        """
        members: dict[str, Any] = {"written_uri": uri, "written_at": milliseconds(self._clock())}
        members |= {} if bytes_total is None else {"bytes_total": bytes_total}
        table = JOBS[key.kind]
        runs = (is_job(table, key), table.c.status == Status.INPROGRESS, table.c.attempt == attempt)
        with reaching_database(), self._engine.begin() as connection:
            noted = connection.execute(update_of(table).values(members).where(*runs)).rowcount
        if not noted:
            job = self.get(key)
            raise TransitionRefused(
                f"Attempt {attempt} at {key.arn} writes no object: it is {job.status} in attempt {job.attempt}.",
                job.status,
            )

    def delete(self, key: JobKey) -> None:
        """Delete an ended job, with its tags and its report.

        Raises:
            TransitionRefused: the job has not ended.
            ResourceNotFound: no such job.
        """
        table = JOBS[key.kind]
        gone = delete(table).where(is_job(table, key), table.c.status.in_(sorted(ENDED))).returning(table.c.status)
        with reaching_database(), self._engine.begin() as connection:
            status = connection.execute(gone).scalar()
            if status is not None:
                self._observer.deleted(connection, key, Status(status))
                job_tags.remove_all(connection, key)
                reports.remove(connection, key)
                return
        job = self.get(key)
        raise TransitionRefused(f"{key.arn} is {job.status}, and only an ended job can be deleted.", job.status)

    def delete_ended(self, before: datetime, limit: int) -> int:
        """Delete jobs that ended before a time, the oldest first within each kind; how many, `limit` of a kind at most.

        A job that still names an object which it must not have left is kept until that object is known to be gone.
        """
        deleted = 0
        for kind, table in JOBS.items():
            is_clean = or_(table.c.written_uri.is_(None), table.c.status == Status.COMPLETED)
            old = select(table.c.account, table.c.region, table.c.name).where(
                table.c.status.in_(sorted(ENDED)), table.c.modified_at < milliseconds(before), is_clean
            )
            with reaching_database(), self._reads.connect() as connection:
                rows = connection.execute(old.order_by(table.c.modified_at).limit(limit)).all()
            for row in rows:
                with suppress(ResourceNotFound):  # another process was faster
                    self.delete(JobKey(kind, *row))
            deleted += len(rows)
        return deleted

    def list(self, query: ListQuery) -> JobPage:
        """One page of jobs."""
        dialect, count = self._engine.dialect.name, probe(query)
        # PostgreSQL keeps statistics, and plans by them.
        by_order = dialect == "sqlite" and count is not None and self._short.rows(*count)[0][0] > FEW
        wanted, values = statement(query, dialect, by_order=by_order)
        if query.is_short:
            rows = self._short.rows(wanted, values)
        else:
            with reaching_database(), self._reads.connect() as connection:
                rows = connection.execute(wanted, values).all()
        view, more = LISTED[query.kind], len(rows) > query.limit
        rows = rows[: query.limit]
        jobs = tuple(view.job(JobKey(query.kind, query.account, query.region, row[0]), row[2:]) for row in rows)
        return JobPage(jobs, (rows[-1][1], rows[-1][0]) if more else None)

    def accounts(self) -> set[str]:
        """The accounts that have jobs."""
        with reaching_database(), self._reads.connect() as connection:
            return {
                account
                for table in JOBS.values()
                for (account,) in connection.execute(select(table.c.account).distinct())
            }

    def is_package(self, account: str, region: str, uri: str) -> bool:
        """Whether an object is the package of a COMPLETED edge packaging job of this account and region."""
        table = JOBS[Kind.PACKAGING]
        written = select(table.c.name).where(
            table.c.written_uri == uri,  # which has an index
            table.c.model_artifact == uri,
            table.c.account == account,
            table.c.region == region,
            table.c.status == Status.COMPLETED,
        )
        with reaching_database(), self._reads.connect() as connection:
            return connection.execute(written.limit(1)).first() is not None

    def writers(self, uri: str) -> tuple[Writer, ...]:
        """The jobs of all accounts that wrote an object, or are about to, the last first; 100 of a kind at most."""
        with reaching_database(), self._reads.connect() as connection:
            return writers.of(connection, uri)

    def tags(self, key: JobKey) -> dict[str, str]:
        """A job's tags; none where there is no such job."""
        with reaching_database(), self._reads.connect() as connection:
            return job_tags.held(connection, key)

    def put_tags(self, key: JobKey, tags: Mapping[str, str], *, most: int | None = None) -> None:
        """Set tags, each over an earlier value of its key.

        Args:
            key: the job.
            tags: what to set.
            most: how many tags the job may have in all.

        Raises:
            ValidationFault: they would be more than `most`; none is set then.
            ResourceNotFound: no such job.
        """
        table = JOBS[key.kind]
        with reaching_database(), self._engine.begin() as connection:
            # An update that changes nothing takes the lock under which the tags are counted, on both databases.
            if not connection.execute(update_of(table).values(name=key.name).where(is_job(table, key))).rowcount:
                raise missing(key)
            count = len(job_tags.held(connection, key).keys() | tags.keys())
            if most is not None and count > most:
                raise ValidationFault(f"{key.arn} would have {count} tags, and {most} are allowed. Delete some first.")
            job_tags.put(connection, key, tags)

    def remove_tags(self, key: JobKey, keys: Iterable[str]) -> None:
        """Remove tags; a key that is not there is passed over."""
        with reaching_database(), self._engine.begin() as connection:
            job_tags.remove(connection, key, keys)

    def _row_of(self, key: JobKey, view: View) -> Sequence[Any]:
        row = self._short.row(view.queries[self._short.style], (key.account, key.region, key.name))
        if row is None:
            raise missing(key)
        return row

    def _move(
        self,
        key: JobKey,
        members: Mapping[str, Any],
        attempt: int | None = None,
        report: Mapping[str, Any] | None = None,
    ) -> Job:
        """Move a job to the status among the members, from where that status may come from."""
        table, to, now = JOBS[key.kind], members["status"], self._clock()
        where = (is_job(table, key), table.c.status.in_(sorted(SOURCES[to])), *_is_attempt(table, attempt))
        values = encode(members) | modified(_later(table, milliseconds(now)))
        change = update_of(table).values(values).where(*where)
        with reaching_database(), self._engine.begin() as connection:
            row = connection.execute(change.returning(*(table.c[name] for name in COLUMNS[key.kind]))).first()
            if row is not None:
                job = WHOLE[key.kind].job(key, row)
                self._observer.changed(connection, job, now)
                if report is not None:
                    reports.put(connection, key, report)
                return job
        raise self._refusal(key, to)

    def _refusal(self, key: JobKey, to: Status) -> TransitionRefused:
        job = self.get(key)
        return TransitionRefused(f"{key.arn} is {job.status} in attempt {job.attempt}, and cannot be {to}.", job.status)


def _is_attempt(table: Table, attempt: int | None) -> tuple[ColumnElement[bool], ...]:
    """Whether an attempt is the job's latest; None asks nothing."""
    return () if attempt is None else (table.c.attempt == attempt,)


def _later(table: Table, now: int) -> ColumnElement[Any]:
    """Now, in milliseconds, unless the row was modified by a clock that is ahead of ours."""
    return case((table.c.modified_at > now, table.c.modified_at), else_=now)


def _check_unfinished(connection: Connection, key: JobKey, most: int) -> None:
    """Refuse the insert that this transaction made, where it is one too many."""
    table = JOBS[key.kind]
    mine = (table.c.account == key.account, table.c.region == key.region, table.c.status.in_(sorted(UNFINISHED)))
    count = connection.execute(select(func.count()).select_from(table).where(*mine)).scalar_one()
    if count > most:
        raise ResourceLimitExceeded(
            f"The account-level service limit 'Number of unfinished {KINDS[key.kind].noun}s' is {most}, with current "
            f"utilization of {count - 1} and a request delta of 1. Wait until jobs have ended, or stop some."
        )


def _taken(key: JobKey) -> str:
    noun = KINDS[key.kind].noun
    return (
        f"{noun[0].upper()}{noun[1:]} names must be unique within an AWS account and region, and "
        f"{'an' if noun[0] in 'aeiou' else 'a'} {noun} with this name already exists ({key.arn})"
    )
