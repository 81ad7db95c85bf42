"""Who may call: access keys, the account that each belongs to, and the file that holds the first one."""

from __future__ import annotations

import configparser
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgewright.errors import SettingsRefused
from edgewright.settings import Settings

KEY_ID_ALPHABET = string.ascii_uppercase + "234567"
KEY_ID_LENGTH = 16
SECRET_BYTES = 30  # 40 characters of base64, as AWS's secrets have
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Principal:
    """One access key and what it stands for."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    account: str


def principals(settings: Settings) -> Mapping[str, Principal]:
    """Every principal by its access key; at first start one is made and written to the data folder.

    Raises:
        SettingsRefused: half a key in the settings, or a credentials file that cannot be used.
    """
    key_id, secret = settings.access_key_id, settings.secret_access_key
    if (key_id is None) != (secret is None):
        raise SettingsRefused("EDGEWRIGHT_ACCESS_KEY_ID and EDGEWRIGHT_SECRET_ACCESS_KEY go together: set both.")
    if key_id is None or secret is None:
        key_id, text = _read_or_create(settings.credentials_file)
    else:
        text = secret.get_secret_value()
    return {key_id: Principal(key_id, text, settings.account_id)}


def _read_or_create(path: Path) -> tuple[str, str]:
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise SettingsRefused(f"{path} holds a secret and is open to others. Run: chmod 600 {path}")
    file = configparser.ConfigParser(interpolation=None)
    file.read(path, encoding="utf-8")
    try:
        return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]
    except KeyError as error:
        raise SettingsRefused(f"{path} has no {error} in its profile [default]. Mend it or delete it.") from error


def _create(path: Path) -> None:
    """Write a random access key; where two servers start at once, the first one's stays."""
    key_id = "AKIA" + "".join(secrets.choice(KEY_ID_ALPHABET) for _ in range(KEY_ID_LENGTH))
    text = f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secrets.token_urlsafe(SECRET_BYTES)}\n"
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.link(hidden, path)
    except FileExistsError:
        return
    finally:
        hidden.unlink()
