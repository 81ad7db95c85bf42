"""On SQLite; the contract tests read the same rows on PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, text

from edgewright.database.connections import open_database
from edgewright.database.rows import ShortReads
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'books.sqlite'}", pool=3)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE books (name TEXT PRIMARY KEY, pages INTEGER)")
        connection.exec_driver_sql("INSERT INTO books VALUES ('a', 2), ('b', NULL)")
    yield engine
    engine.dispose()


@pytest.fixture
def rows(engine: Engine) -> Iterator[ShortReads]:
    rows = ShortReads(engine)
    yield rows
    rows.close()


def test_a_row_comes_as_the_driver_gives_it(engine: Engine, rows: ShortReads) -> None:
    assert rows.style == "qmark"
    assert rows.row("SELECT name, pages FROM books WHERE name = ?", ("a",)) == ("a", 2)
    assert rows.row("SELECT name, pages FROM books WHERE name = ?", ("b",)) == ("b", None)


def test_no_row_is_none(rows: ShortReads) -> None:
    assert rows.row("SELECT 1 FROM books WHERE name = ?", ("c",)) is None


def test_a_query_that_fails_is_raised_as_ours_and_the_next_one_works(engine: Engine, rows: ShortReads) -> None:
    with pytest.raises(DatabaseUnavailable, match="no such table"):
        rows.row("SELECT 1 FROM nowhere", ())
    assert rows.row("SELECT ?", ("a",)) == ("a",)


def test_what_others_write_is_seen_at_once(engine: Engine, rows: ShortReads) -> None:
    assert rows.row("SELECT count(*) FROM books", ()) == (2,)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO books VALUES ('c', 1)")
    assert rows.row("SELECT count(*) FROM books", ()) == (3,)


def open_files(name: str) -> int:
    """How many descriptors of this process are open on files of this name."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found += descriptor.readlink().name.startswith(name)
        except FileNotFoundError:
            continue
    return found


def test_many_threads_share_one_connection_and_closing_leaves_none(engine: Engine, rows: ShortReads) -> None:
    barrier = threading.Barrier(12)

    def read(_: int) -> object:
        barrier.wait()
        return rows.row("SELECT count(*) FROM books", ())

    engine.dispose()
    assert open_files("books.sqlite") == 0
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(read, range(12))) == [(2,)] * 12
        assert 0 < open_files("books.sqlite") <= 3, "of one connection: the database, its log and its index"
    rows.close()
    assert open_files("books.sqlite") == 0
    assert rows.row("SELECT 1", ()) == (1,), "it can be used again"


def test_reads_wait_for_no_connection_of_the_pool(engine: Engine, rows: ShortReads) -> None:
    taken = [engine.connect() for _ in range(3)]
    taken[0].exec_driver_sql("BEGIN IMMEDIATE")
    taken[0].exec_driver_sql("INSERT INTO books VALUES ('c', 1)")
    done = threading.Event()

    def read() -> None:
        assert rows.row("SELECT count(*) FROM books", ()) == (2,)
        assert rows.rows(select(text("pages FROM books WHERE name = :name")), {"name": "a"}) == [(2,)]
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert done.wait(20), "the pool's callers wait for 30 seconds"
    for connection in taken:
        connection.close()


def test_a_statement_that_fails_leaves_nothing_open(engine: Engine, rows: ShortReads) -> None:
    with pytest.raises(DatabaseUnavailable, match="no such table"):
        rows.rows(select(text("1 FROM nowhere")), {})
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO books VALUES ('c', 1)")
    assert rows.rows(select(text("count(*) FROM books")), {}) == [(3,)]


def test_a_server_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    engine = open_database(f"postgresql://nobody@/nothing?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable, match="The database cannot be used: "):
        ShortReads(engine).row("SELECT 1", ())
