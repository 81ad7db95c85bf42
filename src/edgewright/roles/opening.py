"""The one place that chooses what roles mean by the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from edgewright.roles.roles import MappedRoles, Roles, ServiceRole
from edgewright.stores.opening import open_s3
from edgewright.stores.s3_client import new_session, own_session, requiring_boto3

if TYPE_CHECKING:
    from edgewright.settings import Settings
    from edgewright.stores import ObjectStore


def open_roles(settings: Settings, own: ObjectStore) -> Roles:
    """What jobs' roles mean; nothing is sent before the first check or use.

    Args:
        settings: what the operator chose.
        own: the object store with the service's own credentials. A folder has no others: `map` still wants the role
            in the table there, and `sts` assumes nothing.
    """
    s3 = settings.s3
    in_s3 = settings.object_store == "s3"
    if settings.roles == "map":
        return MappedRoles(
            settings.role_profiles,
            lambda profile: open_s3(s3, partial(new_session, profile)) if in_s3 else own,
        )
    if settings.roles == "account" or not in_s3:
        return ServiceRole(own)
    with requiring_boto3():
        from edgewright.roles.assumed import AssumedRoles, Sts
    sts = Sts(settings, partial(own_session, s3))
    return AssumedRoles(sts, lambda role, name: open_s3(s3, partial(sts.session, role, name)))
