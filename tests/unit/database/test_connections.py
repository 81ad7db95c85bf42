from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from structlog.testing import capture_logs

from edgewright import service
from edgewright.database import connections
from edgewright.database.connections import migrate, open_database
from edgewright.database.schema import HEAD
from edgewright.errors import DatabaseDamaged, DatabaseUnavailable, SettingsRefused
from edgewright.jobs import JobKey, Kind
from edgewright.persistence import Persistence
from edgewright.settings import Settings


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://user:hunter2@host/db",
        "not a url",
        "sqlite://",
        "sqlite:///:memory:",
        "oracle+x://hunter2",
        "postgresql://user:hunter2@host:port/db",
        "postgresql+psycopg2://user:hunter2@host/db",
        "host=somewhere password=hunter2",
    ],
)
def test_other_databases_are_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(SettingsRefused, match="cannot be used") as refused:
        open_database(url)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_reached_through_psycopg(scheme: str) -> None:
    engine = open_database(f"{scheme}://user:secret@localhost/jobs")
    assert (engine.dialect.name, engine.driver) == ("postgresql", "psycopg")


def test_the_code_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(connections.MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/jobs.sqlite")
    with engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
        assert pragmas == ["wal", 1]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == connections.WAIT_SECONDS * 1000
    engine.dispose()


def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    engine = open_database(f"sqlite:///{path}")
    migrate(engine)
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert Persistence.on(engine).queue.not_enqueued(1) == []
    writer.close()
    engine.dispose()


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/nowhere/jobs.sqlite")
    with pytest.raises(DatabaseUnavailable, match="unable to open database file"):
        migrate(engine)
    with pytest.raises(DatabaseUnavailable):
        Persistence.on(engine).jobs.get(JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "x"))
    engine.dispose()


def test_a_database_that_is_away_is_told(tmp_path: Path) -> None:
    engine = open_database(f"postgresql://nobody@/none?host={tmp_path}")
    with pytest.raises(DatabaseUnavailable):
        Persistence.on(engine).queue.not_enqueued(1)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_a_database_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        engine = open_database(f"sqlite:///{tmp_path}/jobs.sqlite")
        migrate(engine)
        with engine.connect():
            assert modes(tmp_path) == dict.fromkeys(("jobs.sqlite", "jobs.sqlite-wal", "jobs.sqlite-shm"), 0o600)
        engine.dispose()
    finally:
        os.umask(mask)


def test_a_database_that_is_open_to_others_is_closed_and_the_log_says_so(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    engine = open_database(f"sqlite:///{path}")
    migrate(engine)
    held = engine.connect()
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    other = open_database(f"sqlite:///{path}")
    with capture_logs() as lines, other.connect():
        assert set(modes(tmp_path).values()) == {0o600}
    assert {(line["log_level"], Path(line["file"]).name, line["mode"]) for line in lines} == {
        ("warning", name, "0644") for name in modes(tmp_path)
    }
    held.close()
    for each in (engine, other):
        each.dispose()


def test_a_file_that_is_no_database_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "edgewright.sqlite").write_bytes(b"this is no database\n" * 100)
    with pytest.raises(DatabaseDamaged, match=r"file is not a database\. Restore it from a backup"):
        service.prepare(Settings(data_dir=tmp_path), wait_seconds=600)


def test_a_damaged_database_is_said_at_once(tmp_path: Path) -> None:
    service.prepare(Settings(data_dir=tmp_path)).close()
    file = tmp_path / "edgewright.sqlite"
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(DatabaseDamaged, match="malformed"):
        service.prepare(Settings(data_dir=tmp_path), wait_seconds=600)
