"""The statements that make and change jobs, for `Direct`: each is built once for each form that it takes. Pure.

Values are given as `is_<column>` for what a row must be, `new_<column>` for what it becomes, and `now` in seconds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, func, insert, select
from sqlalchemy import update as update_of

from edgewright.database.prepared import given
from edgewright.jobs.rows import COLUMNS, KEY_COLUMNS
from edgewright.jobs.states import SOURCES, UNFINISHED, Status
from edgewright.jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ClauseElement, ColumnElement, Table

    from edgewright.jobs.job import JobKey, Kind


def of(key: JobKey) -> dict[str, Any]:
    """The values that tell which job is meant."""
    return {"is_account": key.account, "is_region": key.region, "is_name": key.name}


def becoming(values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values as what a row becomes."""
    return {f"new_{name}": value for name, value in values.items()}


@cache
def making(kind: Kind) -> ClauseElement:
    """Inserts a row: `new_` values of every column of `to_row`, and `new_handed`."""
    names = (*KEY_COLUMNS, *COLUMNS[kind], "handed")
    return insert(JOBS[kind]).values({name: given(f"new_{name}") for name in names})


@cache
def moving(kind: Kind, to: Status, names: tuple[str, ...], *, guarded: bool) -> ClauseElement:
    """Moves a job to a status from where it may come from, with other columns; the whole row where it did.

    Guarded, it wants `is_attempt` to be the latest one.
    """
    table = JOBS[kind]
    where = [meant(table), table.c.status.in_(sorted(SOURCES[to]))]
    if guarded:
        where.append(table.c.attempt == given("is_attempt"))
    change = update_of(table).values(_new(names) | {"modified_at": _later(table)}).where(*where)
    return change.returning(*_whole(table, kind))


@cache
def beginning(kind: Kind, names: tuple[str, ...]) -> ClauseElement:
    """Moves a job to INPROGRESS as one more attempt, with other columns; the whole row where it did."""
    table = JOBS[kind]
    values = _new(names) | {"modified_at": _later(table), "attempt": table.c.attempt + 1}
    change = update_of(table).values(values)
    change = change.where(meant(table), table.c.status.in_(sorted(SOURCES[Status.INPROGRESS])))
    return change.returning(*_whole(table, kind))


@cache
def reporting(kind: Kind, *, guarded: bool) -> ClauseElement:
    """Records the progress of a job that runs; its status. Guarded, it wants `is_attempt` to be the latest one."""
    table = JOBS[kind]
    where = [meant(table), table.c.status.in_([Status.INPROGRESS, Status.STOPPING])]
    if guarded:
        where.append(table.c.attempt == given("is_attempt"))
    return update_of(table).values(_new(("bytes_done", "bytes_total"))).where(*where).returning(table.c.status)


@cache
def noting(kind: Kind, names: tuple[str, ...]) -> ClauseElement:
    """Changes columns of a job that runs in the attempt `is_attempt`; its status where it does."""
    table = JOBS[kind]
    runs = (meant(table), table.c.status == Status.INPROGRESS, table.c.attempt == given("is_attempt"))
    return update_of(table).values(_new(names)).where(*runs).returning(table.c.status)


@cache
def unfinished(kind: Kind) -> ClauseElement:
    """Counts the unfinished jobs of an account in a region."""
    table = JOBS[kind]
    place = (table.c.account == given("is_account"), table.c.region == given("is_region"))
    return select(func.count()).select_from(table).where(*place, table.c.status.in_(sorted(UNFINISHED)))


def meant(table: Table) -> ColumnElement[bool]:
    """Whether a row is the one that `of` tells."""
    return and_(*(table.c[name] == given(f"is_{name}") for name in KEY_COLUMNS))


def _new(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given(f"new_{name}") for name in names}


def _later(table: Table) -> ColumnElement[Any]:
    """Now, unless the row was modified by a clock that is ahead of ours."""
    now = given("now")
    return case((table.c.modified_at > now, table.c.modified_at), else_=now)


def _whole(table: Table, kind: Kind) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in COLUMNS[kind]]
