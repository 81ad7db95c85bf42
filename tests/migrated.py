"""Databases at the newest migration: copies of one that the migrations made, in a twentieth of their time."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edgewright.database.connections import migrate, open_database

if TYPE_CHECKING:
    from sqlalchemy import Engine


def open_migrated(path: Path) -> Engine:
    """A new SQLite database in this file, migrated and without a row."""
    path.write_bytes(_migrated())
    return open_database(f"sqlite:///{path}")


@cache
def _migrated() -> bytes:
    """What is in the file of a database that was migrated; closing the last connection leaves no log beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.sqlite"
        engine = open_database(f"sqlite:///{path}")
        migrate(engine)
        engine.dispose()
        assert [file.name for file in Path(folder).iterdir()] == [path.name]
        return path.read_bytes()
