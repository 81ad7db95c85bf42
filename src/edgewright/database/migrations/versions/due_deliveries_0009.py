"""The indexes by which deliveries that are due are found: by their times, and by job."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("deliveries_by_next_at", "deliveries", ["dead", "next_at", "seq"])
    op.create_index("deliveries_by_job", "deliveries", ["kind", "account", "region", "name", "seq"])
