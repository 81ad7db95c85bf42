"""One page of a List operation: its request as a query, and the token that goes on behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.errors import ValidationFault
from edgewright.jobs import Job, Kind, ListQuery, SortBy, Status
from edgewright.operations import paging
from edgewright.operations.handler import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.operations.context import Context

SORTS = {
    "Name": SortBy.NAME,
    "CreationTime": SortBy.CREATION_TIME,
    "Status": SortBy.STATUS,
    **{str(sort): sort for sort in SortBy},
}
"""SortBy as the two List operations spell it."""


def page(
    context: Context, kind: Kind, operation: str, request: Mapping[str, Any]
) -> tuple[tuple[Job, ...], str | None]:
    """The jobs of one page, and the NextToken if more follow.

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
    query = ListQuery(
        kind=kind,
        account=context.caller.account,
        region=context.caller.region,
        sort_by=SORTS[request.get("SortBy", "CREATION_TIME")],
        descending=request.get("SortOrder", "Descending") == "Descending",
        limit=most,
        after=paging.read_token(context, operation, request),
        name_contains=request.get("NameContains"),
        model_name_contains=request.get("ModelNameContains"),
        status=Status(status) if status else None,
        created_after=request.get("CreationTimeAfter"),
        created_before=request.get("CreationTimeBefore"),
        modified_after=request.get("LastModifiedTimeAfter"),
        modified_before=request.get("LastModifiedTimeBefore"),
    )
    found = context.jobs.list(query)
    token = paging.make_token(context, operation, request, list(found.cursor)) if found.cursor else None
    return found.jobs, token
