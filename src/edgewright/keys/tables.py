"""The tables of signing keys, and of the signed lists of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, text

from edgewright.database.schema import Name, metadata

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Name, primary_key=True),
    Column("public_key", Text, nullable=False),  # PEM
    Column("state", Name, nullable=False),
    Column("signs", Boolean, nullable=False),  # the one active key that new packages are signed with
    Column("created_at", BigInteger, nullable=False),  # milliseconds, as the others
    Column("retired_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("reason", Text, nullable=False),
)
Index(
    "signing_keys_one_signs",
    signing_keys.c.signs,
    unique=True,
    sqlite_where=text("signs"),
    postgresql_where=text("signs"),
)

key_lists = Table(
    "key_lists",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("root_id", Name, nullable=False),
    Column("document", Text, nullable=False),
    Column("published_at", BigInteger, nullable=False),
)
