"""Reading one row in the driver's own words: decision 0026 says why, and what it costs."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from edgewright.database.connections import for_reads, reaching_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine, PoolProxiedConnection


class RowReader:
    """Reads single rows of one database. Safe to use from many threads.

    On SQLite the driver is asked past SQLAlchemy's execution, on a connection of the pool that is kept until `close`:
    both take several times as long as so small a query. On PostgreSQL the way to the server takes longer than either.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._lock = Lock()
        self._borrowed: PoolProxiedConnection | None = None

    @property
    def style(self) -> str:
        """How the parameters of a query stand in it: `qmark` or `pyformat`."""
        return "qmark" if self._is_sqlite else "pyformat"

    def row(self, query: str, parameters: tuple[Any, ...]) -> Sequence[Any] | None:
        """The first row; None where there is none.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        with reaching_database():
            if self._is_sqlite:
                return self._sqlite_row(query, parameters)
            with for_reads(self._engine).connect() as connection:
                return connection.exec_driver_sql(query, parameters).first()

    def close(self) -> None:
        """Give the kept connection back; a later read takes another."""
        with self._lock:
            self._give_back()

    def _sqlite_row(self, query: str, parameters: tuple[Any, ...]) -> Sequence[Any] | None:
        with self._lock:
            if self._borrowed is None:
                self._borrowed = self._engine.raw_connection()
            driver: Any = self._borrowed.driver_connection
            try:
                row: Sequence[Any] | None = driver.execute(query, parameters).fetchone()
            except BaseException:
                self._give_back()
                raise
            return row

    def _give_back(self) -> None:
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is not None:
            borrowed.close()
