"""What a caller may do: allow and deny rules over actions and resource names. Pure.

A rule names actions (`sagemaker:DescribeEdgePackagingJob`, `sagemaker:List*`) and, if it is not for all, the names of
the resources (`prod-*`). `*` stands for any run of characters, `?` for one. A deny beats every allow, and what nothing
allows is denied, as with AWS's own policies [S].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from edgewright.errors import AccessDenied, SettingsRefused

if TYPE_CHECKING:
    from edgewright.operations import Access


@dataclass(frozen=True, slots=True)
class Rule:
    """Actions, and the names of the resources that they are meant for."""

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

    def covers(self, action: str, resource: str) -> bool:
        """Whether the rule is about this action on the resource of this name."""
        return _any(self.actions, action) and _any(self.resources, resource)


@dataclass(frozen=True, slots=True)
class Rights:
    """What one principal may do."""

    allow: tuple[Rule, ...] = (Rule(("*",)),)
    deny: tuple[Rule, ...] = ()

    def permit(self, action: str, resource: str) -> bool:
        """Whether the action is allowed on the resource of this name, and not denied."""
        return not _covered(self.deny, action, resource) and _covered(self.allow, action, resource)


EVERYTHING = Rights()
"""The rights of a principal without rules; what its requests touch need not be found out."""


def authorize(user_arn: str, rights: Rights, access: Access) -> None:
    """Let a caller have the access.

    Raises:
        AccessDenied: in AWS's words [S].
    """
    if rights.permit(access.action, access.name):
        return
    explicit = _covered(rights.deny, access.action, access.name)
    why = "with an explicit deny in" if explicit else "because no identity-based policy allows the"
    tail = f"{why} an identity-based policy" if explicit else f"{why} {access.action} action"
    raise AccessDenied(
        f"User: {user_arn} is not authorized to perform: {access.action} on resource: {access.arn} {tail}"
    )


def _covered(rules: Iterable[Rule], action: str, resource: str) -> bool:
    return any(rule.covers(action, resource) for rule in rules)


def _patterns(written: object) -> tuple[str, ...]:
    if isinstance(written, list) and written and all(isinstance(pattern, str) for pattern in written):
        return tuple(written)
    raise SettingsRefused(f"'actions' and 'resources' must be lists of patterns, not {written!r}.")


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(_compiled(pattern).fullmatch(text) for pattern in patterns)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """`*` and `?` alone have a meaning; everything else is itself, and case counts."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
