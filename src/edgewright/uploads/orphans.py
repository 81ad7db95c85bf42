"""Orphaned objects: who still owns them, and which are to be looked for once more.

A job's row names the object that an attempt was allowed to make visible (`written_uri`). A job that ends FAILED or
STOPPED removes it; an attempt that was paused just then may bring it up again later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, not_, select, update

from edgewright.database.clock import milliseconds
from edgewright.database.connections import reaching_database
from edgewright.jobs.job import JobKey
from edgewright.jobs.kinds import JOBS
from edgewright.jobs.states import Status
from edgewright.jobs.tables import is_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_WITHOUT = ("FAILED", "STOPPED")


class Orphans:
    """The objects of jobs that ended without them. Every method may raise DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_owned(self, uri: str, besides: JobKey | None = None) -> bool:
        """Whether a job that is COMPLETED, or still runs, has written the object or is about to.

        Args:
            uri: the object.
            besides: a job that does not count.
        """
        with reaching_database(), self._engine.connect() as connection:
            for kind, table in JOBS.items():
                owners = select(table.c.name).where(
                    table.c.written_uri == uri, table.c.status.in_([Status.INPROGRESS, Status.COMPLETED])
                )
                if besides is not None and besides.kind is kind:
                    owners = owners.where(not_(is_job(table, besides)))
                if connection.execute(owners.limit(1)).first() is not None:
                    return True
        return False

    def unremoved(self, limit: int, before: datetime) -> Sequence[tuple[JobKey, str]]:
        """Some jobs that ended without their object before a time, each with the object; so many of each kind.

        Any of them, and not the oldest: objects that cannot be removed, as those of a role that is not given any more,
        must not starve the others.
        """
        found: list[tuple[JobKey, str]] = []
        for kind, table in JOBS.items():
            query = (
                select(table.c.account, table.c.region, table.c.name, table.c.written_uri)
                .where(table.c.written_uri.is_not(None), table.c.status.in_(_WITHOUT))
                .where(table.c.modified_at < milliseconds(before))
                .order_by(func.random())
                .limit(limit)
            )
            with reaching_database(), self._engine.connect() as connection:
                found += [(JobKey(kind, *row[:3]), row[3]) for row in connection.execute(query)]
        return found

    def confirm_removed(self, key: JobKey, uri: str) -> None:
        """Note that a job's object is gone for good."""
        table = JOBS[key.kind]
        gone = (table.c.written_uri == uri, table.c.status.in_(_WITHOUT))
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(update(table).values(written_uri=None).where(is_job(table, key), *gone))
