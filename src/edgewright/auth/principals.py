"""Who may call: access keys, the account that each belongs to, and what it may do.

The first key stands in the data folder's `credentials`, in the AWS credentials-file format, and may do everything in
its account. Further ones stand in `principals.toml`, which is read again whenever it changes:

    [[principal]]
    name = "ci"
    access_key_id = "AKIA..."
    secret_access_key = "..."
    account = "123456789012"
    allow = ["sagemaker:List*", "sagemaker:Describe*"]
    deny = [{ actions = ["sagemaker:*"], resources = ["prod-*"] }]

Rules are those of `auth.rights`. One that can never match a request is logged as a warning when the file is read.

Optional are `session_token` (each request must then bring it), `disabled`, and `allow` (everything, when left out)
and `deny`. Both files hold secrets and must be of mode 0600.
"""

from __future__ import annotations

import configparser
import re
import secrets
import string
import time
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog

from edgewright.auth import rule_faults
from edgewright.auth.rights import EVERYTHING, Rights, Rule
from edgewright.errors import SettingsRefused
from edgewright.files import PRIVATE, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from edgewright.settings import Settings

KEY_ID_ALPHABET = string.ascii_uppercase + "234567"
KEY_ID_LENGTH = 16
SECRET_BYTES = 30  # 40 characters of base64, as AWS's secrets have
LOOK_SECONDS = 0.02
"""How often the file is looked at, at most: many calls come in so short a time."""
ACCOUNT = re.compile(r"[0-9]{12}")
NAME = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
FIELDS = frozenset(
    {"name", "access_key_id", "secret_access_key", "account", "session_token", "disabled", "allow", "deny"}
)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Principal:
    """One access key and what it stands for."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    account: str
    name: str = "edgewright"
    session_token: str | None = field(default=None, repr=False)
    disabled: bool = False
    rights: Rights = EVERYTHING

    @property
    def arn(self) -> str:
        """The user's ARN, as AWS names users in its refusals."""
        return f"arn:aws:iam::{self.account}:user/{self.name}"


class Principals:
    """Every principal by its access key, as the files say now."""

    def __init__(self, settings: Settings) -> None:
        """Make the first key if there is none, and read both files.

        Raises:
            SettingsRefused: half a key in the settings, or a file that cannot be used.
        """
        self._first = _first(settings)
        self._path = settings.principals_file
        self._seen = _stamp(self._path)
        self._next_look = 0.0
        self._known = self._read()

    def get(self, access_key_id: str) -> Principal | None:
        """The principal who has this access key, unless it is disabled.

        A file that was changed into something unusable is logged and changes nothing: who could call still can.
        """
        now = time.monotonic()
        if now < self._next_look:
            return self._enabled(access_key_id)
        self._next_look = now + LOOK_SECONDS
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._known = self._read()
            except SettingsRefused as error:
                log.warning("principals file refused, the last good one stays", reason=error.message)
        return self._enabled(access_key_id)

    def _enabled(self, access_key_id: str) -> Principal | None:
        principal = self._known.get(access_key_id)
        return None if principal is None or principal.disabled else principal

    def _read(self) -> Mapping[str, Principal]:
        found = [self._first, *read_principals(self._path)]
        known = {principal.access_key_id: principal for principal in found}
        if len(known) < len(found):
            raise SettingsRefused(f"{self._path} has an access key twice, or the first key again. Give each once.")
        for principal in found:
            for fault in rule_faults.of_rights(principal.rights):
                log.warning("rule never matches", access_key=principal.access_key_id, name=principal.name, reason=fault)
        return known


def read_principals(path: Path) -> list[Principal]:
    """The principals of a file; none where there is no file.

    Raises:
        SettingsRefused: it is open to others, cannot be read, is no TOML, or an entry lacks a part or has one too many.
    """
    try:
        if not path.exists():
            return []
        check_private(path)
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"{path} is not TOML: {error}.") from error
    entries = document.get("principal", [])
    if set(document) - {"principal"} or not isinstance(entries, list):
        raise SettingsRefused(f"{path} may hold [[principal]] tables and nothing else.")
    return [_principal(entry, f"{path}, principal {number}") for number, entry in enumerate(entries, 1)]


def several_accounts(settings: Settings, known: AbstractSet[str]) -> bool:
    """Whether more than one account uses the service: of those known to it, and of the access keys on this host.

    Raises:
        SettingsRefused: as `read_principals`.
    """
    keys = {principal.account for principal in read_principals(settings.principals_file) if not principal.disabled}
    return len(known | keys | ({settings.account_id} if keys else set())) > 1


def check_private(path: Path) -> None:
    """Refuse a file that others may read.

    Raises:
        SettingsRefused: its mode has a bit for group or others.
    """
    if path.stat().st_mode & 0o077:
        raise SettingsRefused(f"{path} holds a secret and is open to others. Run: chmod 600 {path}")


def new_access_key() -> tuple[str, str]:
    """A random access key and its secret, of the lengths that AWS's have."""
    key_id = "AKIA" + "".join(secrets.choice(KEY_ID_ALPHABET) for _ in range(KEY_ID_LENGTH))
    return key_id, secrets.token_urlsafe(SECRET_BYTES)


def _principal(entry: Mapping[str, Any], place: str) -> Principal:
    texts = {name: entry.get(name) for name in ("access_key_id", "secret_access_key", "account", "name")}
    lacking = [name for name, value in texts.items() if not isinstance(value, str) or not value]
    unknown = sorted(set(entry) - FIELDS)
    if lacking or unknown:
        raise SettingsRefused(f"{place}: missing or no text: {lacking or 'none'}; unknown: {unknown or 'none'}.")
    if not ACCOUNT.fullmatch(entry["account"]):
        raise SettingsRefused(f"{place}: 'account' must be twelve digits, not '{entry['account']}'.")
    if not NAME.fullmatch(entry["name"]):
        raise SettingsRefused(f"{place}: 'name' must match {NAME.pattern}, not '{entry['name']}'.")
    if not isinstance(entry.get("disabled", False), bool) or not isinstance(entry.get("session_token", ""), str):
        raise SettingsRefused(f"{place}: 'disabled' must be true or false, and 'session_token' a text.")
    members = {name: value for name, value in entry.items() if name not in {"allow", "deny"}}
    return Principal(**members, rights=_rights(entry, place))


def _rights(entry: Mapping[str, Any], place: str) -> Rights:
    if "allow" not in entry and "deny" not in entry:
        return EVERYTHING
    return Rights(_rules(entry.get("allow", ["*"]), place), _rules(entry.get("deny", []), place))


def _rules(written: object, place: str) -> tuple[Rule, ...]:
    if not isinstance(written, list):
        raise SettingsRefused(f"{place}: 'allow' and 'deny' must be lists of rules, not {written!r}.")
    return tuple(map(Rule.of, written))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _first(settings: Settings) -> Principal:
    """The key of the settings, else the one in the credentials file, made now if there is none."""
    key_id, secret = settings.access_key_id, settings.secret_access_key
    if (key_id is None) != (secret is None):
        raise SettingsRefused("EDGEWRIGHT_ACCESS_KEY_ID and EDGEWRIGHT_SECRET_ACCESS_KEY go together: set both.")
    if key_id is None or secret is None:
        key_id, text = _read_or_create(settings.credentials_file)
    else:
        text = secret.get_secret_value()
    if not key_id or not text:  # a signature made with nothing would be valid
        raise SettingsRefused(
            "EDGEWRIGHT_ACCESS_KEY_ID and EDGEWRIGHT_SECRET_ACCESS_KEY are set, and one of them is empty. Give both a "
            "value, or set neither."
        )
    return Principal(key_id, text, settings.account_id)


def _read_or_create(path: Path) -> tuple[str, str]:
    try:
        if not path.exists():
            key_id, secret = new_access_key()
            text = f"[default]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n"
            # Where two servers start at once, the first one's key stays.
            write_atomically(path, [text.encode()], mode=PRIVATE, replace=False)
        check_private(path)
        profile = _profile(path)
    except OSError as error:
        raise SettingsRefused(f"{path} cannot be used: {error.strerror}.") from error
    names = ("aws_access_key_id", "aws_secret_access_key")
    lacking = [name for name in names if not profile.get(name)]
    if lacking:
        raise SettingsRefused(
            f"{path} has no {' and no '.join(lacking)} in its profile [default]. Fix it or delete it."
        )
    return profile[names[0]], profile[names[1]]


def _profile(path: Path) -> Mapping[str, str]:
    """The profile [default] of a credentials file; empty where there is none."""
    file = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as text:
            file.read_file(text)
    except (configparser.Error, UnicodeDecodeError) as error:
        # No more of the error: it quotes the line, which may be a secret.
        raise SettingsRefused(
            f"{path} is not a credentials file as AWS's tools read it ({type(error).__name__}). Fix it or delete it."
        ) from None
    return dict(file["default"]) if file.has_section("default") else {}
