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
from edgewright.packaging import Manifest, Model, Package, PackagedFile
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


MADE = Package(Manifest(Model("digits", "1.0"), (PackagedFile("a", 1, "0" * 64),)), "", 10, "f" * 64)


def test_one_file_is_one_file() -> None:
    message = messages.completed(MADE, compared=True, overwrote=None)
    assert message == "The package is complete: 1 file, 10 bytes."


def test_a_package_says_what_it_was_not_compared_with_and_whose_place_it_took() -> None:
    message = messages.completed(MADE, compared=False, overwrote="arn:other")
    assert message == (
        "The package is complete: 1 file, 10 bytes. Its source was not compared with the compilation job, of which "
        "this job has no digest. It was written over what arn:other had made, at the same place."
    )
