"""Sessions on PostgreSQL: the server ends statements that wait too long, and one that only reads is left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from edgewright.database import postgres as sessions
from edgewright.database.connections import check_writable, open_database, reaching_database
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from contract.postgres import PostgresService

BACKENDS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")


@pytest.fixture
def engine(postgres: PostgresService) -> Iterator[Engine]:
    engine = open_database(postgres.new_database(), pool=2)
    yield engine
    engine.dispose()


def test_the_server_ends_a_statement_before_its_client_gives_up(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == f"{sessions.STATEMENT_SECONDS}s"
    assert sessions.STATEMENT_SECONDS < sessions.ANSWER_SECONDS


def test_a_lock_holds_no_more_backends_than_the_pool_has(
    engine: Engine, postgres: PostgresService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "STATEMENT_SECONDS", 1)
    monkeypatch.setattr(sessions.DeadlineConnection, "timeout_seconds", 20.0)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE held (n INTEGER)"))
    engine.dispose()
    watcher = open_database(engine.url)
    with watcher.connect() as locking, watcher.connect() as watching:
        locking.execute(text("LOCK TABLE held"))
        for _ in range(3):
            refused = pytest.raises(DatabaseUnavailable, match="statement timeout")
            with refused, reaching_database(), engine.begin() as connection:
                connection.execute(text("INSERT INTO held VALUES (1)"))
            assert watching.execute(BACKENDS).scalar_one() <= 1 + 2, "the one that locks, and the pool's"
            watching.rollback()
        locking.rollback()
    watcher.dispose()


def test_a_session_that_only_reads_is_not_writable_and_is_replaced(engine: Engine) -> None:
    check_writable(engine)
    name = engine.url.database
    with engine.connect() as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
        connection.commit()
    engine.dispose()
    reading = open_database(engine.url.update_query_dict({"target_session_attrs": "any"}))
    with pytest.raises(DatabaseUnavailable, match="may only be read"):
        check_writable(reading)
    with pytest.raises(DatabaseUnavailable, match="read-only"), reaching_database(), reading.begin() as connection:
        connection.execute(text("CREATE TABLE refused (n INTEGER)"))
    with pytest.raises(DatabaseUnavailable, match="session is read-only"):
        check_writable(engine)
    with reading.connect() as connection:
        connection.execute(text("SET default_transaction_read_only = off"))
        connection.commit()
        connection.execute(text(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'))
        connection.commit()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            with reaching_database(), reading.begin() as connection:
                connection.execute(text("CREATE TABLE written (n INTEGER)"))
            break
        except DatabaseUnavailable:
            continue
    check_writable(engine)
    check_writable(reading)
    reading.dispose()
