"""What makes a server ready: the database at this version's migration, the object store, and workers to do the jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edgewright.database.connections import check_writable, migration
from edgewright.errors import ObjectForbidden, ObjectNotFound, StoreUnavailable
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine

    from edgewright.http.health import Check
    from edgewright.jobs import WorkerRegistry
    from edgewright.settings import Settings
    from edgewright.stores import ObjectStore

PROBE = S3Uri("edgewright-readiness", "probe")
"""An object that is not there: asking for it shows whether the store answers."""


class NoWorker(StoreUnavailable):
    """No worker has a recent heartbeat."""


def checks(settings: Settings, database_engine: Engine, objects: ObjectStore) -> Mapping[str, Check]:
    """What must hold for requests to be answered."""

    def database() -> str:
        check_writable(database_engine)
        return "reachable"

    def migrations() -> str:
        return f"at {migration(database_engine)}"

    return {"database": database, "migrations": migrations, "store": lambda: _store(settings, objects)}


def advice(registry: WorkerRegistry, liveness_seconds: float) -> Mapping[str, Check]:
    """What warns: a server without workers takes jobs, which then wait."""

    def workers() -> str:
        live = len(registry.live(liveness_seconds))
        if not live:
            raise NoWorker(f"No worker's heartbeat was seen in the last {liveness_seconds:g} seconds: jobs wait.")
        return f"{live} alive"

    return {"workers": workers}


def _store(settings: Settings, objects: ObjectStore) -> str:
    if settings.object_store == "directory" and not os.access(settings.objects_dir, os.R_OK | os.W_OK | os.X_OK):
        raise StoreUnavailable(f"{settings.objects_dir} is not there, or cannot be written.")
    try:
        objects.exists(PROBE)
    except (ObjectForbidden, ObjectNotFound):
        return "reachable"  # it answers; what a job may read and write is the job's affair
    return "reachable"
