"""Databases at the newest migration, and the stores on them."""

from __future__ import annotations

import tempfile
import time
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import event

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


def set_clock(engine: Engine, ahead: timedelta) -> None:
    """Set the clock of a SQLite database for the connections that are made from here on."""
    days = ahead / timedelta(days=1)

    def julianday(_now: str) -> float:
        return time.time() / 86_400 + 2_440_587.5 + days

    event.listen(engine, "connect", lambda connection, _: connection.create_function("julianday", 1, julianday))
    engine.dispose()


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
