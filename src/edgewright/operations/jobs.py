"""What the operations on jobs of both kinds have in common: a job made, one page of a List, a Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from edgewright.errors import EngineUnavailable, TransitionRefused, ValidationFault
from edgewright.jobs import Job, JobKey, Kind, ListQuery, SortBy, Status
from edgewright.jobs.kinds import KINDS
from edgewright.operations import paging
from edgewright.operations.handler import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.operations.context import Context

SORTS = {
    "Name": SortBy.NAME,
    "CreationTime": SortBy.CREATION_TIME,
    "Status": SortBy.STATUS,
    **{str(sort): sort for sort in SortBy},
}
"""SortBy as the two List operations spell it."""

log = structlog.get_logger(__name__)


def make(context: Context, job: Job, tags: Mapping[str, str]) -> None:
    """Insert a job and enqueue its work; where the engine cannot take it now, a worker enqueues it later.

    The job is in the database by then, so the caller's request succeeded either way.

    Raises:
        ResourceInUse: the name is taken.
        ResourceLimitExceeded: the account has too many unfinished jobs.
    """
    context.jobs.insert(job, tags, most_unfinished=context.unfinished_jobs)
    try:
        context.enqueue(job.key)
    except EngineUnavailable as error:
        log.warning("job not enqueued yet", job=job.key.arn, reason=error.message)


def page(
    context: Context, kind: Kind, operation: str, request: Mapping[str, Any], summary: Callable[[Any], dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The summaries of the jobs of one page, and the NextToken if more follow.

    Defaults [D]: by creation time, newest first, 100 a page; equal rows are ordered by name.

    Raises:
        ValidationFault: MaxResults under 1, or a NextToken that this query did not give out.
    """
    most = request.get("MaxResults", PAGE)
    if most < 1:
        raise ValidationFault(
            f"1 validation error detected: Value '{most}' at 'maxResults' failed to satisfy constraint: Member must "
            "have value greater than or equal to 1"
        )
    status = request.get("StatusEquals")
    sort_by = SORTS[request.get("SortBy", "CREATION_TIME")]
    query = ListQuery(
        kind=kind,
        account=context.caller.account,
        region=context.caller.region,
        sort_by=sort_by,
        descending=request.get("SortOrder", "Descending") == "Descending",
        limit=most,
        after=paging.read_token(context, _listing(operation, sort_by), request),
        name_contains=request.get("NameContains"),
        model_name_contains=request.get("ModelNameContains"),
        status=Status(status) if status else None,
        created_after=request.get("CreationTimeAfter"),
        created_before=request.get("CreationTimeBefore"),
        modified_after=request.get("LastModifiedTimeAfter"),
        modified_before=request.get("LastModifiedTimeBefore"),
    )
    found = context.jobs.list(query)
    if found.cursor is None:
        return [summary(job) for job in found.jobs], {}
    token = paging.make_token(context, _listing(operation, sort_by), request, list(found.cursor))
    return [summary(job) for job in found.jobs], {"NextToken": token}


def _listing(operation: str, sort_by: SortBy) -> str:
    """What a token is bound to beside its request. Times of modification were whole seconds in the version before.

    So neither version takes the other's tokens for them, which it would read as another time.
    """
    return f"{operation} in milliseconds" if sort_by is SortBy.LAST_MODIFIED_TIME else operation


def stop(context: Context, key: JobKey, **members: Any) -> None:
    """Ask a job to end, and change members with its status; one that is STOPPING or STOPPED is left as it is [D].

    Raises:
        ResourceNotFound: no such job.
        ValidationFault: the job is COMPLETED or FAILED [D].
    """
    try:
        context.jobs.move(key, Status.STOPPING, **members)
    except TransitionRefused as refused:
        if refused.current not in {Status.STOPPING, Status.STOPPED}:
            raise ValidationFault(rejected(key.kind, refused.current)) from refused


def rejected(kind: Kind, status: str) -> str:
    """AWS's sentence where a job's status does not allow what is asked."""
    return f"The request was rejected because the {KINDS[kind].noun} is in status {status}."
