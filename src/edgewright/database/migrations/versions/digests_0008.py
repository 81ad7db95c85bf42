"""What jobs read and made, by digest; and when, so that it is known who wrote over whose object."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = {
    "packaging_jobs": {"source_sha256": sa.Text, "source_size": sa.BigInteger, "package_sha256": sa.Text},
    "compilation_jobs": {"artifact_size": sa.BigInteger, "artifact_version": sa.Text},
}


def upgrade() -> None:
    """Add the columns; jobs that are there know nothing of them."""
    for table, own in COLUMNS.items():
        for name, kind in (own | {"written_at": sa.BigInteger, "overwrote": sa.Text}).items():
            op.add_column(table, sa.Column(name, kind))
