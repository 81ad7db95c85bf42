"""What the service model cannot say about a request, each rule a function that raises ValidationFault.

Anything that a request asks for is honoured or refused, never ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.errors import KeyRefused, RoleRefused, UriRefused, ValidationFault
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgewright.operations.context import Context

RESERVED_TAG_PREFIX = "aws:"
TAGS_PER_RESOURCE = 50


def object_uri(text: str, member: str) -> S3Uri:
    """The parsed S3 URI of a request's member.

    Args:
        text: as the caller gave it.
        member: the member's path on the wire, such as `outputConfig.s3OutputLocation`.
    """
    try:
        return S3Uri.parse(text)
    except UriRefused as error:
        refused = ValidationFault(f"Value '{text}' at '{member}' cannot be used: {error.message}")
        refused.field = member
        raise refused from error


def role(context: Context, role_arn: str, job_name: str) -> None:
    """Refuse a job whose role would not be given: refused at create instead of minutes later.

    Raises:
        ValidationFault: the role is of another account, or cannot be used.
        StoreUnavailable: the service that decides could not be asked.
    """
    try:
        context.roles.check(role_arn, context.caller.account, job_name)
    except RoleRefused as error:
        raise ValidationFault(error.message) from error


def kms_key(context: Context, output_config: Mapping[str, Any]) -> None:
    """A key for the output must be one that the object store encrypts with for the caller [D]."""
    named = output_config.get("KmsKeyId")
    if not named:
        return
    try:
        context.objects.check_key(named, context.caller.account, context.caller.region)
    except KeyRefused as error:
        raise ValidationFault(
            f"Value '{named}' at 'outputConfig.kmsKeyId' cannot be honoured: {error.message}"
        ) from error


def tags_of(pairs: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as a mapping, after AWS's rules: no key twice, no key that begins with `aws:`."""
    tags: dict[str, str] = {}
    for pair in pairs:
        key = pair["Key"]
        if key.lower().startswith(RESERVED_TAG_PREFIX):
            raise ValidationFault(
                f"Tag key '{key}' is refused: keys that begin with 'aws:' are reserved for AWS's use."
            )
        if key in tags:
            raise ValidationFault(f"Duplicate tag key found. Please remove duplicate tag key '{key}' from the request.")
        tags[key] = pair["Value"]
    return tags
