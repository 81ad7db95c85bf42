"""A job's tags, inside the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from edgewright.database.dialects import insert_into
from edgewright.jobs.tables import of_job, tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from edgewright.jobs.job import JobKey


def held(connection: Connection, key: JobKey) -> dict[str, str]:
    """A job's tags; none where there is no such job."""
    rows = connection.execute(select(tags.c.key, tags.c.value).where(of_job(tags, key)))
    return {name: value for name, value in rows}  # noqa: C416 - rows are not pairs to the type checker


def put(connection: Connection, key: JobKey, given: Mapping[str, str]) -> None:
    """Set tags, each over an earlier value of its key."""
    if not given:
        return
    upsert = insert_into(tags, connection)
    over = upsert.on_conflict_do_update(
        index_elements=list(tags.primary_key.columns), set_={"value": upsert.excluded.value}
    )
    connection.execute(over, [{**asdict(key), "key": name, "value": value} for name, value in given.items()])


def remove(connection: Connection, key: JobKey, names: Iterable[str]) -> None:
    """Remove tags; one that is not there is passed over."""
    connection.execute(delete(tags).where(of_job(tags, key), tags.c.key.in_(list(names))))


def remove_all(connection: Connection, key: JobKey) -> None:
    """Remove all tags of a job that is deleted."""
    connection.execute(delete(tags).where(of_job(tags, key)))
