from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from edgewright.console.filters import MOST_EARLIER, Filters, filters
from edgewright.errors import ValidationFault

SORTS = ("CREATION_TIME", "NAME")


def at(address: str) -> Filters:
    return filters("/console/jobs", dict(parse_qsl(urlsplit(address).query)), SORTS)


def test_an_empty_address_asks_for_the_newest() -> None:
    assert at("/console/jobs").request() == {"SortBy": "CREATION_TIME", "SortOrder": "Descending", "MaxResults": 25}


def test_every_filter_becomes_a_member() -> None:
    asked = at("/?q=a&model=b&status=FAILED&from=2026-03-04&to=2026-03-05&sort=NAME&order=Ascending&size=50&after=t")
    assert asked.request() == {
        "NameContains": "a",
        "ModelNameContains": "b",
        "StatusEquals": "FAILED",
        "CreationTimeAfter": datetime(2026, 3, 3, 23, 59, 59, 999_000, UTC),
        "CreationTimeBefore": datetime(2026, 3, 6, tzinfo=UTC),
        "NextToken": "t",
        "SortBy": "NAME",
        "SortOrder": "Ascending",
        "MaxResults": 50,
    }
    assert asked.narrowed


@pytest.mark.parametrize("day", ["yesterday", "2026-02-30", "9999-12-31"])
def test_a_day_that_is_none_is_refused(day: str) -> None:
    with pytest.raises(ValidationFault, match=f"'{day}' is not a day"):
        at(f"/?to={day}").request()


def test_columns_and_sizes_that_are_unknown_are_the_first() -> None:
    asked = at("/?sort=secret&size=100000")
    assert (asked.sort, asked.size) == ("CREATION_TIME", 25)


def test_a_column_sorts_downwards_first_and_turns_over() -> None:
    assert at(at("/?q=x&after=t&trail=~").sorted_by("NAME")).query == {"q": "x", "sort": "NAME", "order": "Descending"}
    assert at(at("/?sort=NAME").sorted_by("NAME")).order == "Ascending"
    assert at(at("/?sort=NAME&order=Ascending").sorted_by("NAME")).order == "Descending"


def test_pages_lead_forth_and_back() -> None:
    pages = [at("/?q=x")]
    for token in ("one==", "two-_", "three"):
        pages.append(at(pages[-1].next(token)))
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert [page.query.get("after") for page in pages] == [None, "one==", "two-_", "three"]
    assert pages[0].previous is None
    for here, before in zip(pages[1:], pages, strict=False):
        assert here.previous is not None
        back = at(here.previous)
        assert (back.query.get("after"), back.number) == (before.query.get("after"), before.number)


def test_an_address_remembers_so_many_pages_and_no_more() -> None:
    page = at("/")
    for number in range(MOST_EARLIER * 2):
        page = at(page.next(f"token-{number}"))
    assert page.query["trail"].count("~") < MOST_EARLIER
