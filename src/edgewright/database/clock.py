"""Times in the database: integers since the epoch, and the database's own clock, because those of hosts differ."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Engine, Integer, cast, extract, func, select

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


def utc_now() -> datetime:
    """This host's time, in UTC."""
    return datetime.now(UTC)


def milliseconds(time: datetime) -> int:
    """Whole milliseconds since the epoch, rounded down."""
    return (time - _EPOCH) // _MILLISECOND


def seconds(time: datetime) -> int:
    """Whole seconds since the epoch, rounded down."""
    return (time - _EPOCH) // _SECOND


def from_milliseconds(value: int) -> datetime:
    """The time of so many milliseconds since the epoch, in UTC."""
    return datetime.fromtimestamp(value / 1000, UTC)


def database_now(engine: Engine) -> ColumnElement[Any]:
    """Milliseconds since the epoch, as an expression that the database works out."""
    if engine.dialect.name == "sqlite":
        return cast(func.round((func.julianday("now") - 2440587.5) * 86_400_000), Integer)
    return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)


def read_now(connection: Connection) -> datetime:
    """The time by the database's clock, in UTC. What is old enough to be deleted is decided by it."""
    return from_milliseconds(connection.execute(select(database_now(connection.engine))).scalar_one())
