"""Giving an inserted job to the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from edgewright.errors import EngineUnavailable

if TYPE_CHECKING:
    from edgewright.jobs import JobKey
    from edgewright.operations.context import Context

log = structlog.get_logger(__name__)


def hand_over(context: Context, key: JobKey) -> None:
    """Hand the job to the engine; where the engine cannot take it now, a worker's sweep fetches it later.

    The job is in the database by then, so the caller's request succeeded either way.
    """
    try:
        context.hand_over(key)
    except EngineUnavailable as error:
        log.warning("job not handed over yet", job=key.arn, reason=error.message)
