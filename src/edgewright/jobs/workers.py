"""The workers that are alive: a row each, whose heartbeat is written and judged by the database's clock.

Hosts' clocks differ; the database has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ColumnElement, Engine, delete, insert, select, update

from edgewright.database.clock import database_now, read_now
from edgewright.database.connections import reaching_database
from edgewright.jobs.tables import workers

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class LiveWorker:
    """A worker, as of its row.

    Attributes:
        age_seconds: since it started, by the database's clock.
        beat_seconds: since its last heartbeat.
        concurrency: jobs that it runs at a time; None of a version that did not say.
        running: the ARNs of the jobs that it ran at its last heartbeat.
    """

    id: str
    host: str
    age_seconds: float
    beat_seconds: float
    concurrency: int | None
    running: tuple[str, ...]


class WorkerRegistry:
    """Who works on this database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> datetime:
        """The time by the database's clock, in UTC."""
        with reaching_database(), self._engine.connect() as connection:
            return read_now(connection)

    def beat(self, worker_id: str, host: str, running: Collection[str] = (), concurrency: int | None = None) -> bool:
        """Say that a worker lives; False where it had to be entered, because it is new or was taken for dead.

        Args:
            worker_id: which worker.
            host: where it runs.
            running: the ARNs of the jobs that it runs now.
            concurrency: how many it may run at a time.
        """
        now = self._now()
        state = {"beat_at": now, "running": orjson.dumps(sorted(running)).decode(), "concurrency": concurrency}
        with reaching_database(), self._engine.begin() as connection:
            if connection.execute(update(workers).values(state).where(workers.c.id == worker_id)).rowcount:
                return True
            connection.execute(insert(workers).values(id=worker_id, host=host, started_at=now, **state))
            return False

    def list(self) -> list[LiveWorker]:
        """Every worker with a row, the newest first."""
        now = self._now()
        ages = [(now - workers.c.started_at).label("age"), (now - workers.c.beat_at).label("beat")]
        query = select(workers.c.id, workers.c.host, *ages, workers.c.concurrency, workers.c.running)
        with reaching_database(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(workers.c.started_at.desc(), workers.c.id)).all()
        return [
            LiveWorker(row[0], row[1], row[2] / 1000, row[3] / 1000, row[4], tuple(orjson.loads(row[5])))
            for row in rows
        ]

    def live(self, liveness_seconds: float) -> set[str]:
        """The workers whose last beat is not longer ago than that."""
        with reaching_database(), self._engine.connect() as connection:
            return set(connection.execute(select(workers.c.id).where(~self._is_dead(liveness_seconds))).scalars())

    def known(self) -> set[str]:
        """Every worker with a row, alive or not."""
        with reaching_database(), self._engine.connect() as connection:
            return set(connection.execute(select(workers.c.id)).scalars())

    def remove(self, worker_id: str) -> None:
        """Remove a worker that has ended, or is known to be dead."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(workers).where(workers.c.id == worker_id))

    def remove_dead(self, liveness_seconds: float) -> None:
        """Remove the workers whose last beat is longer ago; one that wakes enters itself again."""
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(delete(workers).where(self._is_dead(liveness_seconds)))

    def _is_dead(self, seconds: float) -> ColumnElement[bool]:
        return workers.c.beat_at < self._now() - int(seconds * 1000)

    def _now(self) -> ColumnElement[Any]:
        return database_now(self._engine)
