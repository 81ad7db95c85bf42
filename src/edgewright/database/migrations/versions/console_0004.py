"""What the console shows beside the API: reports of ended jobs, and what each worker runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table of reports; workers say what they run from their next heartbeat on."""
    op.create_table(
        "reports",
        sa.Column("kind", NAME, nullable=False),
        sa.Column("account", NAME, nullable=False),
        sa.Column("region", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("kind", "account", "region", "name"),
    )
    op.add_column("workers", sa.Column("concurrency", sa.Integer))
    op.add_column("workers", sa.Column("running", sa.Text, nullable=False, server_default="[]"))
