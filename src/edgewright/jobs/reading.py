"""Single rows, read as fast as the database gives them: decision 0026 says why, and what it costs."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any, cast

from edgewright.jobs.database import reaching_database
from edgewright.jobs.rows import CLASSES, COLUMNS, DECODERS, KEY_COLUMNS
from edgewright.jobs.tables import JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

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
        return CLASSES[self.kind](key=key, **dict(zip(self.names, self.decoded(row), strict=True)))


WHOLE = {kind: View(kind, names) for kind, names in COLUMNS.items()}
"""Every member of a job."""


class RowReader:
    """Reads single rows; on SQLite past SQLAlchemy's execution, which takes five times as long as the query.

    Safe to use from many threads.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._embedded = engine.dialect.name == "sqlite"
        self._own = threading.local()
        self.style: str = "qmark" if engine.dialect.paramstyle == "qmark" else "pyformat"
        """The key into `View.queries`."""

    def row(self, query: str, parameters: tuple[Any, ...]) -> Sequence[Any] | None:
        """The first row of a query.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        if not self._embedded:
            return self._over_the_pool(query, parameters)
        try:
            rows: list[Sequence[Any]] = self._cursor().execute(query, parameters).fetchall()
        except sqlite3.Error:
            vars(self._own).clear()  # the next read opens another connection
            with reaching_database():
                raise
        return rows[0] if rows else None

    def _over_the_pool(self, query: str, parameters: tuple[Any, ...]) -> Sequence[Any] | None:
        with reaching_database(), self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            return connection.exec_driver_sql(query, parameters).first()

    def _cursor(self) -> sqlite3.Cursor:
        """The calling thread's own; taking a connection from the pool costs more than the read."""
        cursor: sqlite3.Cursor | None = getattr(self._own, "cursor", None)
        if cursor is None:
            with reaching_database():
                lent = self._engine.raw_connection()
                connection = cast("sqlite3.Connection", lent.driver_connection)
                lent.detach()  # from here on the thread has it, and not the pool
                cursor = self._own.cursor = connection.cursor()
        return cursor
