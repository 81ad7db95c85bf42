"""What is wrong with a rule that could never match a request: an action or a resource that no operation has. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from edgewright.auth.globs import ANY, literals, matches, overlap
from edgewright.auth.rights import SCHEMES, Rights, Rule
from edgewright.operations import ACTIONS
from edgewright.operations.access import Resource

ARN_COLONS = 5
"""Before an ARN's last part: `arn:aws:sagemaker:eu-west-1:123456789012:compilation-job/digits`."""


def of_rights(rights: Rights) -> list[str]:
    """What is wrong with each rule, a sentence for each part that can never match."""
    return [fault for rule in (*rights.allow, *rights.deny) for fault in of_rule(rule)]


def of_rule(rule: Rule) -> list[str]:
    """The parts of a rule that can never match, a sentence for each."""
    return [*_action_faults(rule), *_resource_faults(rule)]


def _action_faults(rule: Rule) -> Iterator[str]:
    for action in rule.actions:
        known = _kinds(action)
        if known is None:
            yield (
                f"'{action}' is no action of this service: wanted one such as 'sagemaker:CreateEdgePackagingJob', or a "
                "pattern of some."
            )
        elif not any(_may_be(resource, known) for resource in rule.resources):
            named = ", ".join(map(repr, rule.resources))
            yield f"'{action}' is never on {named}: {_wanted(known)}."


def _resource_faults(rule: Rule) -> Iterator[str]:
    kinds = [known for action in rule.actions if (known := _kinds(action)) is not None]
    every = frozenset[Resource | None]().union(*kinds)
    impossible = [resource for resource in rule.resources if kinds and not _may_be(resource, every)]
    if len(impossible) < len(rule.resources):  # else each of the actions has a fault already
        for resource in impossible:
            yield f"'{resource}' is never what {', '.join(map(repr, rule.actions))} is on: {_wanted(every)}."


def _kinds(pattern: str) -> frozenset[Resource | None] | None:
    """The kinds of resources that the actions of a pattern are on, with None for no resource; None for no action."""
    found = [kinds for action, kinds in ACTIONS.items() if matches(pattern, action)]
    return frozenset(kind for kinds in found for kind in kinds or (None,)) if found else None


def _may_be(resource: str, kinds: Iterable[Resource | None]) -> bool:
    """Whether a pattern may be of a resource of one of these kinds; an action on no one resource is on `*`."""
    return any(matches(resource, ANY) if kind is None else _of_kind(resource, kind) for kind in kinds)


def _of_kind(resource: str, kind: Resource) -> bool:
    if resource.startswith(SCHEMES):
        return any(_overlap(resource, place) for place in kind.arns)
    return overlap(resource, kind.name) and re.fullmatch(f"{kind.characters}*", literals(resource)) is not None


def _overlap(resource: str, place: str) -> bool:
    """Whether two patterns of ARNs have an ARN in common; part by part where both have all parts."""
    one, other = resource.split(":", ARN_COLONS), place.split(":", ARN_COLONS)
    if len(one) == len(other) == ARN_COLONS + 1:
        return all(map(overlap, one, other))
    return overlap(resource, place)


def _wanted(kinds: Iterable[Resource | None]) -> str:
    nouns = sorted(f"{kind.noun}s" for kind in kinds if kind is not None)
    return f"it is on {' and '.join(nouns)}" if nouns else "it is on no one resource, so leave 'resources' out"
