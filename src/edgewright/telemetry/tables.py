"""The table of counters."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table

from edgewright.database.schema import Name, metadata

counters = Table(
    "tallies",
    metadata,
    *(Column(name, Name, nullable=False) for name in ("name", "kind", "status", "bucket")),
    Column("value", BigInteger, nullable=False),
    PrimaryKeyConstraint("name", "kind", "status", "bucket"),
)
