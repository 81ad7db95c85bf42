"""What SQLAlchemy offers for each database apart: an insert that may meet a row which is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table


def insert_into(table: Table, database: Engine | Connection) -> postgresql.Insert | sqlite.Insert:
    """An insert that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return sqlite.insert(table) if database.dialect.name == "sqlite" else postgresql.insert(table)
