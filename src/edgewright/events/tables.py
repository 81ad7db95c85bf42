"""The tables of events, of their deliveries, and of who reads and delivers them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from edgewright.database.schema import Name, Number, job_columns, metadata

job_events = Table(
    "job_events",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("seq", BigInteger),  # given once the change is seen by all; see `events.outbox`
    *job_columns(),
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
    *job_columns(),
    Column("tries", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),  # milliseconds by the database's clock, as next_at
    Column("next_at", BigInteger, nullable=False),
    Column("dead", Boolean, nullable=False),
    Column("error", Text, nullable=False),
)
Index("deliveries_by_dead", deliveries.c.dead, deliveries.c.seq)
Index("deliveries_by_next_at", deliveries.c.dead, deliveries.c.next_at, deliveries.c.seq)
Index("deliveries_by_job", *(deliveries.c[name] for name in ("kind", "account", "region", "name", "seq")))

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
