"""Connections to PostgreSQL that break off while they lie in the pool, or while they are used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from edgewright.database.connections import open_database, reaching_database
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from contract.postgres import PostgresService


@pytest.fixture
def url(postgres: PostgresService) -> str:
    return postgres.new_database()


@pytest.fixture
def pool(url: str) -> Iterator[Engine]:
    engine = open_database(url, 1)
    yield engine
    engine.dispose()


@pytest.fixture
def other(url: str) -> Iterator[Engine]:
    engine = open_database(url, 1)
    yield engine
    engine.dispose()


def backend(pool: Engine) -> int:
    """The server's process behind the pool's one connection."""
    with reaching_database(), pool.begin() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def end(other: Engine, process: int) -> None:
    """Break a connection off, as a restart of the server does, and wait until it is gone."""
    with other.begin() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
    alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :process")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with other.begin() as connection:
            if not connection.execute(alive, {"process": process}).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("the server keeps the connection")


def test_a_connection_that_broke_off_in_the_pool_is_replaced_unnoticed(pool: Engine, other: Engine) -> None:
    before = backend(pool)
    end(other, before)
    assert backend(pool) != before


def test_one_that_breaks_off_in_use_is_an_error_and_the_next_caller_has_another(pool: Engine, other: Engine) -> None:
    def used() -> None:
        with reaching_database(), pool.begin() as connection:
            process = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            end(other, process)
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable, match="terminat"):
        used()
    assert backend(pool) > 0


def test_a_connection_in_use_stays_the_same(pool: Engine) -> None:
    first = backend(pool)
    assert [backend(pool) for _ in range(3)] == [first] * 3
