"""Jobs: what was asked for and where it stands, in SQLite or PostgreSQL."""

from edgewright.jobs.job import CompilationJob, Job, JobKey, Kind, PackagingJob
from edgewright.jobs.listing import ListQuery, SortBy
from edgewright.jobs.queue import JobQueue, Ticket
from edgewright.jobs.reports import ReportStore
from edgewright.jobs.states import ENDED, SOURCES, UNFINISHED, Status
from edgewright.jobs.store import JobStore
from edgewright.jobs.views import View
from edgewright.jobs.workers import LiveWorker, WorkerRegistry

__all__ = [
    "ENDED",
    "SOURCES",
    "UNFINISHED",
    "CompilationJob",
    "Job",
    "JobKey",
    "JobQueue",
    "JobStore",
    "Kind",
    "ListQuery",
    "LiveWorker",
    "PackagingJob",
    "ReportStore",
    "SortBy",
    "Status",
    "Ticket",
    "View",
    "WorkerRegistry",
]
