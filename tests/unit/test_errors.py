from __future__ import annotations

import pytest

from edgewright.errors import ArchiveRefused, LimitExceeded, ModelRefused, ValidationFault, about, root_cause


def test_an_error_notes_the_member_that_it_is_about_once() -> None:
    def nested() -> None:
        with about("outputConfig"), about("outputConfig.kmsKeyId"):
            raise ValidationFault("no")

    with pytest.raises(ValidationFault) as refused:
        nested()
    assert refused.value.field == "outputConfig.kmsKeyId"
    assert ValidationFault("another").field == ""


def test_other_errors_pass() -> None:
    def other() -> None:
        with about("roleArn"):
            raise KeyError("x")

    with pytest.raises(KeyError):
        other()


def test_the_root_cause_is_the_first_error_of_ours() -> None:
    first = LimitExceeded("too many")
    second = ArchiveRefused("too many. Bucket: b")
    second.__cause__ = first
    third = ModelRefused("InputConfiguration: too many. Bucket: b")
    third.__cause__ = second
    assert root_cause(third) == "LimitExceeded"
    foreign = ModelRefused("no")
    foreign.__cause__ = ValueError("x")
    assert root_cause(foreign) == "ModelRefused"
    assert root_cause(ZeroDivisionError()) == "ZeroDivisionError"
