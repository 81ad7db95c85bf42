"""Short reads that wait for nobody: decision 0026 says why, and what it costs."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from edgewright.database.connections import for_reads, open_database, reaching_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine, Select


class ShortReads:
    """Reads single rows, and a few along an index, of one database. Safe to use from many threads.

    On SQLite they have a connection of their own, kept until `close` and used by one read at a time: a server reads so
    in its event loop, which must not wait for a connection of the pool while those who write wait for each other. On
    PostgreSQL, where the way to the server takes longer than all else, they take one from the pool.
    """

    def __init__(self, engine: Engine) -> None:
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._engine = open_database(engine.url, pool=1) if self._is_sqlite else for_reads(engine)
        self._lock = Lock()
        self._kept: Connection | None = None

    @property
    def style(self) -> str:
        """How the parameters of a query stand in it: `qmark` or `pyformat`."""
        return "qmark" if self._is_sqlite else "pyformat"

    def row(self, query: str, parameters: tuple[Any, ...]) -> Sequence[Any] | None:
        """The first row; None where there is none. On SQLite the driver is asked, which is several times faster.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        with self._reading() as connection:
            if not self._is_sqlite:
                return connection.exec_driver_sql(query, parameters).first()
            driver: Any = connection.connection.driver_connection
            row: Sequence[Any] | None = driver.execute(query, parameters).fetchone()
            return row

    def rows(self, statement: Select[Any], parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows of a statement that finds a few, fast.

        Raises:
            DatabaseUnavailable: the database cannot be reached.
        """
        with self._reading() as connection:
            return connection.execute(statement, parameters).all()

    def close(self) -> None:
        """Close the kept connection; a later read opens another."""
        with self._lock:
            self._drop()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with reaching_database():
            if not self._is_sqlite:
                with self._engine.connect() as connection:
                    yield connection
                return
            with self._lock:
                try:
                    if self._kept is None:
                        self._kept = self._engine.connect()
                    yield self._kept
                    self._kept.rollback()
                except BaseException:
                    self._drop()
                    raise

    def _drop(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()
        if self._is_sqlite:
            self._engine.dispose()
