"""Statements that are compiled once and run past SQLAlchemy's execution: decision 0026 says why, and what it costs.

They are written with SQLAlchemy, like all others. What is left out is what SQLAlchemy does for each execution anew:
looking for the compiled form, converting the values, and making a result of the rows; for a small statement that is
several times the statement itself. Values are therefore given as the driver takes them, and rows come as it gives them.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import BindParameter, bindparam

from edgewright.jobs.database import reaching_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ClauseElement, Connection, Dialect, Engine

    Row = Sequence[Any]
    Values = Mapping[str, Any]
    Run = Callable[[ClauseElement, Values], Sequence[Row]]
    """Runs a statement inside a transaction: the rows that it returns, all of them."""


def given(name: str) -> BindParameter[Any]:
    """A parameter of a statement for `Direct`; the value is given with each run. No column may have that name."""
    return bindparam(name, required=False)


class Prepared:
    """A statement in the words of one database."""

    __slots__ = ("_fixed", "_order", "text")

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def parameters(self, values: Values) -> tuple[Any, ...] | dict[str, Any]:
        """The driver's parameters: by position on SQLite, by name on PostgreSQL.

        Raises:
            KeyError: a value is missing.
        """
        every = {**self._fixed, **values}
        return every if self._order is None else tuple([every[name] for name in self._order])


class Direct:
    """Runs statements on one database. Safe to use from many threads.

    On SQLite each thread has a connection of its own: taking one from the pool costs more than most statements. On
    PostgreSQL the pool is used. Statements must be made once and kept: each is compiled once for as long as it lives.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._embedded = engine.dialect.name == "sqlite"
        self._own = threading.local()
        self._prepared: dict[ClauseElement, Prepared] = {}
        self.style: str = "qmark" if engine.dialect.paramstyle == "qmark" else "pyformat"
        """How the parameters of a text stand in it."""

    def row(self, text: str, parameters: tuple[Any, ...]) -> Row | None:
        """The first row of a query in the driver's own words.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        if self._embedded:
            rows = self._on_own(text, parameters)
            return rows[0] if rows else None
        with reaching_database(), self._autocommit.connect() as connection:
            return connection.exec_driver_sql(text, parameters).first()

    def alone(self, statement: ClauseElement, values: Values) -> Sequence[Row]:
        """Run one statement as a transaction of its own; the rows that it returns.

        Raises:
            DatabaseUnavailable: the database cannot be reached or written.
        """
        prepared = self._prepare(statement)
        if self._embedded:
            return self._on_own(prepared.text, prepared.parameters(values))
        with reaching_database(), self._autocommit.connect() as connection:
            return _rows(connection, prepared, values)

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """A transaction of several statements, undone when the block raises. On SQLite it takes the write lock at once.

        Raises:
            DatabaseUnavailable: the database cannot be reached or written.
            sqlalchemy.exc.IntegrityError, sqlite3.IntegrityError: of a statement.
        """
        if self._embedded:
            with self._own_transaction() as run:
                yield run
            return
        with reaching_database(), self._engine.begin() as connection:
            yield lambda statement, values: _rows(connection, self._prepare(statement), values)

    def _prepare(self, statement: ClauseElement) -> Prepared:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._engine.dialect)
        return prepared

    @contextmanager
    def _own_transaction(self) -> Iterator[Run]:
        self._on_own("BEGIN IMMEDIATE", ())

        def run(statement: ClauseElement, values: Values) -> Sequence[Row]:
            prepared = self._prepare(statement)
            rows: list[Row] = cursor.execute(prepared.text, prepared.parameters(values)).fetchall()
            return rows

        cursor = self._cursor()
        try:
            yield run
            cursor.execute("COMMIT")
        except BaseException as error:
            self._undo(cursor)
            if isinstance(error, sqlite3.Error):
                with reaching_database():
                    raise
            raise

    def _undo(self, cursor: sqlite3.Cursor) -> None:
        """Roll back. A connection that cannot is given up, which rolls back, too."""
        try:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
        except sqlite3.Error:
            self._give_up()

    def _on_own(self, text: str, parameters: tuple[Any, ...] | dict[str, Any]) -> Sequence[Row]:
        try:
            rows: list[Row] = self._cursor().execute(text, parameters).fetchall()
        except sqlite3.Error:
            self._give_up()
            with reaching_database():
                raise
        return rows

    def _give_up(self) -> None:
        """The thread's next statement opens another connection."""
        cursor: sqlite3.Cursor | None = vars(self._own).pop("cursor", None)
        if cursor is not None:
            cursor.connection.close()

    def _cursor(self) -> sqlite3.Cursor:
        """The calling thread's own, on a connection where each statement is a transaction unless one was begun."""
        cursor: sqlite3.Cursor | None = getattr(self._own, "cursor", None)
        if cursor is None:
            with reaching_database():
                lent = self._engine.raw_connection()
                connection = cast("sqlite3.Connection", lent.driver_connection)
                lent.detach()  # from here on the thread has it, and not the pool
                connection.isolation_level = None
                cursor = self._own.cursor = connection.cursor()
        return cursor


def _rows(connection: Connection, prepared: Prepared, values: Values) -> Sequence[Row]:
    result = connection.exec_driver_sql(prepared.text, prepared.parameters(values))
    return result.all() if result.returns_rows else ()
