"""One page of jobs: a query as a value, and the SELECT that it stands for.

Paging is by keyset: a page begins behind the last row of the page before, found through the index of the sort column,
so the thousandth page costs what the first does. Equal sort values are ordered by name, which is unique, so no row is
skipped or repeated while jobs come and go.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Integer, Select, Table, bindparam, func, literal, select, tuple_

from edgewright.database.clock import milliseconds
from edgewright.jobs.kinds import JOBS
from edgewright.jobs.rows import KEY_COLUMNS
from edgewright.jobs.views import LISTED

if TYPE_CHECKING:
    from edgewright.jobs.job import Job, Kind
    from edgewright.jobs.states import Status

_MICROSECOND = timedelta(microseconds=1)

SHORT = 20
"""Rows of a page that is read faster than a thread is reached while others use them."""
FEW = 2000
"""Rows that are cheap to sort for a page."""
SHAPES = 256
"""SELECTs that are kept: one for each set of filters, order and kind that clients use."""

Compare = Callable[[Any, Any], Any]
Parameters = dict[str, Any]


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

    @property
    def is_short(self) -> bool:
        """Whether its page is short, and found along an index."""
        return self.limit <= SHORT and self.name_contains is None and self.model_name_contains is None


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page.

    Attributes:
        jobs: in the asked order. `PackagingJob.model_signature` is None in all of them.
        cursor: `ListQuery.after` of the next page: the last row's sort value and name; None where no more jobs follow.
    """

    jobs: tuple[Job, ...]
    cursor: tuple[Any, str] | None


@dataclass(frozen=True, slots=True)
class QueryShape:
    """What the SELECTs of queries differ in but for their values; `given` names the values that there are."""

    kind: Kind
    sort_by: SortBy
    descending: bool
    given: frozenset[str]
    dialect: str
    by_order: bool


def statement(query: ListQuery, dialect: str, *, by_order: bool = False) -> tuple[Select[Any], Parameters]:
    """The SELECT of one page and of one row more, which tells whether another page follows; and its parameters.

    The columns are the name, the sort value, then `LISTED`. A SELECT is built once for all queries of its shape.

    Args:
        query: what to list.
        dialect: SQLAlchemy's name of the database's kind.
        by_order: read along the index of the order, whatever other index a filter has.
    """
    values = _parameters(query)
    return _select(
        QueryShape(query.kind, query.sort_by, query.descending, frozenset(values), dialect, by_order)
    ), values


def probe(query: ListQuery) -> tuple[Select[Any], Parameters] | None:
    """A count, up to FEW + 1, of the rows in the ranges of time that the order's index does not serve; None if none.

    SQLite takes any range of time for a small one, and would sort a million rows for a page. Where the range is small
    indeed, its own index is the way; where it is not, the order's index soon finds a page's rows.
    """
    parameters, order = _parameters(query), COLUMN_OF[query.sort_by]
    others = frozenset(name for name in parameters if name in _TIMES and _TIMES[name][0] != order)
    return (_count(query.kind, others), parameters) if others else None


_TIMES: Mapping[str, tuple[str, Compare]] = {
    "created_after": ("created_at", operator.gt),
    "created_before": ("created_at", operator.le),
    "modified_after": ("modified_at", operator.gt),
    "modified_before": ("modified_at", operator.le),
}
"""Which column a filter on time compares, and how."""


def _parameters(query: ListQuery) -> Parameters:
    """The values of a query by their names in the SELECT; which there are is its shape.

    A whole unit of time lies before any later part of itself.
    """
    after = (None, None) if query.after is None else query.after
    created_before, modified_before = query.created_before, query.modified_before
    values = {
        "account": query.account,
        "region": query.region,
        "limit": query.limit + 1,
        "after_order": after[0],
        "after_name": after[1],
        "status": query.status and str(query.status),
        "name_contains": query.name_contains or None,
        "model_name_contains": query.model_name_contains or None,
        "created_after": query.created_after and milliseconds(query.created_after),
        "created_before": created_before and milliseconds(created_before - _MICROSECOND),
        "modified_after": query.modified_after and milliseconds(query.modified_after),
        "modified_before": modified_before and milliseconds(modified_before - _MICROSECOND),
        # A job is not modified before it is created, so each of these follows, and bounds the other column's index.
        "modified_from": query.created_after and milliseconds(query.created_after),
        "created_until": modified_before and milliseconds(modified_before),
    }
    return {name: value for name, value in values.items() if value is not None}


@lru_cache(maxsize=SHAPES)
def _select(shape: QueryShape) -> Select[Any]:
    table = JOBS[shape.kind]
    order = table.c[COLUMN_OF[shape.sort_by]]
    found = select(table.c.name, order, *(table.c[name] for name in LISTED[shape.kind].names))
    found = found.where(*_conditions(table, shape), *_ranges(table, shape))
    # The key's first columns are fixed, and named in the order only so that the planner sees the index's own order.
    ordering = [table.c[name] for name in KEY_COLUMNS[:2]] + ([order] if order is not table.c.name else [])
    ordering.append(table.c.name)
    found = found.order_by(*(column.desc() if shape.descending else column.asc() for column in ordering))
    return found.limit(bindparam("limit", type_=Integer))


@lru_cache(maxsize=SHAPES)
def _count(kind: Kind, others: frozenset[str]) -> Select[Any]:
    table = JOBS[kind]
    rows = select(literal(1)).where(
        table.c.account == bindparam("account"),
        table.c.region == bindparam("region"),
        *(compare(table.c[column], bindparam(name)) for name, (column, compare) in _TIMES.items() if name in others),
    )
    return select(func.count()).select_from(rows.limit(FEW + 1).subquery())


def _conditions(table: Table, shape: QueryShape) -> Iterator[ColumnElement[bool]]:
    yield table.c.account == bindparam("account")
    yield table.c.region == bindparam("region")
    if "status" in shape.given:
        yield table.c.status == bindparam("status")
    for name in ("name", "model_name"):
        if f"{name}_contains" in shape.given:
            yield _contains(table.c[name], f"{name}_contains", shape.dialect)
    if "after_name" in shape.given:
        yield _behind(table.c[COLUMN_OF[shape.sort_by]], table.c.name, descending=shape.descending)


def _ranges(table: Table, shape: QueryShape) -> Iterator[ColumnElement[bool]]:
    """The conditions on times; with `by_order` written so that only the order's column offers an index."""
    order = COLUMN_OF[shape.sort_by]
    for name, (column, compare) in _TIMES.items():
        if name in shape.given:
            yield compare(
                table.c[column] + 0 if shape.by_order and column != order else table.c[column], bindparam(name)
            )
    if "modified_from" in shape.given:
        yield table.c.modified_at >= bindparam("modified_from")
    if "created_until" in shape.given:
        yield table.c.created_at <= bindparam("created_until")


def _behind(order: ColumnElement[Any], name: ColumnElement[str], *, descending: bool) -> ColumnElement[bool]:
    """Whether a row comes behind the last one of the page before."""
    last: ColumnElement[Any] = bindparam("after_name", type_=name.type)
    here: ColumnElement[Any] = name
    if order is not name:
        here, last = tuple_(order, name), tuple_(bindparam("after_order", type_=order.type), last)
    behind: ColumnElement[bool] = here < last if descending else here > last
    return behind


def _contains(column: ColumnElement[str], parameter: str, dialect: str) -> ColumnElement[bool]:
    """Whether a text holds a part, without the wildcards and the case-blindness of LIKE."""
    find = func.instr if dialect == "sqlite" else func.strpos
    position: ColumnElement[int] = find(column, bindparam(parameter, type_=column.type))
    return position > 0
