"""What to do about a job that failed, beside what it says of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgewright import errors

CALLER, OPERATOR = "The sender of the request", "The operator of the service"


@dataclass(frozen=True, slots=True)
class Advice:
    """Who can fix a failure, and how."""

    who: str
    steps: tuple[str, ...]


AGAIN = "Create the job again under another name: its form is filled in already."
FIX = "Fix what the message names."
STEPS: Mapping[str, str] = {
    "ObjectNotFound": (
        "Check that the object is there, and that its bucket and key are spelled like that: both are case-sensitive."
    ),
    "SourceReplaced": (
        "Find out who wrote the object since it was compiled. If it is what you mean, register it as a compilation job "
        "of its own; else compile again, to an S3OutputLocation that nobody else writes to."
    ),
    "LimitExceeded": "Make the archive smaller, or have the operator raise the limit that the message names.",
    "ModelRefused": "Compare the model's inputs with DataInputConfig: names and shapes must be the model's own.",
    "ValidationFault": "Compare the model's inputs with DataInputConfig: names and shapes must be the model's own.",
    "CompilationTimedOut": (
        "Give the job more time in StoppingCondition.MaxRuntimeInSeconds, or compile a smaller model."
    ),
    "ArchiveRefused": "Pack the archive again, with the member that the message names fixed or left out.",
}
"""By the class of the error at the root."""
BY_OPERATOR = (
    "Nothing in the request is at fault. Create the job again: its form is filled in already.",
    "If it fails again, the operator finds the whole reason in the worker's log, under the job's ARN.",
)


def advice(error: str | None) -> Advice:
    """What to do about a failure.

    Args:
        error: the class of the error at the root, as the job's report names it; None of a job that has none, because
            an earlier version of the program did it.
    """
    cause = getattr(errors, error, None) if error else errors.CallerError
    if isinstance(cause, type) and issubclass(cause, errors.CallerError):
        return Advice(CALLER, (STEPS.get(cause.__name__, FIX), AGAIN))
    return Advice(OPERATOR, BY_OPERATOR)
