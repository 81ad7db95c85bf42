"""Reading one row in the driver's own words: decision 0026 says why, and what it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.database.connections import for_reads, reaching_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine


class RowReader:
    """Reads single rows of one database. Safe to use from many threads.

    On SQLite the driver is asked past SQLAlchemy's execution, which for so small a query takes several times as long
    as the query; on PostgreSQL the way to the server takes longer than both.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._reads = for_reads(engine)

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
            if not self._is_sqlite:
                with self._reads.connect() as connection:
                    return connection.exec_driver_sql(query, parameters).first()
            borrowed = self._engine.raw_connection()
            try:
                cursor = borrowed.cursor()
                cursor.execute(query, parameters)
                row: Sequence[Any] | None = cursor.fetchone()
            finally:
                borrowed.close()
            return row
