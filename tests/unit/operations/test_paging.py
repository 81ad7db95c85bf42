"""NextToken: goes on where it should, fits one query, and cannot be made up."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.errors import ValidationFault
from edgewright.operations import OPERATIONS, Caller, Context, paging
from unit.operations.conftest import packaging_request

if TYPE_CHECKING:
    from collections.abc import Iterator

LIST = "ListEdgePackagingJobs"


@pytest.fixture
def five(context: Context, compiled: str) -> Context:
    for number in range(5):
        OPERATIONS["CreateEdgePackagingJob"](context, packaging_request(f"job-{number}"))
    return context


def pages(context: Context, **request: Any) -> Iterator[list[str]]:
    token: dict[str, str] = {}
    while True:
        response = OPERATIONS[LIST](context, request | token)
        assert response is not None
        yield [job["EdgePackagingJobName"] for job in response["EdgePackagingJobSummaries"]]
        if "NextToken" not in response:
            return
        token = {"NextToken": response["NextToken"]}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("sort", ["NAME", "CREATION_TIME", "MODEL_NAME", "STATUS", "LAST_MODIFIED_TIME"])
def test_pages_together_are_the_whole_list(five: Context, size: int, sort: str) -> None:
    for order, wanted in (("Ascending", 1), ("Descending", -1)):
        found = list(pages(five, MaxResults=size, SortBy=sort, SortOrder=order))
        assert [name for page in found for name in page] == [f"job-{n}" for n in range(5)][::wanted]
        assert all(len(page) == size for page in found[:-1])


def test_the_page_size_may_change_between_pages(five: Context) -> None:
    first = OPERATIONS[LIST](five, {"MaxResults": 1})
    assert first is not None
    rest = OPERATIONS[LIST](five, {"MaxResults": 50, "NextToken": first["NextToken"]})
    assert rest is not None
    assert len(rest["EdgePackagingJobSummaries"]) == 4


def test_under_one_result_is_refused(five: Context) -> None:
    with pytest.raises(ValidationFault, match="'0' at 'maxResults' failed to satisfy constraint"):
        OPERATIONS[LIST](five, {"MaxResults": 0})


@pytest.fixture
def token(context: Context) -> str:
    return paging.make_token(context, LIST, {"NameContains": "a"}, ["x", "name"])


def test_a_token_opens_for_its_own_query_alone(context: Context, token: str) -> None:
    good = {"NameContains": "a", "NextToken": token}
    assert paging.read_token(context, LIST, good) == ["x", "name"]
    assert paging.read_token(context, LIST, {"NameContains": "a"}) is None
    others: list[tuple[Context, str, dict[str, Any]]] = [
        (context, "ListCompilationJobs", good),
        (context, LIST, good | {"NameContains": "b"}),
        (context, LIST, good | {"SortBy": "NAME"}),
        (replace(context, caller=Caller("999999999999", context.caller.region)), LIST, good),
        (replace(context, caller=Caller(context.caller.account, "us-east-1")), LIST, good),
        (replace(context, token_key=b"another"), LIST, good),
    ]
    for other in others:
        with pytest.raises(ValidationFault, match="Invalid NextToken"):
            paging.read_token(*other)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_nobody_makes_a_token_up(context: Context, made_up: str) -> None:
    if made_up:
        with pytest.raises(ValidationFault, match="Invalid NextToken"):
            paging.read_token(context, LIST, {"NextToken": made_up})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(context: Context, token: str, place: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(token))
    raw[place % len(raw)] ^= 1 << bit
    changed = base64.urlsafe_b64encode(raw).decode()
    with pytest.raises(ValidationFault, match="Invalid NextToken"):
        paging.read_token(context, LIST, {"NameContains": "a", "NextToken": changed})


def test_a_token_with_a_time_of_modification_in_seconds_is_refused(five: Context) -> None:
    """As the version before made them: it would be read as a time in 1970, with no job before it."""
    at = int(five.now().timestamp())
    request = {"SortBy": "LAST_MODIFIED_TIME"}
    token = paging.make_token(five, LIST, request, [at, "job-3"])
    with pytest.raises(ValidationFault, match="Invalid NextToken"):
        OPERATIONS[LIST](five, request | {"NextToken": token})
    by_creation = {"SortBy": "CREATION_TIME"}
    token = paging.make_token(five, LIST, by_creation, [at * 1000 + 999, "job-3"])
    page = OPERATIONS[LIST](five, by_creation | {"NextToken": token})
    assert page is not None
    assert len(page["EdgePackagingJobSummaries"]) == 5
