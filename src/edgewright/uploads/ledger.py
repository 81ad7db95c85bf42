"""Uploads in parts as the database remembers them, so that a job's next worker goes on with what is there.

An upload belongs to a job, not to an attempt: a worker that takes a job over takes its upload over. What an attempt
writes here is guarded as its other updates are: once a later attempt has begun, or the job has ended, it is refused.
A row goes through these stages:

- *intended*: an upload is about to be begun (`unconfirmed` counts those that were not answered yet).
- *begun*: `upload_id` is the store's name for it; parts are kept as they arrive.
- *abandoned*: no attempt goes on with it. It is aborted, once more after a while, and then removed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, insert, or_, select, update

from edgewright.database.clock import database_now, milliseconds
from edgewright.database.connections import reaching_database
from edgewright.database.dialects import insert_into
from edgewright.errors import ResourceNotFound, TransitionRefused
from edgewright.jobs.job import Job, JobKey, Kind
from edgewright.jobs.kinds import JOBS
from edgewright.jobs.states import UNFINISHED, Status
from edgewright.jobs.tables import is_job, of_job
from edgewright.uploads.tables import upload_parts, uploads


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """An upload of a job's object.

    Attributes:
        id: the row's own name.
        key: the job.
        role_arn: with whose rights the object is written.
        uri: the object.
        kms_key_id: the key that encrypts it, if one was asked for.
        upload_id: the object store's name for the upload; None while it is only intended.
        unconfirmed: how many were begun without an answer: the store may hold them, without a part.
        abandoned: whether it is only to be aborted.
    """

    id: str
    key: JobKey
    role_arn: str
    uri: str
    kms_key_id: str | None
    upload_id: str | None
    unconfirmed: int
    abandoned: bool


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part that the store has taken: its ETag there, its size in bytes, and the SHA-256 of its bytes in hex."""

    etag: str
    size: int
    sha256: str


_COLUMNS = (
    uploads.c.id,
    *(uploads.c[name] for name in ("kind", "account", "region", "name")),
    *(uploads.c[name] for name in ("role_arn", "uri", "kms_key_id", "upload_id", "unconfirmed", "abandoned")),
)


class UploadLedger:
    """Uploads on the jobs' database. Safe to use from many threads.

    Every method may raise DatabaseUnavailable; those that take an attempt's job raise TransitionRefused once the job
    has ended or a later attempt has begun it, and ResourceNotFound where it is gone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, job: Job) -> KeptUpload | None:
        """The job's upload that is not abandoned."""
        query = select(*_COLUMNS).where(_is_of(job), ~uploads.c.abandoned)
        with reaching_database(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else _kept(row)

    def parts(self, upload: KeptUpload) -> dict[int, KeptPart]:
        """The parts that were kept, by number."""
        columns = (upload_parts.c[name] for name in ("number", "etag", "size", "sha256"))
        query = select(*columns).where(upload_parts.c.upload == upload.id)
        with reaching_database(), self._engine.connect() as connection:
            return {row[0]: KeptPart(*row[1:]) for row in connection.execute(query)}

    def intend(self, job: Job, uri: str, kms_key_id: str | None) -> KeptUpload:
        """Note that an upload is about to be begun for an attempt at a job that has none begun."""
        with reaching_database(), self._engine.begin() as connection:
            _guard(connection, job)
            row = connection.execute(select(*_COLUMNS).where(_is_of(job), ~uploads.c.abandoned)).first()
            if row is not None:
                held = _kept(row)
                _set(connection, held, unconfirmed=held.unconfirmed + 1)
                return replace(held, unconfirmed=held.unconfirmed + 1)
            made = KeptUpload(secrets.token_hex(16), job.key, job.role_arn, uri, kms_key_id, None, 1, abandoned=False)
            connection.execute(insert(uploads).values(self._row(made, job)))
            return made

    def note_begun(self, upload: KeptUpload, job: Job, upload_id: str) -> KeptUpload:
        """Note the store's name for an intended upload."""
        with reaching_database(), self._engine.begin() as connection:
            _guard(connection, job)
            _set(connection, upload, upload_id=upload_id, unconfirmed=uploads.c.unconfirmed - 1)
        return replace(upload, upload_id=upload_id, unconfirmed=upload.unconfirmed - 1)

    def note_unbegun(self, upload: KeptUpload) -> None:
        """Note that an intended upload is known not to be there. No guard: it concerns the caller's own alone."""
        with reaching_database(), self._engine.begin() as connection:
            _set(connection, upload, unconfirmed=uploads.c.unconfirmed - 1)

    def keep(self, upload: KeptUpload, job: Job, number: int, part: KeptPart) -> None:
        """Keep a part that the store has taken."""
        values = asdict(part)
        kept = insert_into(upload_parts, self._engine).values(upload=upload.id, number=number, **values)
        with reaching_database(), self._engine.begin() as connection:
            _guard(connection, job)
            connection.execute(kept.on_conflict_do_update(index_elements=["upload", "number"], set_=values))

    def abandon(self, upload: KeptUpload, job: Job | None = None) -> None:
        """Let no attempt go on with the upload. With a job, only while it is its latest attempt that says so."""
        with reaching_database(), self._engine.begin() as connection:
            if job is not None:
                _guard(connection, job)
            _set(connection, upload, abandoned=True, begun_at=database_now(self._engine))

    def remove(self, upload: KeptUpload) -> None:
        """Remove an upload that is known to be completed or gone, and its parts."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(upload_parts).where(upload_parts.c.upload == upload.id))
            connection.execute(delete(uploads).where(uploads.c.id == upload.id))

    def abandoned(self, limit: int, final_cleanup_seconds: float) -> Sequence[KeptUpload]:
        """Uploads that no job goes on with: of jobs that ended or are gone, and those abandoned so long ago."""
        long_ago = uploads.c.begun_at < database_now(self._engine) - int(final_cleanup_seconds * 1000)
        abandoned = or_(and_(uploads.c.abandoned, long_ago), and_(~uploads.c.abandoned, ~_has_unfinished_job()))
        with reaching_database(), self._engine.connect() as connection:
            return [_kept(row) for row in connection.execute(select(*_COLUMNS).where(abandoned).limit(limit))]

    def known(self, uri: str) -> set[str]:
        """The store's names of all uploads of an object that are remembered."""
        query = select(uploads.c.upload_id).where(uploads.c.uri == uri, uploads.c.upload_id.is_not(None))
        with reaching_database(), self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def is_awaited(self, uri: str) -> bool:
        """Whether an unfinished job may be about to begin an upload of an object, or to note the one that it began."""
        awaited = and_(uploads.c.uri == uri, ~uploads.c.abandoned, uploads.c.unconfirmed > 0, _has_unfinished_job())
        with reaching_database(), self._engine.connect() as connection:
            return connection.execute(select(uploads.c.id).where(awaited).limit(1)).first() is not None

    def _row(self, upload: KeptUpload, job: Job) -> dict[str, Any]:
        row: dict[str, Any] = asdict(upload)
        times = {"job_created_at": milliseconds(job.created_at), "begun_at": database_now(self._engine)}
        del row["key"]
        return asdict(job.key) | row | times


def _set(connection: Connection, upload: KeptUpload, **values: Any) -> None:
    connection.execute(update(uploads).where(uploads.c.id == upload.id).values(values))


def _guard(connection: Connection, job: Job) -> None:
    """Refuse an attempt that is outdated; until the transaction ends, no later one begins."""
    table = JOBS[job.key.kind]
    key = is_job(table, job.key)
    runs = (table.c.status == Status.INPROGRESS, table.c.attempt == job.attempt)
    # An update that changes nothing takes the lock, on both databases.
    if connection.execute(update(table).values(name=job.key.name).where(key, *runs)).rowcount:
        return
    found = connection.execute(select(table.c.status, table.c.attempt).where(key)).first()
    if found is None:
        raise ResourceNotFound(f"{job.key.arn} is gone.")
    raise TransitionRefused(
        f"Attempt {job.attempt} at {job.key.arn} uploads no more: it is {found[0]} in attempt {found[1]}.",
        Status(found[0]),
    )


def _is_of(job: Job) -> ColumnElement[bool]:
    return and_(of_job(uploads, job.key), uploads.c.job_created_at == milliseconds(job.created_at))


def _has_unfinished_job() -> ColumnElement[bool]:
    return or_(
        *(
            and_(
                uploads.c.kind == str(kind),
                exists().where(
                    table.c.account == uploads.c.account,
                    table.c.region == uploads.c.region,
                    table.c.name == uploads.c.name,
                    table.c.created_at == uploads.c.job_created_at,
                    table.c.status.in_(sorted(UNFINISHED)),
                ),
            )
            for kind, table in JOBS.items()
        )
    )


def _kept(row: Sequence[Any]) -> KeptUpload:
    return KeptUpload(row[0], JobKey(Kind(row[1]), *row[2:5]), *row[5:])
