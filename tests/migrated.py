"""Databases at the newest migration, and the stores on them."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edgewright.database.connections import migrate, open_database
from edgewright.persistence import Persistence
from edgewright.telemetry import snapshot

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from edgewright.jobs import JobStore
    from edgewright.telemetry.snapshot import Snapshot


def open_migrated(path: Path) -> Engine:
    """A new SQLite database in this file, migrated and without a row: a copy, in a twentieth of a migration's time."""
    path.write_bytes(_migrated())
    return open_database(f"sqlite:///{path}")


def beside(store: JobStore) -> Persistence:
    """The other stores on the database of a job store, with the same clock."""
    return Persistence.on(store._engine, store._clock)


def snapshot_beside(store: JobStore) -> Snapshot:
    """A snapshot of the database of a job store, at the time of its clock."""
    return snapshot.take(store._engine, store._clock())


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
