"""The tables of jobs, of what belongs to them, and of the workers that run them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    false,
)

from edgewright.database.schema import Name, job_columns, key_columns, metadata
from edgewright.jobs.states import UNFINISHED

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from edgewright.jobs.job import JobKey


_LATEST = "CASE WHEN modified_at * 1000 > coalesce({0}) THEN modified_at * 1000 ELSE coalesce({0}) END".format(
    "modified_ms, created_at"
)
"""A version before wrote whole seconds, and still may; a job is not modified before it is created."""


def _life() -> list[Column[Any]]:
    """What every kind of job has. `attempt` counts beginnings, `enqueued` whether the engine has the job.

    `modified_at` is read, and follows from the two columns that are written: see decision 0068.
    """
    return [
        Column("status", Name, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("modified_at", BigInteger, key="modified_seconds", nullable=False),
        Column("modified_ms", BigInteger),
        Column("last_modified_at", BigInteger, Computed(_LATEST), key="modified_at"),
        Column("attempt", Integer, nullable=False),
        Column("handed", Boolean, key="enqueued", nullable=False),
        Column("handover", Integer, key="times_requeued", nullable=False, server_default="0"),
        Column("bytes_done", BigInteger, nullable=False),
        Column("bytes_total", BigInteger),
        Column("written_uri", Text),
        Column("written_at", BigInteger),
        Column("overwrote", Text),
        Column("role_arn", Text, nullable=False),
    ]


packaging_jobs = Table(
    "packaging_jobs",
    metadata,
    *key_columns(),
    *_life(),
    Column("compilation_job_name", Text, nullable=False),
    Column("model_name", Name, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("resource_key", Text),
    Column("status_message", Text, nullable=False),
    Column("source_uri", Text, nullable=False),
    Column("source_sha256", Text),
    Column("source_size", BigInteger),
    Column("package_sha256", Text),
    Column("target", Text),
    Column("model_artifact", Text),
    Column("output_config", Text, nullable=False),
    Column("preset_output", Text),
    Column("model_signature", Text),  # last, because it is long: listings do not read as far
    PrimaryKeyConstraint("account", "region", "name"),
)

compilation_jobs = Table(
    "compilation_jobs",
    metadata,
    *key_columns(),
    *_life(),
    Column("failure_reason", Text, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("model_artifact", Text),
    Column("artifact_digest", Text),
    Column("artifact_size", BigInteger),
    Column("artifact_version", Text),
    Column("model_package_version_arn", Text),
    Column("derived_data_input_config", Text),
    Column("input_config", Text, nullable=False),
    Column("output_config", Text, nullable=False),
    Column("stopping_condition", Text, nullable=False),
    Column("vpc_config", Text),
    PrimaryKeyConstraint("account", "region", "name"),
)


def _index(table: Table, *columns: str) -> None:
    """An index that gives one account's and region's jobs in an order, each with its name to break ties."""
    names = ("account", "region", *columns, "name")
    Index(f"{table.name}_by_{'_'.join(columns)}", *(table.c[name] for name in names))


def _unfinished(table: Table, name: str, **where: Any) -> None:
    Index(name, table.c.created_at, **where)


for _table in (packaging_jobs, compilation_jobs):
    _index(_table, "created_at")
    for _name in ("modified_at", "modified_seconds"):  # the second for the version before
        _times = (_table.c[name] for name in ("account", "region", _name, "name"))
        Index(f"{_table.name}_by_{_table.c[_name].name}", *_times)
    _index(_table, "status", "created_at")
    _index(_table, "status")
    _to_enqueue = _table.c.enqueued == false()
    _unfinished(_table, f"{_table.name}_unhanded", sqlite_where=_to_enqueue, postgresql_where=_to_enqueue)
    _owed = _table.c.status.in_(sorted(UNFINISHED))
    _unfinished(_table, f"{_table.name}_unfinished", sqlite_where=_owed, postgresql_where=_owed)
    _noted = _table.c.written_uri.is_not(None)
    Index(f"{_table.name}_by_written_uri", _table.c.written_uri, sqlite_where=_noted, postgresql_where=_noted)
    _left = _noted & _table.c.status.in_(["FAILED", "STOPPED"])
    Index(f"{_table.name}_unsettled", _table.c.modified_seconds, sqlite_where=_left, postgresql_where=_left)
_index(packaging_jobs, "model_name")

tags = Table(
    "tags",
    metadata,
    *job_columns(),
    Column("key", Name, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("kind", "account", "region", "name", "key"),
)

reports = Table(
    "reports",
    metadata,
    *job_columns(),
    Column("report", Text, nullable=False),
    PrimaryKeyConstraint("kind", "account", "region", "name"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Name, primary_key=True),
    Column("host", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),  # milliseconds by the database's clock, as beat_at
    Column("beat_at", BigInteger, nullable=False),
    Column("concurrency", Integer),
    Column("running", Text, nullable=False, server_default="[]"),  # the ARNs of its jobs, as of the last beat
)


def is_job(table: Table, key: JobKey) -> ColumnElement[bool]:
    """Whether a row of the table of a kind is this job's."""
    return and_(*(table.c[name] == getattr(key, name) for name in ("account", "region", "name")))


def of_job(table: Table, key: JobKey) -> ColumnElement[bool]:
    """Whether a row of a table about jobs of every kind is about this one."""
    return and_(table.c.kind == key.kind, is_job(table, key))
