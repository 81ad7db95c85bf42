"""When jobs were modified, in milliseconds: what is written, and beside it what is read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LATEST = (
    "CASE WHEN modified_at * 1000 > coalesce(modified_ms, created_at) THEN modified_at * 1000 "
    "ELSE coalesce(modified_ms, created_at) END"
)


def upgrade() -> None:
    """Add the columns; of jobs that are there, and of those that older processes change, the seconds are known."""
    # SQLite adds no column that is stored, and PostgreSQL has no index on one that is not.
    stored = True if op.get_bind().dialect.name == "postgresql" else None
    for table in ("packaging_jobs", "compilation_jobs"):
        op.add_column(table, sa.Column("modified_ms", sa.BigInteger))
        op.add_column(table, sa.Column("last_modified_at", sa.BigInteger, sa.Computed(LATEST, persisted=stored)))
        op.create_index(f"{table}_by_last_modified_at", table, ["account", "region", "last_modified_at", "name"])
