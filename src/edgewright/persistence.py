"""What one database keeps: a store for each kind of thing in it, made together on one engine.

The composition root makes it, and gives each part the stores that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.database.clock import utc_now
from edgewright.events.deliveries import Deliveries
from edgewright.events.outbox import JobEvents
from edgewright.greengrass.component_store import ComponentStore
from edgewright.jobs import JobQueue, JobStore, ReportStore, WorkerRegistry
from edgewright.keys.store import KeyStore
from edgewright.uploads.ledger import UploadLedger
from edgewright.uploads.orphans import Orphans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Persistence:
    """The stores on one database. Each is safe to use from many threads, and may raise DatabaseUnavailable."""

    engine: Engine
    jobs: JobStore
    queue: JobQueue
    events: JobEvents
    deliveries: Deliveries
    components: ComponentStore
    reports: ReportStore
    uploads: UploadLedger
    orphans: Orphans
    workers: WorkerRegistry
    keys: KeyStore

    @classmethod
    def on(cls, engine: Engine, clock: Callable[[], datetime] = utc_now) -> Persistence:
        """The stores on an engine's database; nothing is reached before its first use.

        Args:
            engine: of `database.connections.open_database`.
            clock: when jobs are made and changed.
        """
        events = JobEvents(engine)
        return cls(
            engine=engine,
            jobs=JobStore(engine, events, clock),
            queue=JobQueue(engine),
            events=events,
            deliveries=Deliveries(engine),
            components=ComponentStore(engine),
            reports=ReportStore(engine),
            uploads=UploadLedger(engine),
            orphans=Orphans(engine),
            workers=WorkerRegistry(engine),
            keys=KeyStore(engine, clock),
        )

    def close(self) -> None:
        """Close the connections that are open; a later use opens new ones."""
        self.jobs.close()
        self.engine.dispose()
