"""Tags on both kinds of jobs."""

from __future__ import annotations

from typing import Any

import pytest

from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.jobs import Kind
from edgewright.operations import OPERATIONS, Context
from unit.operations.conftest import packaging_request


@pytest.fixture(params=list(Kind))
def arn(request: pytest.FixtureRequest, context: Context, compiled: str) -> str:
    """The ARN of a job of each kind."""
    OPERATIONS["CreateEdgePackagingJob"](context, packaging_request("job"))
    return context.key(request.param, "job" if request.param is Kind.PACKAGING else compiled).arn


def add(context: Context, arn: str, **tags: str) -> list[dict[str, str]]:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    response = OPERATIONS["AddTags"](context, {"ResourceArn": arn, "Tags": pairs})
    assert response is not None
    found: list[dict[str, str]] = response["Tags"]
    return found


def tags(context: Context, arn: str, **request: Any) -> dict[str, Any]:
    response = OPERATIONS["ListTags"](context, {"ResourceArn": arn, **request})
    assert response is not None
    return dict(response)


def test_tags_are_set_overwritten_and_removed(context: Context, arn: str) -> None:
    add(context, arn, b="1", a="2")
    assert add(context, arn, b="3") == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    assert OPERATIONS["DeleteTags"](context, {"ResourceArn": arn, "TagKeys": ["a", "z"]}) == {}
    assert tags(context, arn) == {"Tags": [{"Key": "b", "Value": "3"}]}


def test_fifty_tags_and_no_more(context: Context, arn: str) -> None:
    add(context, arn, **{f"k{number:02}": "" for number in range(50)})
    add(context, arn, k00="again")
    with pytest.raises(ValidationFault, match="51 tags, and 50 are allowed"):
        add(context, arn, more="")
    assert len(tags(context, arn)["Tags"]) == 50


def test_tags_come_in_pages(context: Context, arn: str) -> None:
    add(context, arn, **{f"k{number:02}": str(number) for number in range(7)})
    first = tags(context, arn, MaxResults=5)
    assert [pair["Key"] for pair in first["Tags"]] == ["k00", "k01", "k02", "k03", "k04"]
    rest = tags(context, arn, MaxResults=5, NextToken=first["NextToken"])
    assert [pair["Key"] for pair in rest["Tags"]] == ["k05", "k06"]
    assert "NextToken" not in rest
    with pytest.raises(ValidationFault, match="Invalid NextToken"):
        tags(context, arn, NextToken="made-up")


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ("arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/nobody", ResourceNotFound),
        ("arn:aws:sagemaker:eu-west-1:999999999999:edge-packaging-job/job", ResourceNotFound),
        ("arn:aws:sagemaker:us-east-1:123456789012:edge-packaging-job/job", ResourceNotFound),
        ("arn:aws:sagemaker:eu-west-1:123456789012:endpoint/x", ValidationFault),
    ],
)
@pytest.mark.parametrize("operation", ["AddTags", "ListTags", "DeleteTags"])
def test_an_arn_that_is_not_the_callers_job_is_refused(
    context: Context, arn: str, bad: str, error: type[Exception], operation: str
) -> None:
    with pytest.raises(error):
        OPERATIONS[operation](context, {"ResourceArn": bad, "Tags": [], "TagKeys": ["a"]})


def test_reserved_and_repeated_keys_are_refused(context: Context, arn: str) -> None:
    for pairs, words in (
        ([{"Key": "aws:made", "Value": ""}], "reserved"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate"),
    ):
        with pytest.raises(ValidationFault, match=words):
            OPERATIONS["AddTags"](context, {"ResourceArn": arn, "Tags": pairs})
    assert tags(context, arn) == {"Tags": []}
