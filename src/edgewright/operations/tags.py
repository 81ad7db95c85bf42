"""AddTags, ListTags and DeleteTags on edge packaging jobs and compilation jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.jobs import JobKey
from edgewright.operations import paging, rules
from edgewright.operations.access import JOBS, Access, Accesses, Request, Response

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgewright.operations.caller import Caller
    from edgewright.operations.context import Context

PAGE = 50


def _tagged_job(action: str, _caller: Caller, request: Request) -> Sequence[Access]:
    try:
        key = JobKey.parse_arn(request.get("ResourceArn", ""))
    except ValueError:  # the operation refuses it
        return (Access(action),)
    return (Access(action, key.name, key.arn),)


ON_TAGGED_JOB = Accesses(tuple(JOBS.values()), _tagged_job)
"""What the operations on tags touch: the job whose ARN they are given."""


def add_tags(context: Context, request: Request) -> Response:
    """AddTags: set each given tag, overwriting a key's earlier value; answers all tags of the resource.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
        ValidationFault: more than 50 tags in all, a reserved key, a key given twice.
    """
    key = _resource(context, request["ResourceArn"])
    added = rules.tags_of(request["Tags"])
    context.jobs.put_tags(key, added, most=rules.TAGS_PER_RESOURCE)
    return {"Tags": _pairs(context.jobs.tags(key))}


def list_tags(context: Context, request: Request) -> Response:
    """ListTags: the resource's tags, by key.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
        ValidationFault: a NextToken that this query did not give out.
    """
    key = _resource(context, request["ResourceArn"])
    cursor = paging.read_token(context, "ListTags", request)
    tags = [pair for pair in _pairs(context.jobs.tags(key)) if cursor is None or pair["Key"] > cursor[0]]
    page = tags[: request.get("MaxResults", PAGE)]
    more = len(tags) > len(page)
    token = paging.make_token(context, "ListTags", request, [page[-1]["Key"]]) if more else None
    return {"Tags": page} | ({"NextToken": token} if token else {})


def delete_tags(context: Context, request: Request) -> Response:
    """DeleteTags: remove the given keys; a key that is not there is passed over.

    Raises:
        ResourceNotFound: no such job in the caller's account and region.
    """
    context.jobs.remove_tags(_resource(context, request["ResourceArn"]), request["TagKeys"])
    return {}


def _resource(context: Context, arn: str) -> JobKey:
    """The job that an ARN names, seen from the caller: another account's or region's job does not exist."""
    try:
        key = JobKey.parse_arn(arn)
    except ValueError as error:
        raise ValidationFault(
            f"Value '{arn}' at 'resourceArn' names no taggable resource: wanted the ARN of an edge-packaging-job "
            "or a compilation-job."
        ) from error
    if (key.account, key.region) != (context.caller.account, context.caller.region):
        raise ResourceNotFound(f"Could not find requested resource: {arn}")
    context.jobs.get(key)
    return key


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
