"""Events of jobs, what is still to be delivered of them, and the tallies that are kept of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
KINDS = {"packaging_jobs": "edge-packaging-job", "compilation_jobs": "compilation-job"}


def upgrade() -> None:
    """Make the tables; jobs that have ended already are counted, and have no events."""
    _events()
    _others()
    op.execute("INSERT INTO cursors (name, value) VALUES ('numbered', 0)")
    for table, kind in KINDS.items():
        op.execute(
            "INSERT INTO tallies (name, kind, status, bucket, value) "  # noqa: S608 - our own names only
            f"SELECT 'held', '{kind}', status, '', count(*) FROM {table} "
            "WHERE status IN ('COMPLETED', 'FAILED', 'STOPPED') GROUP BY status"
        )


def _job() -> list[sa.Column[str]]:
    return [sa.Column(name, NAME, nullable=False) for name in ("kind", "account", "region", "name")]


def _events() -> None:
    op.create_table(
        "job_events",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("seq", sa.BigInteger),
        *_job(),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("status", NAME, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("bytes_done", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    unnumbered = sa.text("seq IS NULL")
    op.create_index("job_events_unnumbered", "job_events", ["id"], sqlite_where=unnumbered, postgresql_where=unnumbered)
    op.create_index("job_events_by_seq", "job_events", ["seq"], unique=True)
    op.create_index("job_events_by_job", "job_events", ["kind", "account", "region", "name", "id"])


def _others() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        *_job(),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("deliveries_by_dead", "deliveries", ["dead", "seq"])
    op.create_table(
        "cursors",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("name", NAME, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tallies",
        *[sa.Column(name, NAME, nullable=False) for name in ("name", "kind", "status", "bucket")],
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", "kind", "status", "bucket"),
    )
