"""Administering `principals.toml`: access keys made, shown, disabled and rotated; comments in the file are kept."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.items import AoT

from edgewright.auth import rule_faults
from edgewright.auth.principals import (
    ACCOUNT,
    NAME,
    Principal,
    new_access_key,
    read_principals,
)
from edgewright.auth.rights import Rule
from edgewright.errors import ResourceNotFound, SettingsRefused, ValidationFault
from edgewright.files import PRIVATE, PRIVATE_FOLDER, make_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tomlkit import TOMLDocument


@dataclass(frozen=True, slots=True)
class Grant:
    """What a new principal is.

    Attributes:
        name: the user's name, as refusals show it.
        account: twelve digits.
        allow: action patterns, or tables with `actions` and `resources`; everything when empty.
        deny: the same for what is never allowed.
    """

    name: str
    account: str
    allow: tuple[Any, ...] = ()
    deny: tuple[Any, ...] = ()


def create(path: Path, grant: Grant) -> Principal:
    """Add a principal with a random access key.

    Raises:
        ValidationFault: a name, account or rule that a principals file cannot hold, or a rule that can never match.
    """
    _check(grant)
    key_id, secret = new_access_key()

    def add(document: TOMLDocument) -> None:
        entry = tomlkit.table()
        entry.update({"name": grant.name, "access_key_id": key_id, "secret_access_key": secret})
        entry.update({"account": grant.account})
        if grant.allow:
            entry["allow"] = list(grant.allow)
        if grant.deny:
            entry["deny"] = list(grant.deny)
        _entries(document).append(entry)

    return _changed(path, add, key_id)


def disable(path: Path, key_id: str) -> Principal:
    """Have a key refused from now on.

    Raises:
        ResourceNotFound: the file has no such key.
    """

    def change(document: TOMLDocument) -> None:
        _entry(document, key_id, path)["disabled"] = True

    return _changed(path, change, key_id)


def rotate(path: Path, key_id: str) -> Principal:
    """Give a key's principal a second key of the same rights; the old one holds until it is disabled.

    Raises:
        ResourceNotFound: the file has no such key.
    """
    new_id, secret = new_access_key()

    def change(document: TOMLDocument) -> None:
        fresh = tomlkit.table()
        fresh.update({name: value for name, value in _entry(document, key_id, path).items() if name != "disabled"})
        fresh.update({"access_key_id": new_id, "secret_access_key": secret})
        _entries(document).append(fresh)

    return _changed(path, change, new_id)


def _changed(path: Path, change: Callable[[TOMLDocument], None], key_id: str) -> Principal:
    """Change the file whole or not at all, one change at a time; the principal of a key in it."""
    with _alone(path):
        read_principals(path)  # a file that is wrong already is refused before it is touched
        document = tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
        change(document)
        write_atomically(path, [tomlkit.dumps(document).encode()], mode=PRIVATE)
        return next(found for found in read_principals(path) if found.access_key_id == key_id)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        make_folder(path.parent, PRIVATE_FOLDER)
        lock = path.with_name(f".{path.name}.lock")
        with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be changed: {error.strerror}.") from error


def _entries(document: TOMLDocument) -> AoT:
    entries = document.setdefault("principal", tomlkit.aot())
    if not isinstance(entries, AoT):
        raise SettingsRefused("The principals file writes 'principal' as a list: write [[principal]] tables instead.")
    return entries


def _entry(document: TOMLDocument, key_id: str, path: Path) -> Any:
    for entry in _entries(document):
        if entry.get("access_key_id") == key_id:
            return entry
    raise ResourceNotFound(f"{path} has no access key {key_id}. `edgewright access-keys list` shows those it has.")


def _check(grant: Grant) -> None:
    if not NAME.fullmatch(grant.name):
        raise ValidationFault(f"The name '{grant.name}' cannot be used: it must match {NAME.pattern}.")
    if not ACCOUNT.fullmatch(grant.account):
        raise ValidationFault(f"The account '{grant.account}' cannot be used: it must be twelve digits.")
    faults = [fault for rule in (*grant.allow, *grant.deny) for fault in rule_faults.of_rule(Rule.of(rule))]
    if faults:
        raise ValidationFault(f"A rule would never match: {' '.join(faults)}")
