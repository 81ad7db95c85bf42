"""On SQLite; the contract tests run the same statements on PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Integer, bindparam, column, delete, func, insert, select, table, update
from sqlalchemy.dialects import postgresql, sqlite

from edgewright.database.connections import open_database
from edgewright.database.prepared import Conflict, OnPostgresql, OnSqlite, Prepared, given
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

shelf = table("shelf", column("name"), column("books", Integer))
PUT = insert(shelf).values(name=given("new_name"), books=given("new_books"))
COUNT = select(func.count()).select_from(shelf)
BOOKS = select(shelf.c.books).where(shelf.c.name == given("is_name"))
TAKE = update(shelf).values(books=shelf.c.books - 1)
TAKE = TAKE.where(shelf.c.name == given("is_name"), shelf.c.books.in_([1, 2, 3])).returning(shelf.c.books)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'shelf.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE shelf (name TEXT PRIMARY KEY, books INTEGER)")
    yield engine
    engine.dispose()


@pytest.fixture
def direct(engine: Engine) -> OnSqlite:
    return OnSqlite(engine)


def put(direct: OnSqlite, name: str, books: int) -> None:
    direct.alone(PUT, {"new_name": name, "new_books": books})


def test_parameters_stand_as_each_driver_wants_them() -> None:
    on_sqlite = Prepared(TAKE, sqlite.dialect())
    assert on_sqlite.text.count("?") == 5
    assert on_sqlite.parameters({"is_name": "a"}) == (1, "a", 1, 2, 3)
    on_postgresql = Prepared(TAKE, postgresql.dialect(paramstyle="pyformat"))  # type: ignore[no-untyped-call]
    values = on_postgresql.parameters({"is_name": "a"})
    assert isinstance(values, dict)
    assert on_postgresql.text % {name: repr(value) for name, value in values.items()} == (
        "UPDATE shelf SET books=(shelf.books - 1::INTEGER) WHERE shelf.name = 'a' AND shelf.books IN (1::INTEGER, "
        "2::INTEGER, 3::INTEGER) RETURNING shelf.books"
    )


def test_a_value_that_is_not_given_is_a_mistake(direct: OnSqlite) -> None:
    with pytest.raises(KeyError, match="is_name"):
        direct.alone(TAKE, {})


def test_nothing_given_is_null_and_not_what_an_earlier_run_gave(direct: OnSqlite, engine: Engine) -> None:
    put(direct, "a", 2)
    direct.alone(PUT, {"new_name": "b", "new_books": None})
    assert direct.alone(BOOKS, {"is_name": "b"}) == [(None,)]
    with engine.connect() as connection:
        assert connection.execute(select(shelf.c.books).order_by(shelf.c.name)).scalars().all() == [2, None]


def test_a_statement_alone_is_seen_by_all_when_it_has_run(direct: OnSqlite, engine: Engine) -> None:
    put(direct, "a", 2)
    assert direct.alone(TAKE, {"is_name": "a"}) == [(1,)]
    assert direct.alone(TAKE, {"is_name": "nobody"}) == []
    with engine.connect() as connection:
        assert connection.execute(select(shelf.c.books)).scalar() == 1


def test_a_transaction_is_seen_whole(direct: OnSqlite, engine: Engine) -> None:
    with direct.transaction() as run:
        run(PUT, {"new_name": "a", "new_books": 1})
        run(PUT, {"new_name": "b", "new_books": 1})
        assert run(COUNT, {}) == [(2,)]
        with engine.connect() as connection:
            assert connection.execute(COUNT).scalar() == 0
    with engine.connect() as connection:
        assert connection.execute(COUNT).scalar() == 2


class _Regret(Exception):
    pass


def test_a_transaction_that_raises_is_undone_and_the_next_one_runs(direct: OnSqlite) -> None:
    def regretted() -> None:
        with direct.transaction() as run:
            run(PUT, {"new_name": "a", "new_books": 1})
            raise _Regret

    with pytest.raises(_Regret):
        regretted()
    assert direct.alone(COUNT, {}) == [(0,)]
    put(direct, "a", 1)


def test_what_a_constraint_refuses_is_raised_as_it_is_and_undone(direct: OnSqlite) -> None:
    def twice() -> None:
        with direct.transaction() as run:
            run(PUT, {"new_name": "a", "new_books": 1})
            run(PUT, {"new_name": "a", "new_books": 2})

    with pytest.raises(Conflict, match="UNIQUE"):
        twice()
    assert direct.alone(COUNT, {}) == [(0,)]


def test_transactions_of_many_threads_wait_for_each_other(direct: OnSqlite) -> None:
    """Each reads, and then writes what it read and one more: none may come between."""
    put(direct, "a", 0)
    write = update(shelf).values(books=given("new_books"))

    def add() -> None:
        for _ in range(50):
            with direct.transaction() as run:
                run(write, {"new_books": run(BOOKS, {"is_name": "a"})[0][0] + 1})

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert direct.alone(BOOKS, {"is_name": "a"}) == [(200,)]


def test_a_failed_read_is_told_and_the_next_one_has_another_connection(direct: OnSqlite) -> None:
    assert direct.row("SELECT 1", ()) == (1,)
    before = direct._cursor()
    with pytest.raises(DatabaseUnavailable, match="no such table"):
        direct.row("SELECT 1 FROM nowhere", ())
    assert direct.row("SELECT ?", ("a",)) == ("a",)
    assert direct._cursor() is not before


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    engine = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable, match="The database cannot be used: "):
        OnPostgresql(engine).row("SELECT 1", ())
    with (
        pytest.raises(DatabaseUnavailable, match="The database cannot be used: "),
        OnPostgresql(engine).transaction(),
    ):
        pytest.fail("there is no transaction")


def test_a_failed_write_is_told_and_undone(direct: OnSqlite, engine: Engine) -> None:
    nowhere = delete(table("nowhere"))

    def half() -> None:
        with direct.transaction() as run:
            run(PUT, {"new_name": "a", "new_books": 1})
            run(nowhere, {})

    with pytest.raises(DatabaseUnavailable, match="no such table"):
        half()
    with engine.connect() as connection:
        assert connection.execute(COUNT).scalar() == 0
    put(direct, "a", 1)


def test_a_connection_that_is_lost_in_a_transaction_is_replaced(direct: OnSqlite) -> None:
    def lost() -> None:
        with direct.transaction() as run:
            run(PUT, {"new_name": "a", "new_books": 1})
            direct._cursor().connection.close()
            run(PUT, {"new_name": "b", "new_books": 1})

    with pytest.raises(sqlite3.ProgrammingError):
        lost()
    assert direct.alone(COUNT, {}) == [(0,)]


def test_threads_have_connections_of_their_own(direct: OnSqlite) -> None:
    found: list[sqlite3.Cursor] = [direct._cursor()]
    thread = threading.Thread(target=lambda: found.append(direct._cursor()))
    thread.start()
    thread.join()
    assert found[0].connection is not found[1].connection
    assert found[0] is direct._cursor()


def test_a_statement_is_compiled_once(direct: OnSqlite) -> None:
    direct.alone(COUNT, {})
    first = direct._prepared[COUNT]
    direct.alone(COUNT, {})
    assert direct._prepared[COUNT] is first


def test_given_wants_no_value_when_it_is_written() -> None:
    assert given("x").compare(bindparam("x", required=False))
