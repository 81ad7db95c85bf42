"""What the tables of all packages share: their metadata, their column types, and the columns that name a resource.

A table stands in the package that owns it. Times are integers since the epoch, JSON is text. A change of a table needs
a migration in `database/migrations/versions`, and `HEAD` moved to it; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text

HEAD = "0010"
"""The newest migration. A database that is there needs no migrating, and Alembic need not be loaded."""

Name = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is compared byte by byte on every database, so that sorting and paging agree."""

metadata = MetaData()


Number = BigInteger().with_variant(Integer, "sqlite")
"""What SQLite numbers rows with by itself."""


def key_columns() -> list[Column[Any]]:
    """What names a resource of an account in a region."""
    return [Column(name, Name, nullable=False) for name in ("account", "region", "name")]


def job_columns() -> list[Column[Any]]:
    """What names a job, in a table about jobs of every kind."""
    return [Column("kind", Name, nullable=False), *key_columns()]


secrets = Table(
    "secrets",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

compatibility = Table("compatibility", metadata, Column("oldest", Name, primary_key=True))
"""One row: the oldest `HEAD` whose program may use this database; see `database.migrate`."""
