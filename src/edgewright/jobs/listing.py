"""One page of jobs: a query as a value, and the SELECT that it stands for.

Paging is by keyset: a page begins behind the last row of the page before, found through the index of the sort column,
so the thousandth page costs what the first does. Equal sort values are ordered by name, which is unique, so no row is
skipped or repeated while jobs come and go.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ColumnElement, Select, Table, func, literal, select, tuple_

from edgewright.database.clock import milliseconds, seconds
from edgewright.jobs.rows import KEY_COLUMNS, LISTED
from edgewright.jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgewright.jobs.job import Job, Kind
    from edgewright.jobs.states import Status

_MICROSECOND, _SECOND = timedelta(microseconds=1), timedelta(seconds=1)

FEW = 2000
"""Rows that are sorted for a page without much ado."""

Compare = Callable[[Any, int], Any]


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


def statement(query: ListQuery, dialect: str, *, by_order: bool = False) -> Select[Any]:
    """The SELECT of one page and of one row more, which tells whether another page follows.

    The columns are the name, the sort value, then `LISTED`.

    Args:
        query: what to list.
        dialect: SQLAlchemy's name of the database's kind.
        by_order: read along the index of the order, whatever other index a filter has.
    """
    table = JOBS[query.kind]
    order = table.c[COLUMN_OF[query.sort_by]]
    columns = [table.c[name] for name in LISTED[query.kind]]
    found = select(table.c.name, order, *columns).where(*_conditions(query, table, dialect))
    found = found.where(*_ranges(query, table, by_order=by_order))
    if query.after is not None:
        found = found.where(_behind(order, table.c.name, query.after, descending=query.descending))
    # The key's first columns are fixed, and named in the order only so that the planner sees the index's own order.
    ordering = [table.c[name] for name in KEY_COLUMNS[:2]] + ([order] if order is not table.c.name else [])
    ordering.append(table.c.name)
    return found.order_by(*(column.desc() if query.descending else column.asc() for column in ordering)).limit(
        query.limit + 1
    )


def probe(query: ListQuery) -> Select[Any] | None:
    """A count, up to FEW + 1, of the rows in the ranges of time that the order's index does not serve; None if none.

    SQLite takes any range of time for a small one, and would sort a million rows for a page. Where the range is small
    indeed, its own index is the way; where it is not, the order's index soon finds a page's rows.
    """
    table, order = JOBS[query.kind], COLUMN_OF[query.sort_by]
    others = [compare(column, bound) for column, compare, bound in _times(query, table) if column.name != order]
    if not others:
        return None
    rows = select(literal(1)).where(table.c.account == query.account, table.c.region == query.region, *others)
    return select(func.count()).select_from(rows.limit(FEW + 1).subquery())


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


def _ranges(query: ListQuery, table: Table, *, by_order: bool) -> Iterator[ColumnElement[bool]]:
    """The conditions on times; with `by_order` written so that only the order's column offers an index."""
    order = COLUMN_OF[query.sort_by]
    for column, compare, bound in _times(query, table):
        yield compare(column + 0 if by_order and column.name != order else column, bound)
    # A job is not modified before it is created, so each of these follows, and bounds the other column's index.
    if query.created_after is not None:
        yield table.c.modified_at >= seconds(query.created_after)
    if query.modified_before is not None:
        yield table.c.created_at < milliseconds(query.modified_before + _SECOND)


def _times(query: ListQuery, table: Table) -> Iterator[tuple[Column[int], Compare, int]]:
    """Which column is compared how with what. A whole unit lies before any later part of itself."""
    created, modified = table.c.created_at, table.c.modified_at
    if query.created_after is not None:
        yield created, operator.gt, milliseconds(query.created_after)
    if query.created_before is not None:
        yield created, operator.le, milliseconds(query.created_before - _MICROSECOND)
    if query.modified_after is not None:
        yield modified, operator.gt, seconds(query.modified_after)
    if query.modified_before is not None:
        yield modified, operator.le, seconds(query.modified_before - _MICROSECOND)


def _contains(column: ColumnElement[str], part: str, dialect: str) -> ColumnElement[bool]:
    """Whether a text holds a part, without the wildcards and the case-blindness of LIKE."""
    position: ColumnElement[int] = func.instr(column, part) if dialect == "sqlite" else func.strpos(column, part)
    return position > 0
