"""What requests with a client token were answered with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table, and an index for forgetting."""
    op.create_table(
        "client_tokens",
        *(sa.Column(name, NAME, nullable=False) for name in ("account", "region", "token")),
        sa.Column("request", sa.Text, nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in ("name", "version")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "token"),
    )
    op.create_index("client_tokens_by_created_at", "client_tokens", ["created_at"])
