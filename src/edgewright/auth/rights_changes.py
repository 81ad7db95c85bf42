"""What it changes for a key that every access of an operation is checked, and not the job's name alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edgewright.auth.globs import ANY, matches
from edgewright.auth.rights import SCHEMES, Rights, Rule

CREATE, DESCRIBE = "sagemaker:CreateEdgePackagingJob", "sagemaker:DescribeCompilationJob"
IMPLIED = ("s3", "greengrass")
"""The services whose actions operations of SageMaker's imply."""


def blocked(rights: Rights) -> bool:
    """Whether the key may create edge packaging jobs by its rules, and describe no compilation job to make them of."""
    return _named(rights.allow, CREATE) and not _named(rights.allow, DESCRIBE)


def notes(rights: Rights) -> Iterator[str]:
    """What counts for the key now that did not before, a sentence for each."""
    if not _named(rights.allow, CREATE):
        return
    names = sorted({name for rule in (*rights.allow, *rights.deny) if _of(rule, CREATE) for name in _names(rule)})
    if names:
        patterns = ", ".join(map(repr, names))
        yield f"{patterns} binds the compilation jobs and components of edge packaging jobs too."
    for service in IMPLIED:
        if rights.bounds_service(service):
            yield f"What its jobs do by {service}: actions must be allowed, for it has a rule that names one."
        elif any(rule.names_service(service) for rule in rights.deny):
            yield f"What it is denied by {service}: actions is denied to its jobs too."


def _of(rule: Rule, action: str) -> bool:
    return any(matches(pattern, action) for pattern in rule.actions)


def _named(rules: Iterable[Rule], action: str) -> bool:
    return any(_of(rule, action) for rule in rules)


def _names(rule: Rule) -> Iterator[str]:
    """The rule's name patterns that are not of every name."""
    return (name for name in rule.resources if not name.startswith(SCHEMES) and name != ANY)
