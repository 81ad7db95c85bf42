"""Signing keys with their states, and the signed lists of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables; the first start fills in the key that is there."""
    op.create_table(
        "signing_keys",
        sa.Column("key_id", NAME, primary_key=True),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("state", NAME, nullable=False),
        sa.Column("signs", sa.Boolean, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=name != "created_at") for name in ("created_at", "retired_at")),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index(
        "signing_keys_one_signs",
        "signing_keys",
        ["signs"],
        unique=True,
        sqlite_where=sa.text("signs"),
        postgresql_where=sa.text("signs"),
    )
    op.create_table(
        "key_lists",
        sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root_id", NAME, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
    )
