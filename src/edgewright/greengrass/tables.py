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
    *(Column(name, Text, nullable=False) for name in ("state", "message", "description", "publisher")),
    *(Column(name, Text, nullable=False) for name in ("platforms", "artifacts", "tags")),  # JSON
    Column("recipe", LargeBinary, nullable=False),
    PrimaryKeyConstraint("account", "region", "name", "version"),
)
_ordered = (components.c[name] for name in ("account", "region", "name", "version_order"))
Index("components_by_version_order", *_ordered, unique=True)

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
