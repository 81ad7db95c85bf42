"""Opening the database, and bringing it to the newest migration."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from edgewright.database.schema import HEAD, compatibility
from edgewright.errors import DatabaseDamaged, DatabaseNewer, DatabaseUnavailable, SettingsRefused
from edgewright.files import PRIVATE, close_to_others, write_atomically

POOL = 8
"""Connections that one engine keeps open at most, by default."""
WAIT_SECONDS = 30
"""How long a statement waits for another writer, and a caller for a connection of the pool."""
DRIVERS = frozenset({("sqlite", "pysqlite"), ("postgresql", "psycopg")})
"""Kinds of databases and what speaks to them."""
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
MIGRATION_LOCK = 0x6564_6765  # any number that is ours: it names PostgreSQL's advisory lock
MIGRATIONS = Path(__file__).with_name("migrations")

log = structlog.get_logger(__name__)


def open_database(url: str | URL, pool: int = POOL) -> Engine:
    """An engine on SQLite (write-ahead log) or PostgreSQL (psycopg); nothing is reached before its first use.

    Args:
        url: SQLAlchemy's, as text or parsed; `postgresql://` and `postgres://` are taken as psycopg's.
        pool: connections that it keeps open at most. Who wants one more waits for half a minute, and is refused then.

    Raises:
        SettingsRefused: not a URL of a database that is supported.
    """
    parsed = _supported(url)
    opening = _open_sqlite if parsed.get_backend_name() == "sqlite" else _open_postgresql
    return opening(parsed, pool)


def for_reads(engine: Engine) -> Engine:
    """The same engine for statements that only read: each is a transaction of its own.

    So it is on SQLite anyway, where the driver begins a transaction for statements that write alone.
    """
    return engine if engine.dialect.name == "sqlite" else engine.execution_options(isolation_level="AUTOCOMMIT")


def migrate(engine: Engine) -> None:
    """Bring the database to the newest migration; safe when several processes start at once.

    One process migrates under a lock, the others wait for it and find nothing left to do. A database that a newer
    version has migrated is left as it is, where that version says that this one may still use it: processes of both
    run while hosts are upgraded one after the other.

    Raises:
        DatabaseUnavailable: the database cannot be reached or written.
        DatabaseNewer: it is newer than this version knows, and does not let it.
    """
    with reaching_database():
        with engine.connect() as connection:
            if _is_usable(connection):
                return
        with _alone(engine) as connection:
            _upgrade(connection)


def migration(engine: Engine) -> str:
    """The database's migration: this version's, or that of a newer version, which `migrate` had let pass.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or is at an older migration.
    """
    with reaching_database(), for_reads(engine).connect() as connection:
        found = _revision(connection)
    if found is None or found < HEAD:
        raise DatabaseUnavailable(
            f"The database is at migration {found!r}, and {HEAD!r} is wanted. Start a server or a worker of this "
            "version, which migrates it."
        )
    return found


def check_writable(engine: Engine) -> None:
    """Check that the database may be written, as a PostgreSQL that was failed over may not.

    Raises:
        DatabaseUnavailable: it may only be read, or cannot be reached.
    """
    if engine.dialect.name == "sqlite":
        return
    with reaching_database(), engine.connect() as connection:
        if connection.execute(text("SHOW transaction_read_only")).scalar() != "off":
            connection.invalidate()
            raise DatabaseUnavailable(
                "The database may only be read: its server is a standby, or made read-only. Point database_url at the "
                "primary, or name every host in it."
            )


class reaching_database:  # noqa: N801 - used as a statement, and faster than a generator in every read
    """Raises DatabaseUnavailable for a database that cannot be reached or written; mistakes in a statement pass."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (IntegrityError, ProgrammingError)):
            return
        cause = error.orig if isinstance(error, DBAPIError) else error
        damaged = getattr(cause, "sqlite_errorcode", 0) & 0xFF in DAMAGED
        if damaged or isinstance(error, (DBAPIError, PoolTimeout, sqlite3.OperationalError)):
            if damaged:
                raise DatabaseDamaged(
                    f"The file of the database cannot be read: {cause}. Restore it from a backup, or name another one."
                ) from error
            raise DatabaseUnavailable(f"The database cannot be used: {str(cause).strip()}") from error


def _supported(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        driver = parsed.get_driver_name()
    except (ArgumentError, NoSuchModuleError, ValueError):  # a port that is none, too
        raise SettingsRefused(_refusal(str(url))) from None
    if (parsed.get_backend_name(), driver) not in DRIVERS or (
        parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}
    ):
        raise SettingsRefused(_refusal(str(url)))
    return parsed


def _refusal(url: str) -> str:
    scheme, separator, _ = url.partition("://")  # no more of it: the rest may hold a password
    shown = f" ({scheme}:...)" if separator else ""
    return (
        f"The database URL{shown} cannot be used. Give sqlite:////absolute/path/to/a/file, or "
        "postgresql://user:password@host/database."
    )


def _open_sqlite(url: URL, pool: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_timeout=WAIT_SECONDS,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False, "cached_statements": 256},
    )
    path = Path(str(url.database))
    event.listen(engine, "do_connect", lambda *_: _make_private(path))
    event.listen(engine, "connect", tune_sqlite)
    event.listen(engine, "connect", lambda *_: _close_to_others(path))
    return engine


def _make_private(path: Path) -> None:
    """Make the file before SQLite does, which would go by the umask; what it puts beside it gets the mode of the file.

    The file is linked into its place: to open and close one that this process has locked would unlock it.
    """
    if not path.exists():
        with suppress(OSError):  # SQLite says what is wrong, or makes the file itself
            write_atomically(path, [], mode=PRIVATE, replace=False)


def _close_to_others(path: Path) -> None:
    """Close a database that others may read: keys that sign links and sessions are in it."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(FileNotFoundError):
            if mode := close_to_others(file, "database"):
                log.warning("the database was open to others, and was closed", file=str(file), mode=f"{mode:04o}")


def _open_postgresql(url: URL, pool: int) -> Engine:
    from edgewright.database import postgres

    engine = create_engine(url, pool_size=pool, max_overflow=0, pool_timeout=WAIT_SECONDS, pool_pre_ping=True)
    postgres.listen(engine)
    return engine


def tune_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Set a new SQLite connection up: readers and the writer do not wait for each other, writers wait in line.

    Transactions that write take the write lock at once: one that reads first and then writes could otherwise fail
    without waiting when another writer came between.
    """
    connection.isolation_level = "IMMEDIATE"
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _is_usable(connection: Connection) -> bool:
    """Whether the database is at this version's migration, or at a newer one that this version may still use."""
    revision = _revision(connection)
    if revision is None or revision <= HEAD:
        return revision == HEAD
    if not inspect(connection).has_table(compatibility.name):
        return False
    oldest = connection.execute(select(func.max(compatibility.c.oldest))).scalar()
    return oldest is not None and oldest <= HEAD


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other migrating process is in."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            return
        driver: Any = connection.connection.driver_connection
        usual = driver.timeout_seconds
        driver.timeout_seconds = None  # others may migrate for long, and so may this process
        try:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            yield connection
        finally:
            driver.timeout_seconds = usual


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise DatabaseNewer(
            f"The database is at migration {_revision(connection)!r}, which this version does not know (its newest is "
            f"{HEAD!r}): a newer edgewright has used it, and does not let this one. Upgrade edgewright, or give it "
            "another database."
        ) from error
