"""Who wrote an object: jobs may share a place in the object store, and the last one's object is what is there.

A place is written over without an error, as on AWS. What is there is known by its digest; who wrote when, by the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from edgewright.database.clock import from_milliseconds
from edgewright.jobs.job import ANOTHER_ACCOUNT, JobKey
from edgewright.jobs.kinds import KINDS
from edgewright.jobs.states import Status
from edgewright.packaging.own_package import OwnPackage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from edgewright.jobs.job import PackagingJob
    from edgewright.jobs.store import JobStore

MOST = 100
"""Jobs of each kind that are looked at."""


@dataclass(frozen=True, slots=True)
class Writer:
    """A job that wrote an object, or was about to.

    Attributes:
        key: the job.
        status: INPROGRESS, or COMPLETED.
        sha256: of what it wrote, in hexadecimal; None while it runs, and where an earlier version did it.
        at: when, in UTC: of a job of an earlier version, when it ended.
    """

    key: JobKey
    status: Status
    sha256: str | None
    at: datetime

    def seen_from(self, account: str) -> str:
        """What an account may know it by."""
        return self.key.arn if self.key.account == account else ANOTHER_ACCOUNT


def of(connection: Connection, uri: str) -> tuple[Writer, ...]:
    """See `JobStore.writers`."""
    found = []
    for kind, entry in KINDS.items():
        table = entry.table
        at = func.coalesce(table.c.written_at, table.c.modified_at)
        columns = (table.c.account, table.c.region, table.c.name, table.c.status, table.c[entry.digest_attribute], at)
        wrote = (table.c.written_uri == uri, table.c.status.in_([Status.INPROGRESS, Status.COMPLETED]))
        query = select(*columns).where(*wrote).order_by(at.desc()).limit(MOST)
        found += [
            Writer(JobKey(kind, *row[:3]), Status(row[3]), row[4], from_milliseconds(row[5]))
            for row in connection.execute(query)
        ]
    return tuple(sorted(found, key=lambda writer: writer.at, reverse=True))


def overwritten(key: JobKey, sha256: str, writers: Sequence[Writer]) -> Writer | None:
    """Whose object a job has written over: the last one's before it, if that had other bytes. Pure."""
    own = _at(key, writers)
    last = next((each for each in _others(key, writers) if own is not None and each.at <= own), None)
    return None if last is None or last.sha256 == sha256 else last


def overwriter(key: JobKey, sha256: str | None, writers: Sequence[Writer]) -> Writer | None:
    """Who has written over a job's object since: the last one, if it wrote other bytes. Pure."""
    own = _at(key, writers)
    last = next((each for each in _others(key, writers) if own is not None and each.at >= own), None)
    return None if last is None or last.sha256 == sha256 is not None else last


def author(sha256: str, writers: Sequence[Writer]) -> Writer | None:
    """Whose bytes they are that were found. Pure."""
    return next((writer for writer in writers if writer.sha256 == sha256), None)


def shown(writer: Writer, account: str, may_see: Callable[[JobKey], bool]) -> str:
    """A writer as a reader of an account may know it: some of its jobs may not be theirs to see."""
    return "another job" if writer.key.account == account and not may_see(writer.key) else writer.seen_from(account)


def own_package(jobs: JobStore, job: PackagingJob, may_see: Callable[[JobKey], bool]) -> OwnPackage:
    """What is known of a COMPLETED job's package, to a reader who may see some jobs."""
    uri, account = job.model_artifact or "", job.key.account
    found = jobs.writers(job.written_uri or uri)
    by = overwriter(job.key, job.package_sha256, found)
    return OwnPackage(
        job=job.key.arn,
        uri=uri,
        model_name=job.model_name,
        model_version=job.model_version,
        signature=job.model_signature or "",
        sha256=job.package_sha256,
        authors={each.sha256: shown(each, account, may_see) for each in found if each.sha256},
        overwriter=None if by is None else shown(by, account, may_see),
    )


def _at(key: JobKey, writers: Sequence[Writer]) -> datetime | None:
    return next((writer.at for writer in writers if writer.key == key), None)


def _others(key: JobKey, writers: Sequence[Writer]) -> Iterator[Writer]:
    return (each for each in writers if each.key != key and each.status is Status.COMPLETED)
