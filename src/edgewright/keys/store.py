"""The keys in the database: who signs, who is retired or revoked. Every change is one guarded update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, update
from sqlalchemy.exc import IntegrityError

from edgewright.database.clock import from_milliseconds, milliseconds, utc_now
from edgewright.database.connections import for_reads, reaching_database
from edgewright.database.dialects import insert_into
from edgewright.errors import KeyChangeRefused, KeyListRefused
from edgewright.keys.tables import key_lists, signing_keys
from edgewright.signing.keys import PublicKey
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import ListedKey, TrustedKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


SHORTEST = 8
"""Digits of an id that name a key where no other begins with them."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that the service knows.

    Attributes:
        listed: its public half, its state and its dates.
        signs: whether new packages are signed with it; of one key at most.
    """

    listed: ListedKey
    signs: bool

    @property
    def key_id(self) -> str:
        """SHA-256 of its public PEM, in hexadecimal."""
        return self.listed.key.key_id

    @property
    def state(self) -> KeyState:
        """Active, retired or revoked."""
        return self.listed.key.state


@dataclass(frozen=True, slots=True)
class PublishedList:
    """The newest signed list.

    Attributes:
        version: its version.
        root_id: the root key that signed it.
        document: its bytes, as devices take them.
    """

    version: int
    root_id: str
    document: bytes


class KeyStore:
    """The keys of one database. Safe for many threads and processes; each call may raise DatabaseUnavailable."""

    def __init__(self, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._reads = for_reads(engine)
        self._clock = clock

    def all(self) -> list[KnownKey]:
        """Every key, the oldest first."""
        with reaching_database(), self._reads.connect() as connection:
            query = select(signing_keys).order_by(signing_keys.c.created_at, signing_keys.c.key_id)
            return [_known(row) for row in connection.execute(query)]

    def signing(self) -> KnownKey | None:
        """The key that signs; None before the first start, and after that key was revoked."""
        with reaching_database(), self._reads.connect() as connection:
            row = connection.execute(select(signing_keys).where(signing_keys.c.signs)).first()
        return None if row is None else _known(row)

    def trusted(self) -> list[PublicKey]:
        """Every key with its state, as `packaging.verify` takes them: it refuses those that are revoked."""
        return [each.listed.key for each in self.all()]

    def named(self, name: str) -> KnownKey:
        """The key of this id, or the only one whose id begins so.

        Raises:
            KeyChangeRefused: there is no such key, or several.
        """
        name = name.lower()
        found = [each for each in self.all() if each.key_id.startswith(name)] if len(name) >= SHORTEST else []
        if len(found) != 1:
            raise KeyChangeRefused(
                f"{len(found) or 'No'} keys have an id that begins with {name[:64]!r}, and one is wanted. Give "
                f"{SHORTEST} digits or more; `edgewright keys list` has them."
            )
        return found[0]

    def adopt(self, key: PublicKey, retired: Sequence[PublicKey] = ()) -> None:
        """Make this the first signing key, and others retired ones; nothing happens if another host was first."""
        with reaching_database(), self._engine.begin() as connection:
            if self._insert(connection, key, KeyState.ACTIVE, signs=True):
                for other in retired:
                    self._insert(connection, other, KeyState.RETIRED)

    def add(self, key: PublicKey, state: KeyState) -> KnownKey:
        """Let a key be known that does not sign.

        Raises:
            KeyChangeRefused: it is known already.
        """
        with reaching_database(), self._engine.begin() as connection:
            added = self._insert(connection, key, state)
        if not added:
            raise KeyChangeRefused(f"Key {key.key_id} is known already; it is {self.named(key.key_id).state}.")
        return self.named(key.key_id)

    def rotate(self, key_id: str) -> KnownKey:
        """Sign with this key from now on, and retire the one that did.

        Raises:
            KeyChangeRefused: it is not an active key, or signs already.
        """
        at = milliseconds(self._clock())
        retire = update(signing_keys).where(signing_keys.c.signs)
        begin = update(signing_keys).where(*_is_waiting(key_id))
        with reaching_database(), self._engine.begin() as connection:
            connection.execute(
                retire.where(signing_keys.c.key_id != key_id),
                {"signs": False, "state": KeyState.RETIRED, "retired_at": at},
            )
            try:
                begun = connection.execute(begin, {"signs": True}).rowcount
            except IntegrityError as error:
                raise KeyChangeRefused("Another rotation came first. See `edgewright keys list`.") from error
            if not begun:
                rule = "only an active key that does not sign yet can begin to"
                raise KeyChangeRefused(f"{self._what_is(key_id)}: {rule}.")
        return self.named(key_id)

    def retire(self, key_id: str) -> KnownKey:
        """Retire a key that does not sign: what it signed goes on to verify.

        Raises:
            KeyChangeRefused: it signs, or it is not active.
        """
        change = update(signing_keys).where(*_is_waiting(key_id))
        retired = {"state": KeyState.RETIRED, "retired_at": milliseconds(self._clock())}
        rule = "only an active key that does not sign is retired; `edgewright keys rotate` retires the one that does"
        return self._changed(key_id, change, retired, rule)

    def revoke(self, key_id: str, reason: str) -> KnownKey:
        """Revoke a key: nothing that it signed verifies any more, and it never signs again.

        Args:
            key_id: the key.
            reason: shown to those who verify a package of it.

        Raises:
            KeyChangeRefused: it is revoked already.
        """
        change = update(signing_keys).where(signing_keys.c.key_id == key_id, signing_keys.c.state != KeyState.REVOKED)
        at = milliseconds(self._clock())
        revoked = {"state": KeyState.REVOKED, "signs": False, "revoked_at": at, "reason": reason}
        return self._changed(key_id, change, revoked, "only a key that is not revoked can be revoked")

    def publish(self, trusted: TrustedKeys, document: bytes) -> None:
        """Serve this signed list from now on.

        Raises:
            KeyListRefused: it is not newer than the one that is served.
        """
        row = {
            "version": trusted.key_list.version,
            "root_id": trusted.root_id,
            "document": document.decode(),
            "published_at": milliseconds(self._clock()),
        }
        with reaching_database(), self._engine.begin() as connection:
            insert = insert_into(key_lists, connection).values(row).on_conflict_do_nothing()
            inserted = connection.execute(insert.returning(key_lists.c.version)).first()
            newest = connection.execute(select(func.max(key_lists.c.version))).scalar_one()
            if inserted is None or newest != trusted.key_list.version:
                raise KeyListRefused(
                    f"The list has version {trusted.key_list.version}, and version {newest} is published: sign one "
                    f"with version {newest + 1} or later."
                )

    def published(self) -> PublishedList | None:
        """The newest signed list; None if none was published."""
        query = select(key_lists).order_by(key_lists.c.version.desc()).limit(1)
        with reaching_database(), self._reads.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else PublishedList(row.version, row.root_id, row.document.encode())

    def _insert(self, connection: Connection, key: PublicKey, state: KeyState, *, signs: bool = False) -> bool:
        at = milliseconds(self._clock())
        row = {
            "key_id": key.key_id,
            "public_key": key.pem.decode("ascii"),
            "state": state,
            "signs": signs,
            "created_at": at,
            "retired_at": at if state is KeyState.RETIRED else None,
            "revoked_at": None,
            "reason": "",
        }
        insert = insert_into(signing_keys, connection).values(row).on_conflict_do_nothing()
        return connection.execute(insert.returning(signing_keys.c.key_id)).first() is not None

    def _changed(self, key_id: str, change: Any, values: dict[str, Any], rule: str) -> KnownKey:
        with reaching_database(), self._engine.begin() as connection:
            changed = connection.execute(change, values).rowcount
        if not changed:
            raise KeyChangeRefused(f"{self._what_is(key_id)}: {rule}.")
        return self.named(key_id)

    def _what_is(self, key_id: str) -> str:
        key = self.named(key_id)
        return f"Key {key_id} is {key.state}{', and signs' if key.signs else ''}"


def _is_waiting(key_id: str) -> tuple[ColumnElement[bool], ...]:
    """Whether a row is this key's, and the key is active and does not sign yet."""
    return signing_keys.c.key_id == key_id, signing_keys.c.state == KeyState.ACTIVE, ~signing_keys.c.signs


def _known(row: Row[Any]) -> KnownKey:
    key = PublicKey(row.public_key.encode("ascii"), KeyState(row.state), row.reason)
    retired, revoked = (None if at is None else from_milliseconds(at) for at in (row.retired_at, row.revoked_at))
    return KnownKey(ListedKey(key, from_milliseconds(row.created_at), retired, revoked), row.signs)
