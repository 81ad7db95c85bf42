from __future__ import annotations

import pytest

from edgewright.errors import (
    ArchiveRefused,
    CompilerFailed,
    DatabaseUnavailable,
    KeyUnusable,
    ModelRefused,
    ObjectNotFound,
    StoreFull,
    StoreUnavailable,
)
from edgewright.worker import messages

OURS = "InternalServerError: The service could not do the job. Its operator finds the reason in the log."


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ObjectNotFound("No object."), "ClientError: No object."),
        (ArchiveRefused("Member 'x' is refused.", "x"), "ClientError: Member 'x' is refused."),
        (ModelRefused("InputConfiguration: no."), "ClientError: InputConfiguration: no."),
        (CompilerFailed("The compiler ran out of memory."), "InternalServerError: The compiler ran out of memory."),
        (DatabaseUnavailable("host=10.0.0.1 password=x"), OURS),
        (KeyUnusable("/home/me/key.pem"), OURS),
        (ZeroDivisionError("division by zero"), OURS),
    ],
)
def test_each_error_says_whose_it_is(error: Exception, sentence: str) -> None:
    assert messages.sentence(error) == sentence


def test_a_store_that_is_away_tells_no_address() -> None:
    assert "10.0.0.7" not in messages.sentence(StoreUnavailable("no route to 10.0.0.7"))


def test_a_store_that_is_full_says_so() -> None:
    assert messages.sentence(StoreFull("No space left on device")) == (
        "InternalServerError: The object store is full. Once its operator has made room, create the job again."
    )


def test_a_long_message_is_cut() -> None:
    sentence = messages.sentence(ObjectNotFound("x" * 5000))
    assert len(sentence) == messages.MOST_CHARACTERS
    assert sentence.endswith("x...")


def test_one_file_is_one_file() -> None:
    assert messages.completed(1, 10) == "The package is complete: 1 file, 10 bytes."
