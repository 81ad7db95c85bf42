"""Views: some members of jobs, read by `database.rows.ShortReads`: decision 0026 says why, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.rows import COLUMNS, DECODERS, KEY_COLUMNS, UNLISTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgewright.jobs.job import Job, JobKey, Kind


class View:
    """Some members of one kind of job: their SELECT by the job's key, and how each is decoded.

    Made once for all jobs, because a job is read far more often than it is written.
    """

    __slots__ = ("_decoders", "kind", "names", "queries")

    def __init__(self, kind: Kind, names: Sequence[str]) -> None:
        """Of the members of these names."""
        table = JOBS[kind]
        columns = ", ".join(table.c[name].name for name in names)
        where = " AND ".join(f"{name} = ?" for name in KEY_COLUMNS)
        query = f"SELECT {columns} FROM {table.name} WHERE {where}"  # noqa: S608 - our own names only
        self.kind = kind
        self.names = tuple(names)
        self.queries = {"qmark": query, "pyformat": query.replace("?", "%s")}
        """The SELECT by the database driver's style of parameters."""
        self._decoders = [(index, DECODERS[name]) for index, name in enumerate(names) if name in DECODERS]

    def decoded(self, row: Sequence[Any]) -> list[Any]:
        """The members of a row, in the order of their names."""
        values = list(row)
        for index, decode in self._decoders:
            value = values[index]
            if value is not None:
                values[index] = decode(value)
        return values

    def job(self, key: JobKey, row: Sequence[Any]) -> Job:
        """The whole job, of a row of a view that has all its members but the key, or all that have no default."""
        return KINDS[self.kind].job_class(key=key, **dict(zip(self.names, self.decoded(row), strict=True)))


WHOLE = {kind: View(kind, names) for kind, names in COLUMNS.items()}
"""Every member of a job."""
LISTED = {kind: View(kind, [name for name in names if name not in UNLISTED]) for kind, names in COLUMNS.items()}
"""The members that a listing reads."""
