"""The tables of components and of the tokens that make CreateComponentVersion idempotent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, Table, Text

from edgewright.database.schema import Name, key_columns, metadata

components = Table(
    "components",
    metadata,
    *key_columns(),
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
