"""What a caller may do: allow and deny rules over actions and resources. Pure.

A rule names actions (`sagemaker:DescribeEdgePackagingJob`, `sagemaker:List*`) and, if it is not for all, resources: by
their names (`prod-*`), by their ARNs (`arn:aws:sagemaker:*:*:compilation-job/prod-*`) or, objects, by their URIs
(`s3://models/prod/*`). A deny beats every allow, and what nothing allows is denied, as with AWS's own policies [S].

A name pattern counts for every name that a request brings: to allow an edge packaging job by name, one rule must cover
the names of the job, of its compilation job and of the component that it asks for; to deny it, one of them [D]. An ARN
or a URI is of one kind of resource, and counts for that alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgewright.auth.globs import matches
from edgewright.errors import AccessDenied, SettingsRefused

if TYPE_CHECKING:
    from edgewright.operations import Access

SCHEMES = ("arn:", "s3://")
"""What a pattern begins with that is of ARNs or of URIs; every other one is of names."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Actions, and the resources that they are meant for."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)

    @classmethod
    def of(cls, written: object) -> Rule:
        """The rule in a line of a principals file: an action pattern, or a table with `actions` and `resources`.

        Raises:
            SettingsRefused: neither of the two.
        """
        if isinstance(written, str):
            return cls((written,))
        if isinstance(written, Mapping) and set(written) <= {"actions", "resources"} and "actions" in written:
            return cls(_patterns(written["actions"]), _patterns(written.get("resources", ["*"])))
        raise SettingsRefused(
            f"A rule must be an action pattern such as 'sagemaker:List*', or a table with 'actions' and 'resources', "
            f"not {written!r}."
        )

    def allows(self, access: Access) -> bool:
        """Whether it allows the access, with every name that is bound to it."""
        return _any(self.actions, access.action) and (
            self._has_place(access) or all(self._has_name(named) for named in (access, *access.bound))
        )

    def denies(self, access: Access) -> bool:
        """Whether it denies the access, or the same action on a name that is bound to it."""
        return _any(self.actions, access.action) and (
            self._has_place(access) or any(self._has_name(named) for named in (access, *access.bound))
        )

    def names_service(self, service: str) -> bool:
        """Whether one of its action patterns is of this service by name; `*` alone is of none in particular [D]."""
        return any(pattern.startswith(f"{service}:") for pattern in self.actions)

    def _has_place(self, access: Access) -> bool:
        """Whether a pattern of ARNs or URIs is of the resource."""
        patterns = [pattern for pattern in self.resources if pattern.startswith(SCHEMES)]
        return any(_any(patterns, name) for name in (access.arn, *access.aliases))

    def _has_name(self, access: Access) -> bool:
        return _any((pattern for pattern in self.resources if not pattern.startswith(SCHEMES)), access.name)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one principal may do."""

    allow: tuple[Rule, ...] = (Rule(("*",)),)
    deny: tuple[Rule, ...] = ()

    def permit(self, access: Access) -> bool:
        """Whether the access is allowed, or need not be, and is not denied."""
        return not self.denies(access) and self.allows(access)

    def denies(self, access: Access) -> bool:
        """Whether a rule denies it."""
        return any(rule.denies(access) for rule in self.deny)

    def allows(self, access: Access) -> bool:
        """Whether a rule allows it, or none has to."""
        counts = not access.implied or self.bounds_service(access.action.partition(":")[0])
        return not counts or any(rule.allows(access) for rule in self.allow)

    def bounds_service(self, service: str) -> bool:
        """Whether the principal needs rules for a service's actions that operations of another service imply.

        Pipelines had keys before such actions were checked: one whose rules say nothing of the service goes on working.
        """
        return any(rule.names_service(service) for rule in self.allow)


EVERYTHING = Rights()
"""The rights of a principal without rules; what its requests touch need not be found out."""


def authorize(user_arn: str, rights: Rights, access: Access) -> None:
    """Let a caller have the access.

    Raises:
        AccessDenied: in AWS's words [S]; of names that are bound together it names the first that is not allowed.
    """
    if rights.permit(access):
        return
    action, explicit = access.action, rights.denies(access)
    culprit = _first_refused(rights, access)
    why = "with an explicit deny in" if explicit else "because no identity-based policy allows the"
    tail = f"{why} an identity-based policy" if explicit else f"{why} {action} action"
    raise AccessDenied(f"User: {user_arn} is not authorized to perform: {action} on resource: {culprit.arn} {tail}")


def _first_refused(rights: Rights, access: Access) -> Access:
    parts = (replace(access, bound=()), *access.bound)
    return next((part for part in parts if not rights.permit(part)), access)


def _patterns(written: object) -> tuple[str, ...]:
    if isinstance(written, list) and written and all(isinstance(pattern, str) for pattern in written):
        return tuple(written)
    raise SettingsRefused(f"'actions' and 'resources' must be lists of patterns, not {written!r}.")


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(matches(pattern, text) for pattern in patterns)
