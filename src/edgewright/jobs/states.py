"""A job's statuses and the moves between them: one table for all kinds, pure."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(StrEnum):
    """Where a job stands, in the API's words (EdgePackagingJobStatus and CompilationJobStatus are the same set)."""

    STARTING = "STARTING"
    INPROGRESS = "INPROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"

    __hash__ = str.__hash__  # as of the text that it equals; Enum's own is a call in Python for each look-up


SOURCES: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        # INPROGRESS from itself: a worker begins again what a dead worker had begun.
        Status.INPROGRESS: frozenset({Status.STARTING, Status.INPROGRESS}),
        # No COMPLETED from STOPPING: a Stop that came before the last update wins, and the work is undone.
        Status.COMPLETED: frozenset({Status.INPROGRESS}),
        Status.FAILED: frozenset({Status.STARTING, Status.INPROGRESS}),
        Status.STOPPING: frozenset({Status.STARTING, Status.INPROGRESS}),
        Status.STOPPED: frozenset({Status.STOPPING}),
    }
)
"""From which statuses each status can be reached. STARTING is where a job is born, and nowhere else."""

ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.STOPPED})
"""Statuses that nothing leaves."""

UNFINISHED = frozenset(Status) - ENDED
"""Statuses of jobs that a worker still owes something."""
