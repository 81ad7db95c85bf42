from __future__ import annotations

import pytest

from edgewright.console.advice import AGAIN, advice


def test_an_operators_fault_is_not_the_callers() -> None:
    told = advice("InternalServerError: The object store could not be reached, or broke off.")
    assert told.whose == "The service, or its operator"
    assert any("worker's log" in step for step in told.steps)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("ClientError: InputConfiguration: There is no object s3://models/a: not found.", "bucket and key"),
        ("ClientError: The archive has over 10 members, which limits.members allows.", "raise the limit"),
        ("ClientError: DataInputConfig names 'x', which the model has not.", "DataInputConfig"),
        ("ClientError: CompilationTimeOut: The model was not compiled.", "more time"),
        ("ClientError: Member 'a' is refused: it is a link.", "Pack the archive anew"),
        ("ClientError: Something else.", "Mend what the message names"),
    ],
)
def test_each_failure_has_a_next_step(message: str, words: str) -> None:
    told = advice(message)
    assert told.whose == "Whoever sent the request"
    assert words in " ".join(told.steps)
    assert told.steps[-1] == AGAIN
