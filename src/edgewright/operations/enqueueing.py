"""Putting the work of an inserted job into the engine's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from edgewright.errors import EngineUnavailable

if TYPE_CHECKING:
    from edgewright.jobs import JobKey
    from edgewright.operations.context import Context

log = structlog.get_logger(__name__)


def enqueue(context: Context, key: JobKey) -> None:
    """Enqueue the job's work; where the engine cannot take it now, a worker enqueues it later.

    The job is in the database by then, so the caller's request succeeded either way.
    """
    try:
        context.enqueue(key)
    except EngineUnavailable as error:
        log.warning("job not enqueued yet", job=key.arn, reason=error.message)
