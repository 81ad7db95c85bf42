"""One page of jobs: a query as a value, and the SELECT that it stands for.

Paging is by keyset: a page begins behind the last row of the page before, found through the index of the sort column,
so the thousandth page costs what the first does. Equal sort values are ordered by name, which is unique, so no row is
skipped or repeated while jobs come and go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Select, Table, func, select, tuple_

from edgewright.jobs.rows import KEY_COLUMNS, LISTED, milliseconds, seconds
from edgewright.jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgewright.jobs.job import Job, Kind
    from edgewright.jobs.states import Status

_MICROSECOND = timedelta(microseconds=1)


class SortBy(StrEnum):
    """What a listing is ordered by, in the words of ListEdgePackagingJobs; the value names no column on purpose."""

    NAME = "NAME"
    MODEL_NAME = "MODEL_NAME"  # edge packaging jobs only
    CREATION_TIME = "CREATION_TIME"
    LAST_MODIFIED_TIME = "LAST_MODIFIED_TIME"
    STATUS = "STATUS"


COLUMN_OF = {
    SortBy.NAME: "name",
    SortBy.MODEL_NAME: "model_name",
    SortBy.CREATION_TIME: "created_at",
    SortBy.LAST_MODIFIED_TIME: "modified_at",
    SortBy.STATUS: "status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """Which jobs, in which order, from where on. All filters that are given must hold.

    Attributes:
        kind, account, region: whose jobs.
        limit: rows of one page, at least 1.
        after: `JobPage.cursor` of the page before, or None for the first page. Two plain JSON values.
        name_contains: a part of the name, in its exact case; so is model_name_contains.
        created_after, created_before: both exclusive, as are modified_after and modified_before.
    """

    kind: Kind
    account: str
    region: str
    sort_by: SortBy = SortBy.CREATION_TIME
    descending: bool = True
    limit: int = 100
    after: Sequence[Any] | None = None
    name_contains: str | None = None
    model_name_contains: str | None = None
    status: Status | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    modified_after: datetime | None = None
    modified_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page.

    Attributes:
        jobs: in the asked order. `PackagingJob.model_signature` is None in all of them.
        cursor: `ListQuery.after` of the next page: the last row's sort value and name; None where no more jobs follow.
    """

    jobs: tuple[Job, ...]
    cursor: tuple[Any, str] | None


def statement(query: ListQuery, dialect: str) -> Select[Any]:
    """The SELECT of one page and of one row more, which tells whether another page follows.

    The columns are the name, the sort value, then `LISTED`.
    """
    table = JOBS[query.kind]
    order = table.c[COLUMN_OF[query.sort_by]]
    columns = [table.c[name] for name in LISTED[query.kind]]
    found = select(table.c.name, order, *columns).where(*_conditions(query, table, dialect))
    if query.after is not None:
        found = found.where(_behind(order, table.c.name, query.after, descending=query.descending))
    # The key's first columns are fixed, and named in the order only so that the planner sees the index's own order.
    ordering = [table.c[name] for name in KEY_COLUMNS[:2]] + ([order] if order is not table.c.name else [])
    ordering.append(table.c.name)
    return found.order_by(*(column.desc() if query.descending else column.asc() for column in ordering)).limit(
        query.limit + 1
    )


def _behind(
    order: ColumnElement[Any], name: ColumnElement[str], after: Sequence[Any], *, descending: bool
) -> ColumnElement[bool]:
    here, there = (name, after[1]) if order is name else (tuple_(order, name), tuple_(*after))
    behind: ColumnElement[bool] = here < there if descending else here > there
    return behind


def _conditions(query: ListQuery, table: Table, dialect: str) -> Iterator[ColumnElement[bool]]:
    yield table.c.account == query.account
    yield table.c.region == query.region
    if query.status is not None:
        yield table.c.status == str(query.status)
    if query.name_contains:
        yield _contains(table.c.name, query.name_contains, dialect)
    if query.model_name_contains:
        yield _contains(table.c.model_name, query.model_name_contains, dialect)
    yield from _times(query, table)


def _times(query: ListQuery, table: Table) -> Iterator[ColumnElement[bool]]:
    """The bounds on both times.

    A job is never modified before it was created, so a bound on one time bounds the other from the same side: said
    aloud, it lets an index on the sort column skip what the filter would only discard row by row.
    """
    created, modified = table.c.created_at, table.c.modified_at
    if query.created_after is not None:
        yield created > milliseconds(query.created_after)
        yield modified >= seconds(query.created_after)
    if query.created_before is not None:  # a whole millisecond is before any later part of itself
        yield created <= milliseconds(query.created_before - _MICROSECOND)
    if query.modified_after is not None:
        yield modified > seconds(query.modified_after)
    if query.modified_before is not None:
        latest = seconds(query.modified_before - _MICROSECOND)
        yield modified <= latest
        yield created < (latest + 1) * 1000


def _contains(column: ColumnElement[str], part: str, dialect: str) -> ColumnElement[bool]:
    """Whether a text holds a part, without the wildcards and the case-blindness of LIKE."""
    position: ColumnElement[int] = func.instr(column, part) if dialect == "sqlite" else func.strpos(column, part)
    return position > 0
