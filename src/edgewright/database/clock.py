"""The database's own clock: hosts' clocks differ, the database has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, extract, func

if TYPE_CHECKING:
    from sqlalchemy import Engine


def database_now(engine: Engine) -> ColumnElement[Any]:
    """Milliseconds since the epoch, as an expression that the database works out."""
    if engine.dialect.name == "sqlite":
        return cast(func.round((func.julianday("now") - 2440587.5) * 86_400_000), Integer)
    return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)
