"""With whose rights the objects of a job are reached: what its RoleArn means.

The setting `roles` picks one of three. In each, a role belongs to the account that is in its ARN, and nobody else's job
gets it: the service may well hold the rights of several accounts.
See docs/decisions/0048-roles.md.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from edgewright.errors import RoleRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.roles.assumed import Assumer
    from edgewright.stores.protocols import ObjectStore

STORES_OPEN = 64
"""Stores of roles that are kept for the jobs to come."""
_ROLE = re.compile(r"arn:[^:]*:iam::(?P<account>[0-9]{12}):role/.+")
_SESSION_LENGTH = 64
_NO_SESSION_CHARACTER = re.compile(r"[^\w+=,.@-]", re.ASCII)


class Rights(Protocol):
    """What a job's role may reach."""

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """Raise where a job of this account would not get the role's rights.

        Raises:
            RoleRefused: the account has no such role, or the service is not given it.
            StoreUnavailable: who decides that could not be asked.
        """
        ...

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """The object store as the role may use it.

        Args:
            role_arn: as the job has it.
            job_name: what the rights are taken for, for the audit trail of whoever gives them.

        Raises:
            RoleRefused: the service is not given the role (any more).
            StoreUnavailable: who decides that could not be asked. Both may come at the store's use, too.
        """
        ...


class OwnRights:
    """Every job has the service's own rights; its role only has to be of its account.

    Args:
        store: reached with the service's own credentials.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Rights.check`."""
        _of_account(role_arn, account)

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Rights.objects`."""
        return self._store


class MappedRights:
    """A role has the rights of a profile of AWS's files, as a table says.

    Args:
        profiles: the profile of each role's ARN.
        open_profile: opens the store with a profile's credentials.
    """

    def __init__(self, profiles: Mapping[str, str], open_profile: Callable[[str], ObjectStore]) -> None:
        self._profiles = profiles
        self._opened = lru_cache(maxsize=STORES_OPEN)(open_profile)

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Rights.check`: the role stands in the table."""
        _of_account(role_arn, account)
        self._profile(role_arn)

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Rights.objects`."""
        return self._opened(self._profile(role_arn))

    def _profile(self, role_arn: str) -> str:
        try:
            return self._profiles[role_arn]
        except KeyError:
            raise RoleRefused(
                f"{could_not_assume(role_arn)} This service knows the roles that its setting role_profiles names, and "
                "this one is not among them: its operator can add it."
            ) from None


class AssumedRights:
    """A role is assumed, with the service's own credentials, for one job.

    Args:
        assumer: asks STS.
        open_assumed: opens the store with a role's temporary credentials, from its ARN and a session's name.
    """

    def __init__(self, assumer: Assumer, open_assumed: Callable[[str, str], ObjectStore]) -> None:
        self._assumer = assumer
        self._opened = lru_cache(maxsize=STORES_OPEN)(open_assumed)

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Rights.check`: the role is assumed, unless that worked a moment ago."""
        _of_account(role_arn, account)
        self._assumer.check(role_arn, session_name(job_name))

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Rights.objects`."""
        return self._opened(role_arn, session_name(job_name))


def session_name(job_name: str) -> str:
    """The session's name that a trail of AWS shows for what a job did: 2 to 64 characters of those that STS takes."""
    return _NO_SESSION_CHARACTER.sub("-", f"edgewright-{job_name}")[:_SESSION_LENGTH]


def could_not_assume(role_arn: str) -> str:
    """The sentence that SageMaker says where a role cannot be used."""
    return (
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


def _of_account(role_arn: str, account: str) -> None:
    match = _ROLE.fullmatch(role_arn)
    if match is None or match["account"] != account:
        raise RoleRefused(could_not_assume(role_arn))
