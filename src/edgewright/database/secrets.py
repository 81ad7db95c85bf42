"""Secrets that all processes on one database share: the key that seals NextToken, and keys that can be rotated.

A secret that can be rotated has values by number. The newest signs, and the one before it goes on to verify: so a
rotation breaks nothing that is in use, and two of them, one after the other, end all that was signed before.
"""

from __future__ import annotations

import secrets as random_secrets
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog
from sqlalchemy import Connection, Engine, or_, select

from edgewright.database.connections import for_reads, reaching_database
from edgewright.database.dialects import insert_into
from edgewright.database.schema import secrets
from edgewright.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


SECRET_BYTES = 32
KEPT: Final = 2
"""Values that count: the newest, and the one before it."""
REFRESH_SECONDS: Final = 10.0
"""After so long every server knows of a rotation."""
LINKS, SESSIONS = "artifact-link", "console-session"
ROTATING: Final[Mapping[str, str]] = {"links": LINKS, "sessions": SESSIONS}
"""The secrets that can be rotated: what they sign, and their names in the database."""

log = structlog.get_logger(__name__)


class Numbered(NamedTuple):
    """One value of a secret that can be rotated; numbers begin with 1."""

    number: int
    value: bytes


def secret(engine: Engine, name: str) -> bytes:
    """32 random bytes, made at first use: the same for every process on this database, whatever its version.

    Raises:
        DatabaseUnavailable: the database cannot be used.
    """
    with reaching_database(), engine.begin() as connection:
        _insert(connection, engine, name)
        return bytes(connection.execute(select(secrets.c.value).where(secrets.c.name == name)).scalar_one())


def numbered(engine: Engine, name: str) -> tuple[Numbered, ...]:
    """The values of a secret that count, the newest first; the first one is made at first use.

    Raises:
        DatabaseUnavailable: the database cannot be used.
    """
    with reaching_database(), for_reads(engine).connect() as connection:
        found = _values(connection, name)
    return tuple(found[:KEPT]) or (Numbered(1, secret(engine, name)),)


def rotate(engine: Engine, name: str) -> int:
    """Have another value sign from now on; its number. Values that do not count any more are deleted.

    Raises:
        DatabaseUnavailable: the database cannot be used.
    """
    newest = numbered(engine, name)[0].number + 1
    with reaching_database(), engine.begin() as connection:
        _insert(connection, engine, _row(name, newest))
        gone = [_row(name, number) for number, _ in _values(connection, name)[KEPT:]]
        connection.execute(secrets.delete().where(secrets.c.name.in_(gone)))
    return newest


class RotatingSecrets:
    """The values that count now, of several secrets; reading them waits for nothing."""

    def __init__(self, engine: Engine, names: Iterable[str]) -> None:
        """Read them for the first time.

        Raises:
            DatabaseUnavailable: the database cannot be used.
        """
        self._engine = engine
        self._held = {name: numbered(engine, name) for name in names}

    def reader(self, name: str) -> Callable[[], Sequence[Numbered]]:
        """Returns the values of a secret that count at each call, the newest first."""
        return lambda: self._held[name]

    def refresh(self) -> None:
        """Read them again.

        Raises:
            DatabaseUnavailable: the database cannot be used; nothing has changed.
        """
        self._held = {name: numbered(self._engine, name) for name in self._held}

    @contextmanager
    def refreshed(self, ending: threading.Event) -> Iterator[None]:
        """Read them again and again in a thread, until the server ends."""
        threading.Thread(target=self._refresh_until, args=(ending,), name="secrets", daemon=True).start()
        yield

    def _refresh_until(self, ending: threading.Event) -> None:
        while not ending.wait(REFRESH_SECONDS):
            try:
                self.refresh()
            except DatabaseUnavailable as error:
                log.warning("keys of links and sessions are not read; trying again", reason=error.message)


def _insert(connection: Connection, engine: Engine, row: str) -> None:
    value = random_secrets.token_bytes(SECRET_BYTES)
    connection.execute(insert_into(secrets, engine).on_conflict_do_nothing(), {"name": row, "value": value})


def _values(connection: Connection, name: str) -> list[Numbered]:
    """All values of a secret, the newest first."""
    mine = or_(secrets.c.name == name, secrets.c.name.startswith(f"{name}/", autoescape=True))
    rows = connection.execute(select(secrets.c.name, secrets.c.value).where(mine))
    found = [Numbered(int(row.removeprefix(name).removeprefix("/") or 1), bytes(value)) for row, value in rows]
    return sorted(found, reverse=True)


def _row(name: str, number: int) -> str:
    """The first value has the name that it had before there were others."""
    return name if number == 1 else f"{name}/{number}"
