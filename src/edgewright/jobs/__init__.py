"""Jobs: what was asked for and where it stands, in SQLite or PostgreSQL."""

from edgewright.jobs.client_tokens import ClientToken, Receipt
from edgewright.jobs.components import Component, ComponentPage, ComponentStore
from edgewright.jobs.database import migrate, open_database
from edgewright.jobs.events import JobEvent, JobEvents
from edgewright.jobs.handovers import Handovers, Ticket
from edgewright.jobs.job import CompilationJob, Job, JobKey, Kind, PackagingJob
from edgewright.jobs.listing import JobPage, ListQuery, SortBy
from edgewright.jobs.reading import View
from edgewright.jobs.reports import ReportStore
from edgewright.jobs.states import ENDED, SOURCES, UNFINISHED, Status
from edgewright.jobs.store import JobStore
from edgewright.jobs.uploads import KeptPart, KeptUpload, UploadLedger
from edgewright.jobs.workers import LiveWorker, WorkerRegistry

__all__ = [
    "ENDED",
    "SOURCES",
    "UNFINISHED",
    "ClientToken",
    "CompilationJob",
    "Component",
    "ComponentPage",
    "ComponentStore",
    "Handovers",
    "Job",
    "JobEvent",
    "JobEvents",
    "JobKey",
    "JobPage",
    "JobStore",
    "KeptPart",
    "KeptUpload",
    "Kind",
    "ListQuery",
    "LiveWorker",
    "PackagingJob",
    "Receipt",
    "ReportStore",
    "SortBy",
    "Status",
    "Ticket",
    "UploadLedger",
    "View",
    "WorkerRegistry",
    "migrate",
    "open_database",
]
