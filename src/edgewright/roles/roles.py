"""With whose credentials the objects of a job are read and written: what its RoleArn means.

The setting `roles` picks one of three. In each, a role belongs to the account that is in its ARN, and no job of another
account may use it: the service may hold credentials of several accounts.
See docs/decisions/0048-roles.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from edgewright.errors import RoleRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.stores.protocols import ObjectStore

STORES_OPEN = 64
"""Stores of roles that are kept open for later jobs."""
_ROLE = re.compile(r"arn:[^:]*:iam::(?P<account>[0-9]{12}):role/.+")
_SESSION_LENGTH = 64
_NO_SESSION_CHARACTER = re.compile(r"[^\w+=,.@-]", re.ASCII)


class Roles(Protocol):
    """The object store as jobs' roles may use it."""

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """Raise where a job of this account may not use the role.

        Raises:
            RoleRefused: the account has no such role, or the service may not use it.
            StoreUnavailable: STS could not be reached.
        """
        ...

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """The object store as the role may use it.

        Args:
            role_arn: as the job has it.
            job_name: what the role is assumed for; AWS's audit trail shows it.

        Raises:
            RoleRefused: the service may not use the role (any more).
            StoreUnavailable: STS could not be reached. Both may be raised when the store is used, too.
        """
        ...


class ServiceRole:
    """Every job uses the service's own credentials; its role only has to be of its account.

    Args:
        store: reached with the service's own credentials.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Roles.check`."""
        check_account(role_arn, account)

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Roles.objects`."""
        return self._store


class MappedRoles:
    """A role means a profile of AWS's configuration files, by a table.

    Args:
        profiles: the profile of each role's ARN.
        open_profile: opens the store with a profile's credentials.
    """

    def __init__(self, profiles: Mapping[str, str], open_profile: Callable[[str], ObjectStore]) -> None:
        self._profiles = profiles
        self._opened = lru_cache(maxsize=STORES_OPEN)(open_profile)

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Roles.check`: the role stands in the table."""
        check_account(role_arn, account)
        self._profile(role_arn)

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Roles.objects`."""
        return self._opened(self._profile(role_arn))

    def _profile(self, role_arn: str) -> str:
        try:
            return self._profiles[role_arn]
        except KeyError:
            raise RoleRefused(
                f"{could_not_assume(role_arn)} This service knows the roles that its setting role_profiles names, and "
                "this one is not among them: its operator can add it."
            ) from None


def session_name(job_name: str) -> str:
    """The session's name that AWS's audit trail shows for a job: 2 to 64 characters of those that STS takes."""
    return _NO_SESSION_CHARACTER.sub("-", f"edgewright-{job_name}")[:_SESSION_LENGTH]


def could_not_assume(role_arn: str) -> str:
    """SageMaker's message where a role cannot be used."""
    return (
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def check_account(role_arn: str, account: str) -> None:
    """Raise RoleRefused unless the role is of the account."""
    match = _ROLE.fullmatch(role_arn)
    if match is None or match["account"] != account:
        raise RoleRefused(could_not_assume(role_arn))
