"""What to do about a job that failed, beside what it says of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass

CALLER, OPERATOR = "ClientError:", "InternalServerError:"


@dataclass(frozen=True, slots=True)
class Advice:
    """Whose turn it is, and what they can do."""

    whose: str
    steps: tuple[str, ...]


AGAIN = "Create the job again under another name: its form is filled in already."
MISSING = (
    "Look whether the object is there, and whether its bucket and key are spelled like that: both are case-sensitive.",
    AGAIN,
)
BY_WORDS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("no object", "not found", "does not exist"), MISSING),
    (
        ("limits.", "allowed", "over "),
        ("Make the archive smaller, or have the operator raise the limit that the message names.", AGAIN),
    ),
    (
        ("DataInputConfig", "InputConfiguration"),
        ("Compare the model's inputs with DataInputConfig: names and shapes must be the model's own.", AGAIN),
    ),
    (
        ("CompilationTimeOut",),
        ("Give the job more time in StoppingCondition.MaxRuntimeInSeconds, or compile a smaller model.", AGAIN),
    ),
    (
        ("Member ", "archive", "tar"),
        ("Pack the archive anew with the member that the message names mended or left out.", AGAIN),
    ),
)


def advice(message: str) -> Advice:
    """What to do about a failure.

    Args:
        message: the job's own; it begins with whose fault it is.
    """
    if message.startswith(OPERATOR):
        again = (
            "Nothing in the request is at fault. Create the job again: its form is filled in already.",
            "If it fails again, the operator finds the whole reason in the worker's log, under the job's ARN.",
        )
        return Advice("The service, or its operator", again)
    for words, steps in BY_WORDS:
        if any(word in message for word in words):
            return Advice("Whoever sent the request", steps)
    return Advice("Whoever sent the request", ("Mend what the message names.", AGAIN))
