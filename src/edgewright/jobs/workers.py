"""The workers that are alive: a row each, whose heartbeat is written and judged by the database's clock.

Hosts' clocks differ; the database has one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Engine, Integer, cast, delete, extract, func, insert, select, update
from sqlalchemy.types import BigInteger

from edgewright.jobs.database import reaching_database
from edgewright.jobs.tables import workers


class WorkerRegistry:
    """Who works on this database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def beat(self, worker_id: str, host: str) -> bool:
        """Say that a worker lives; False where it had to be entered, because it is new or was taken for dead."""
        now = self._now()
        with reaching_database(), self._engine.begin() as connection:
            if connection.execute(update(workers).values(beat_at=now).where(workers.c.id == worker_id)).rowcount:
                return True
            connection.execute(insert(workers).values(id=worker_id, host=host, started_at=now, beat_at=now))
            return False

    def live(self, lapse_seconds: float) -> set[str]:
        """The workers whose last beat is not longer ago than that."""
        with reaching_database(), self._engine.connect() as connection:
            return set(connection.execute(select(workers.c.id).where(~self._lapsed(lapse_seconds))).scalars())

    def known(self) -> set[str]:
        """Every worker with a row, lapsed or not."""
        with reaching_database(), self._engine.connect() as connection:
            return set(connection.execute(select(workers.c.id)).scalars())

    def forget(self, worker_id: str) -> None:
        """Remove a worker that has ended, or is known to be dead."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(workers).where(workers.c.id == worker_id))

    def forget_lapsed(self, lapse_seconds: float) -> None:
        """Remove the workers whose last beat is longer ago; one that wakes enters itself again."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(workers).where(self._lapsed(lapse_seconds)))

    def _lapsed(self, seconds: float) -> ColumnElement[bool]:
        return workers.c.beat_at < self._now() - int(seconds * 1000)

    def _now(self) -> ColumnElement[Any]:
        """The database's own clock, in milliseconds since the epoch."""
        if self._engine.dialect.name == "sqlite":
            return cast(func.round((func.julianday("now") - 2440587.5) * 86_400_000), Integer)
        return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
