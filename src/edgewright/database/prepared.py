"""Statements that are compiled once and run past SQLAlchemy's execution: decision 0038 says why, and what it costs.

They are written with SQLAlchemy, like all others. What is left out is what SQLAlchemy does for each execution anew:
looking for the compiled form, converting the values, and making a result of the rows; for a small statement that is
several times the statement itself. Values are therefore given as the driver takes them, and rows come as it gives them.
"""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, cast

from sqlalchemy import BindParameter, bindparam

from edgewright.database.connections import reaching_database
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    import psycopg
    from sqlalchemy import ClauseElement, Dialect, Engine, PoolProxiedConnection

    Row = Sequence[Any]
    Values = Mapping[str, Any]
    Parameters = tuple[Any, ...] | dict[str, Any]
    Execute = Callable[[str, Parameters], Sequence[Row]]
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

    def parameters(self, values: Values) -> Parameters:
        """The driver's parameters: by position on SQLite, by name on PostgreSQL.

        Raises:
            KeyError: a value is missing.
        """
        every = {**self._fixed, **values}
        return every if self._order is None else tuple([every[name] for name in self._order])


class Conflict(Exception):
    """A statement was refused by a constraint: there is such a row already."""


class Direct(ABC):
    """Runs statements on one database. Safe to use from many threads.

    Statements must be made once and kept: each is compiled once for as long as it lives.
    """

    style: str
    """How the parameters of a text stand in it: `qmark` or `pyformat`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prepared: dict[ClauseElement, Prepared] = {}

    def row(self, text: str, parameters: tuple[Any, ...]) -> Row | None:
        """The first row of a query in the driver's own words.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        rows = self._alone(text, parameters)
        return rows[0] if rows else None

    def alone(self, statement: ClauseElement, values: Values) -> Sequence[Row]:
        """Run one statement as a transaction of its own; the rows that it returns.

        Raises:
            DatabaseUnavailable: the database cannot be reached or written.
            Conflict: there is such a row already.
        """
        prepared = self._prepare(statement)
        return self._alone(prepared.text, prepared.parameters(values))

    @contextmanager
    def transaction(self) -> Iterator[Run]:
        """A transaction of several statements, undone when the block raises. On SQLite it takes the write lock at once.

        Raises:
            DatabaseUnavailable: the database cannot be reached or written.
            Conflict: of a statement.
        """
        with self._transaction() as execute:

            def run(statement: ClauseElement, values: Values) -> Sequence[Row]:
                prepared = self._prepare(statement)
                return execute(prepared.text, prepared.parameters(values))

            yield run

    def _prepare(self, statement: ClauseElement) -> Prepared:
        prepared = self._prepared.get(statement)
        if prepared is None:
            prepared = self._prepared[statement] = Prepared(statement, self._engine.dialect)
        return prepared

    @abstractmethod
    def _alone(self, text: str, parameters: Parameters) -> Sequence[Row]: ...

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Execute]: ...


def direct(engine: Engine) -> Direct:
    """Runs statements on this engine's database."""
    return OnSqlite(engine) if engine.dialect.name == "sqlite" else OnPostgresql(engine)


class OnSqlite(Direct):
    """Each thread has a connection of its own: taking one from the pool costs more than most statements."""

    style = "qmark"

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._own = threading.local()

    def _alone(self, text: str, parameters: Parameters) -> Sequence[Row]:
        try:
            rows: list[Row] = self._cursor().execute(text, parameters).fetchall()
        except sqlite3.Error as error:
            self._tell(error)
        return rows

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        self._alone("BEGIN IMMEDIATE", ())
        cursor = self._cursor()

        def execute(text: str, parameters: Parameters) -> Sequence[Row]:
            try:
                rows: list[Row] = cursor.execute(text, parameters).fetchall()
            except sqlite3.Error as error:
                self._tell(error)
            return rows

        try:
            yield execute
            execute("COMMIT", ())
        except BaseException:
            self._undo(cursor)
            raise

    def _undo(self, cursor: sqlite3.Cursor) -> None:
        """Roll back. A connection that cannot is given up, which rolls back, too."""
        try:
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
        except sqlite3.Error:
            self._give_up()

    def _tell(self, error: sqlite3.Error) -> NoReturn:
        if isinstance(error, sqlite3.IntegrityError):
            raise Conflict(str(error)) from error
        self._give_up()
        with reaching_database():
            raise error

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


class OnPostgresql(Direct):
    """Connections are lent by the pool, which bounds how many there are."""

    style = "pyformat"

    def _alone(self, text: str, parameters: Parameters) -> Sequence[Row]:
        with self._lent(autocommit=True) as connection:
            return _fetched(connection.execute(text, parameters))

    @contextmanager
    def _transaction(self) -> Iterator[Execute]:
        from psycopg import IntegrityError

        with self._lent(autocommit=False) as connection:

            def execute(text: str, parameters: Parameters) -> Sequence[Row]:
                try:
                    return _fetched(connection.execute(text, parameters))
                except IntegrityError as error:
                    raise Conflict(str(error)) from error

            yield execute
            connection.commit()

    @contextmanager
    def _lent(self, *, autocommit: bool) -> Iterator[psycopg.Connection[Any]]:
        """A connection, and its errors told; the pool rolls back what was not committed."""
        from psycopg import Error, IntegrityError, OperationalError

        try:
            with reaching_database():
                lent = self._engine.raw_connection()
        except OperationalError as error:  # what breaks while the pool connects comes as the driver raises it
            raise _unavailable(error) from error
        connection: psycopg.Connection[Any] = lent.driver_connection  # type: ignore[assignment] # any driver's, to it
        try:
            connection.autocommit = autocommit
            yield connection
        except IntegrityError as error:
            raise Conflict(str(error)) from error
        except Error as error:
            if connection.closed:
                lent.invalidate(error)
            if isinstance(error, OperationalError):
                raise _unavailable(error) from error
            raise
        finally:
            _return(lent)


def _unavailable(error: psycopg.OperationalError) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"The database cannot be used: {str(error).strip()}")


def _return(lent: PoolProxiedConnection) -> None:
    """Give a connection back as it was lent: not in a transaction, and beginning one with each statement."""
    connection: psycopg.Connection[Any] | None = lent.driver_connection  # None if it was invalidated
    if connection is not None and not connection.closed:
        connection.rollback()
        connection.autocommit = False
    lent.close()


def _fetched(cursor: psycopg.Cursor[Any]) -> Sequence[Row]:
    return cursor.fetchall() if cursor.description is not None else ()
