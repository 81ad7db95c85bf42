"""Reports: what a worker records of an ended job beyond the API's members, and how an account's jobs stand.

A report is JSON: of a package its files, of a compilation the model's inputs and outputs and the log. It is written by
the update that ends the job, so no job has one that is not its own.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Engine, delete, func, insert, literal, select

from edgewright.database.connections import for_reads, reaching_database
from edgewright.jobs.kinds import JOBS
from edgewright.jobs.states import Status
from edgewright.jobs.tables import of_job, reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.jobs.job import JobKey, Kind

MOST_REGIONS = 50


class ReportStore:
    """Reads reports, and counts jobs without ever reading many. Safe to use from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._reads = for_reads(engine)

    def get(self, key: JobKey) -> dict[str, Any]:
        """A job's report; empty where there is none, as for jobs that have not ended."""
        with reaching_database(), self._reads.connect() as connection:
            text = connection.execute(select(reports.c.report).where(of_job(reports, key))).scalar()
        report: dict[str, Any] = orjson.loads(text) if text else {}
        return report

    def count(self, kind: Kind, account: str, region: str, most: int) -> dict[Status, int]:
        """How many jobs are in each status, counted up to `most` of each."""
        table = JOBS[kind]
        found: dict[Status, int] = {}
        with reaching_database(), self._reads.connect() as connection:
            for status in Status:
                mine = (table.c.account == account, table.c.region == region, table.c.status == str(status))
                rows = select(literal(1)).where(*mine).limit(most).subquery()
                found[status] = connection.execute(select(func.count()).select_from(rows)).scalar_one()
        return found

    def regions(self, account: str) -> list[str]:
        """The regions in which the account has jobs, each found with one step through the key's index."""
        found: set[str] = set()
        with reaching_database(), self._reads.connect() as connection:
            for table in JOBS.values():
                last: str | None = ""
                while last is not None and len(found) < MOST_REGIONS:
                    behind = (table.c.account == account, table.c.region > last)
                    last = connection.execute(select(func.min(table.c.region)).where(*behind)).scalar()
                    found |= {last} if last is not None else set()
        return sorted(found)


def put(connection: Connection, key: JobKey, report: Mapping[str, Any]) -> None:
    """Write a job's report, over one of an earlier attempt, in the caller's transaction."""
    remove(connection, key)
    connection.execute(insert(reports).values(**asdict(key), report=orjson.dumps(report).decode()))


def remove(connection: Connection, key: JobKey) -> None:
    """Remove a job's report, in the caller's transaction."""
    connection.execute(delete(reports).where(of_job(reports, key)))
