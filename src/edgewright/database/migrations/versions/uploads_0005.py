"""Uploads in parts, the objects of jobs that ended without them, and which versions may use the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
JOBS = ("packaging_jobs", "compilation_jobs")


def upgrade() -> None:
    """Make the tables; the first version that asks for `compatibility` is the oldest that it can allow."""
    _uploads()
    written = sa.text("written_uri IS NOT NULL")
    unsettled = sa.text("written_uri IS NOT NULL AND status IN ('FAILED', 'STOPPED')")
    for table in JOBS:
        op.create_index(
            f"{table}_by_written_uri", table, ["written_uri"], sqlite_where=written, postgresql_where=written
        )
        op.create_index(
            f"{table}_unsettled", table, ["modified_at"], sqlite_where=unsettled, postgresql_where=unsettled
        )
    op.bulk_insert(
        op.create_table("compatibility", sa.Column("oldest", NAME, primary_key=True)), [{"oldest": revision}]
    )


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", NAME, primary_key=True),
        *(sa.Column(name, NAME, nullable=False) for name in ("kind", "account", "region", "name")),
        sa.Column("job_created_at", sa.BigInteger, nullable=False),
        sa.Column("role_arn", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("kms_key_id", sa.Text),
        sa.Column("upload_id", sa.Text),
        sa.Column("strays", sa.Integer, nullable=False),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("doomed", sa.Boolean, nullable=False),
    )
    op.create_index("uploads_by_job", "uploads", ["kind", "account", "region", "name"])
    op.create_table(
        "upload_parts",
        sa.Column("upload", NAME, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("etag", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("upload", "number"),
    )
