from __future__ import annotations

import pytest

from edgewright import errors
from edgewright.console.advice import AGAIN, CALLER, OPERATOR, STEPS, advice


@pytest.mark.parametrize("error", ["StoreUnavailable", "CompilerFailed", "ZeroDivisionError", "TooManyAttempts"])
def test_an_operators_error_is_not_the_callers(error: str) -> None:
    found = advice(error)
    assert found.who == OPERATOR
    assert any("worker's log" in step for step in found.steps)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("ObjectNotFound", "bucket and key"),
        ("LimitExceeded", "raise the limit"),
        ("ModelRefused", "DataInputConfig"),
        ("CompilationTimedOut", "more time"),
        ("ArchiveRefused", "Pack the archive again"),
        ("RoleRefused", "Fix what the message names"),
        (None, "Fix what the message names"),
    ],
)
def test_each_failure_has_a_next_step(error: str | None, words: str) -> None:
    found = advice(error)
    assert found.who == CALLER
    assert words in " ".join(found.steps)
    assert found.steps[-1] == AGAIN


def test_steps_are_for_errors_that_there_are() -> None:
    assert all(issubclass(getattr(errors, name), errors.CallerError) for name in STEPS)
