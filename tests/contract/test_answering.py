"""Connections to PostgreSQL that break off while they lie in the pool, or while they are used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from edgewright.database.connections import open_database, reaching_database
from edgewright.database.postgres import FRESH_SECONDS
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


def test_a_connection_that_broke_off_while_it_lay_idle_is_replaced_unnoticed(pool: Engine, other: Engine) -> None:
    before = backend(pool)
    end(other, before)
    time.sleep(FRESH_SECONDS)
    assert backend(pool) != before


def test_one_that_broke_off_just_now_is_told_and_the_next_caller_has_another(
    pool: Engine, other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgewright.database.postgres.FRESH_SECONDS", 3600.0)
    before = backend(pool)
    end(other, before)
    with pytest.raises(DatabaseUnavailable, match="terminat"):
        backend(pool)
    assert backend(pool) != before


def test_a_connection_in_use_stays_the_same(pool: Engine) -> None:
    first = backend(pool)
    assert [backend(pool) for _ in range(3)] == [first] * 3
    time.sleep(FRESH_SECONDS)
    assert backend(pool) == first, "it was tried, and is there"
