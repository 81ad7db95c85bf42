"""What must hold after a chaos test. Pure: facts in, violations out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from chaos.lifecycle import ENDS, contradictions
from chaos.plan import REFUSED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from chaos.clients import Notes
    from chaos.plan import JobPlan

STORE_BROKE_OFF = "InternalServerError: The object store could not be reached, or broke off."
"""What a good job's failure may say, where the store was made to fail."""


class Breach(StrEnum):
    """In which way something does not hold."""

    LOST = "lost"
    """A job that was accepted is gone, or its package is."""
    DOUBLED = "doubled"
    """Something is there twice, or was promised twice."""
    STUCK = "stuck"
    """A job, or a client's call, stands still."""
    WRONG = "wrong"
    """An end that the job's history does not allow, or bytes that are not the right ones."""
    LEFT = "left behind"
    """An object, upload or row that belongs to no job."""
    BACKWARDS = "backwards"
    """A client saw a job go back."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that does not hold."""

    kind: Breach
    what: str


@dataclass(frozen=True, slots=True)
class Final:
    """A job as its last Describe has it."""

    status: str
    message: str
    version: str
    artifact: str | None = None
    component: str | None = None
    component_status: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: the SHA-256 of its bytes, and why its signature is refused, if it is."""

    sha256: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was found afterwards.

    Attributes:
        notes: every answer that the clients got.
        finals: each job in the list of jobs, by its name.
        expected: for each job, the key and digest of the one object that it may have, if it may have one.
        objects: each object in the bucket of packages, by its key.
        unfinished: uploads and files that are no objects yet.
        components: the ARNs of all component versions.
        orphans: what the engine and the registry of workers still hold.
        store_fails: whether the store was made to fail.
    """

    notes: Notes
    finals: Mapping[str, Final]
    expected: Mapping[str, tuple[str, str]]
    objects: Mapping[str, Stored]
    unfinished: Sequence[str] = ()
    components: Collection[str] = ()
    orphans: Sequence[str] = ()
    store_fails: bool = True
    plans: Mapping[str, JobPlan] = field(default_factory=dict)


def violations(facts: Facts) -> list[Violation]:
    """Everything that does not hold."""
    found: list[Violation] = []
    for check in (_answers, _promised_once, _jobs, _ends, _objects, _components, _observations, _left):
        found += check(facts)
    return found


def _answers(facts: Facts) -> Iterator[Violation]:
    for answer in facts.notes.unexpected:
        yield Violation(Breach.WRONG, answer)
    for answer in facts.notes.unanswered:
        yield Violation(Breach.STUCK, answer)


def _promised_once(facts: Facts) -> Iterator[Violation]:
    for name, versions in facts.notes.made.items():
        if len(versions) > 1:
            yield Violation(Breach.DOUBLED, f"{name}: {len(versions)} clients got 200 for it: {versions}")
        elif name in facts.finals and facts.finals[name].version != versions[0]:
            yield Violation(
                Breach.WRONG,
                f"{name} is of version {facts.finals[name].version}, and was promised as {versions[0]}",
            )


def _jobs(facts: Facts) -> Iterator[Violation]:
    for name in sorted(facts.notes.accepted.keys() - facts.finals.keys()):
        yield Violation(Breach.LOST, f"{name} was accepted, and is not there")
    for name in sorted(facts.finals.keys() - facts.plans.keys()):
        yield Violation(Breach.WRONG, f"{name} is there, and nobody asked for it")
    for name, final in facts.finals.items():
        if final.status not in ENDS:
            yield Violation(Breach.STUCK, f"{name} stands still as {final.status}: {final.message}")


def _ends(facts: Facts) -> Iterator[Violation]:
    for name, final in facts.finals.items():
        plan = facts.plans.get(name)
        fault = None if plan is None else _end_fault(facts, plan, final)
        if fault:
            yield Violation(Breach.WRONG, f"{name} is {final.status}: {fault} ({final.message})")


def _end_fault(facts: Facts, plan: JobPlan, final: Final) -> str | None:
    notes = facts.notes
    if final.status == "STOPPED":
        return None if plan.name in notes.stops_asked else "nobody asked for a Stop"
    if final.status in ENDS and plan.name in notes.stops_taken:
        return "a Stop was taken, and nothing else may follow it"
    refusal = notes.stops_refused.get(plan.name)
    if refusal and final.status in ENDS and final.status not in refusal:
        return f"its Stop was refused otherwise: {refusal}"
    reason = REFUSED.get(plan.source)
    if final.status == "COMPLETED" and reason:
        return f"it is made of a {plan.source} source"
    if final.status == "FAILED":
        return _failure_fault(facts, reason, final)
    return None


def _failure_fault(facts: Facts, reason: str | None, final: Final) -> str | None:
    if facts.store_fails and final.message.startswith(STORE_BROKE_OFF):
        return None
    if reason is None:
        return "nothing is wrong with its source"
    return None if final.message.startswith(reason) else f"its message should begin with {reason!r}"


def _objects(facts: Facts) -> Iterator[Violation]:
    owners: dict[str, str] = {}
    for name, final in facts.finals.items():
        if final.status != "COMPLETED" or name not in facts.expected:
            continue
        key, sha256 = facts.expected[name]
        owners[key] = name
        stored = facts.objects.get(key)
        if final.artifact is None or not final.artifact.endswith(f"/{key}"):
            yield Violation(Breach.WRONG, f"{name} names {final.artifact}, and should name {key}")
        if stored is None:
            yield Violation(Breach.LOST, f"{name} is COMPLETED, and {key} is not there")
        elif stored.refusal:
            yield Violation(Breach.WRONG, f"{key} of {name} does not verify: {stored.refusal}")
        elif stored.sha256 != sha256:
            yield Violation(Breach.WRONG, f"{key} of {name} has SHA-256 {stored.sha256}, and should have {sha256}")
    for key in sorted(facts.objects.keys() - owners.keys()):
        yield Violation(Breach.LEFT, f"the object {key} belongs to no COMPLETED job{_whose(facts, key)}")


def _whose(facts: Facts, key: str) -> str:
    for name, (wanted, _) in facts.expected.items():
        if wanted == key:
            return f"; it is of {name}, which is {facts.finals[name].status}"
    return ""


def _components(facts: Facts) -> Iterator[Violation]:
    owners: set[str] = set()
    for name, final in facts.finals.items():
        plan = facts.plans.get(name)
        if plan is None or not plan.component or final.status != "COMPLETED":
            continue
        if final.component_status != "COMPLETED" or final.component is None:
            yield Violation(Breach.WRONG, f"{name} has no component: {final.component_status} {final.component}")
        elif final.component in owners:
            yield Violation(Breach.DOUBLED, f"{name} names {final.component}, which another job has made")
        elif final.component not in facts.components:
            yield Violation(Breach.LOST, f"{name} names {final.component}, which is not there")
        owners.add(final.component or "")
    for arn in sorted(set(facts.components) - owners):
        yield Violation(Breach.LEFT, f"the component {arn} belongs to no COMPLETED job")


def _observations(facts: Facts) -> Iterator[Violation]:
    for name, seen in facts.notes.observations.items():
        for what in contradictions(seen):
            yield Violation(Breach.BACKWARDS, f"{name}: {what}")


def _left(facts: Facts) -> Iterator[Violation]:
    for what in (*facts.unfinished, *facts.orphans):
        yield Violation(Breach.LEFT, what)
