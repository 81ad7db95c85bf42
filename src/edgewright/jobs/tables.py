"""The tables. Times are integers since the epoch (created_at in milliseconds, all others in seconds), JSON is text.

A change here needs a migration in `database/migrations/versions`, and `HEAD` moved to it; a test compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    and_,
    false,
)

from edgewright.jobs.job import Kind
from edgewright.jobs.states import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement

    from edgewright.jobs.job import JobKey

HEAD = "0006"
"""The newest migration. A database that is there needs no migrating, and Alembic need not be loaded."""

Name = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared byte by byte on every database, so that sorting and paging agree."""

metadata = MetaData()


def _key() -> list[Column[Any]]:
    return [Column(name, Name, nullable=False) for name in ("account", "region", "name")]


def _life() -> list[Column[Any]]:
    """What every kind of job has. `attempt` counts beginnings, `handover` how often the job was given to the engine."""
    return [
        Column("status", Name, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("modified_at", BigInteger, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("handed", Boolean, nullable=False),
        Column("handover", Integer, nullable=False, server_default="0"),
        Column("bytes_done", BigInteger, nullable=False),
        Column("bytes_total", BigInteger),
        Column("written_uri", Text),
        Column("role_arn", Text, nullable=False),
    ]


packaging_jobs = Table(
    "packaging_jobs",
    metadata,
    *_key(),
    *_life(),
    Column("compilation_job_name", Text, nullable=False),
    Column("model_name", Name, nullable=False),
    Column("model_version", Text, nullable=False),
    Column("resource_key", Text),
    Column("status_message", Text, nullable=False),
    Column("source_uri", Text, nullable=False),
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
    *_key(),
    *_life(),
    Column("failure_reason", Text, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("model_artifact", Text),
    Column("artifact_digest", Text),
    Column("model_package_version_arn", Text),
    Column("derived_data_input_config", Text),
    Column("input_config", Text, nullable=False),
    Column("output_config", Text, nullable=False),
    Column("stopping_condition", Text, nullable=False),
    Column("vpc_config", Text),
    PrimaryKeyConstraint("account", "region", "name"),
)

JOBS: Mapping[Kind, Table] = {Kind.PACKAGING: packaging_jobs, Kind.COMPILATION: compilation_jobs}


def _index(table: Table, *columns: str) -> None:
    """An index that gives one account's and region's jobs in an order, each with its name to break ties."""
    names = ("account", "region", *columns, "name")
    Index(f"{table.name}_by_{'_'.join(columns)}", *(table.c[name] for name in names))


def _unfinished(table: Table, name: str, **where: Any) -> None:
    Index(name, table.c.created_at, **where)


for _table in JOBS.values():
    _index(_table, "created_at")
    _index(_table, "modified_at")
    _index(_table, "status", "created_at")
    _index(_table, "status")
    _to_hand = _table.c.handed == false()
    _unfinished(_table, f"{_table.name}_unhanded", sqlite_where=_to_hand, postgresql_where=_to_hand)
    _owed = _table.c.status.in_(sorted(UNFINISHED))
    _unfinished(_table, f"{_table.name}_unfinished", sqlite_where=_owed, postgresql_where=_owed)
    _noted = _table.c.written_uri.is_not(None)
    Index(f"{_table.name}_by_written_uri", _table.c.written_uri, sqlite_where=_noted, postgresql_where=_noted)
    _left = _noted & _table.c.status.in_(["FAILED", "STOPPED"])
    Index(f"{_table.name}_unsettled", _table.c.modified_at, sqlite_where=_left, postgresql_where=_left)
_index(packaging_jobs, "model_name")

tags = Table(
    "tags",
    metadata,
    Column("kind", Name, nullable=False),
    *_key(),
    Column("key", Name, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("kind", "account", "region", "name", "key"),
)

reports = Table(
    "reports",
    metadata,
    Column("kind", Name, nullable=False),
    *_key(),
    Column("report", Text, nullable=False),
    PrimaryKeyConstraint("kind", "account", "region", "name"),
)

components = Table(
    "components",
    metadata,
    *_key(),
    Column("version", Name, nullable=False),
    Column("version_order", Name, nullable=False),  # sorts as semantic versioning does
    Column("created_at", BigInteger, nullable=False),
    Column("job_arn", Text),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("platforms", Text, nullable=False),
    Column("artifacts", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("recipe", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "version"),
)
Index(
    "components_by_version_order",
    components.c.account,
    components.c.region,
    components.c.name,
    components.c.version_order,
    unique=True,
)

client_tokens = Table(
    "client_tokens",
    metadata,
    *(Column(name, Name, nullable=False) for name in ("account", "region", "token")),
    Column("request", Text, nullable=False),  # its digest
    *(Column(name, Name, nullable=False) for name in ("name", "version")),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account", "region", "token"),
)
Index("client_tokens_by_created_at", client_tokens.c.created_at)

secrets = Table(
    "secrets",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", LargeBinary, nullable=False),
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

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""What SQLite numbers rows with by itself."""


def _job() -> list[Column[Any]]:
    return [Column("kind", Name, nullable=False), *_key()]


job_events = Table(
    "job_events",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("seq", BigInteger),  # given once the change is seen by all; see `events.outbox`
    *_job(),
    Column("created_at", BigInteger, nullable=False),  # the job's own: a name can be used again
    Column("status", Name, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),  # milliseconds
    Column("bytes_done", BigInteger, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("detail", Text, nullable=False),
    sqlite_autoincrement=True,  # no number is given twice, however many rows were forgotten
)
_unnumbered = job_events.c.seq.is_(None)
Index("job_events_unnumbered", job_events.c.id, sqlite_where=_unnumbered, postgresql_where=_unnumbered)
Index("job_events_by_seq", job_events.c.seq, unique=True)
Index("job_events_by_job", *(job_events.c[name] for name in ("kind", "account", "region", "name", "id")))

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    *_job(),
    Column("tries", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),  # milliseconds by the database's clock, as next_at
    Column("next_at", BigInteger, nullable=False),
    Column("dead", Boolean, nullable=False),
    Column("error", Text, nullable=False),
)
Index("deliveries_by_dead", deliveries.c.dead, deliveries.c.seq)

cursors = Table(
    "cursors",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Name, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", BigInteger, nullable=False),  # milliseconds by the database's clock
)

tallies = Table(
    "tallies",
    metadata,
    *(Column(name, Name, nullable=False) for name in ("name", "kind", "status", "bucket")),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "kind", "status", "bucket"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Name, primary_key=True),
    *_job(),
    Column("job_created_at", BigInteger, nullable=False),  # the job's own: a name can be used again
    Column("role_arn", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("kms_key_id", Text),
    Column("upload_id", Text),  # the object store's; none while one is being begun
    Column("strays", Integer, nullable=False),  # uploads that were to be begun, and of which nothing was heard
    Column("begun_at", BigInteger, nullable=False),  # milliseconds by the database's clock
    Column("doomed", Boolean, nullable=False),
)
Index("uploads_by_job", *(uploads.c[name] for name in ("kind", "account", "region", "name")))

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("upload", Name, nullable=False),
    Column("number", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("upload", "number"),
)

compatibility = Table("compatibility", metadata, Column("oldest", Name, primary_key=True))
"""One row: the oldest `HEAD` whose program may use this database; see `database.migrate`."""


def of_job(table: Table, key: JobKey) -> ColumnElement[bool]:
    """Whether a row of a table that tells of jobs of both kinds is this job's."""
    return and_(*(table.c[name] == getattr(key, name) for name in ("kind", "account", "region", "name")))
