"""The local keyring: the keys that the directory store encrypts with, in `<data-dir>/kms/`.

One file a key, `<key id>.json` of mode 0600, and `aliases.json`. Keys are named as AWS names them in
OutputConfig.KmsKeyId: by key id, key ARN, `alias/NAME` or alias ARN. Every look-up reads the files, so that what the
command line changes holds for running servers at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from edgewright import strict_json
from edgewright.errors import KeyRefused, KeyUnusable
from edgewright.files import PRIVATE, PRIVATE_FOLDER, make_folder, read_private, write_atomically
from edgewright.stores import encryption

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ALIASES = "aliases.json"
_KEY_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ALIAS = r"alias/[A-Za-z0-9/_-]{1,250}"
_KEY_FILE = re.compile(rf"{_KEY_ID}\.json")
_ALIAS_NAME = re.compile(_ALIAS)
_NAME = re.compile(
    r"(?:arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):(?P<resource>key/[A-Za-z0-9-]+|"
    rf"{_ALIAS})|(?P<alias>{_ALIAS})|(?P<key>[A-Za-z0-9-]+))"
)
_SHOWN = "`edgewright kms list-keys` shows the keys of this service's keyring, `edgewright kms create-key` makes one."


@dataclass(frozen=True, slots=True)
class Owner:
    """What a key, and a name of a key, belongs to."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        """The ARN of `key/<id>` or `alias/<name>`."""
        return f"arn:aws:kms:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class KeyName:
    """What OutputConfig.KmsKeyId may hold, read but not looked up.

    Attributes:
        resource: `key/<id>` or `alias/<name>`.
        owner: the ARN's account and region; None for a bare key id or alias, which stands in the caller's own.
    """

    resource: str
    owner: Owner | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key's name.

        Raises:
            KeyRefused: it has none of the four forms.
        """
        match = _NAME.fullmatch(text)
        if match is None:
            raise KeyRefused(
                f"Invalid keyId '{text}': wanted a key id, a key ARN, alias/NAME or an alias ARN, such as "
                "arn:aws:kms:eu-west-1:123456789012:alias/edge."
            )
        if match["resource"]:
            return cls(match["resource"], Owner(match["account"], match["region"]))
        return cls(match["alias"] or f"key/{match['key']}")


@dataclass(frozen=True, slots=True)
class Key:
    """A key, without its secret."""

    key_id: str
    owner: Owner
    created_at: datetime
    enabled: bool = True

    @property
    def arn(self) -> str:
        """`arn:aws:kms:<region>:<account>:key/<key id>`."""
        return self.owner.arn(f"key/{self.key_id}")


class Keyring:
    """Keys in a folder of this host."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, owner: Owner, alias: str | None = None) -> Key:
        """Make a key; when this returns, it is on the disk.

        Args:
            owner: the account and region whose jobs may use it.
            alias: a name of its own, `alias/NAME` or `NAME`.

        Raises:
            KeyRefused: the alias cannot be used, or is taken.
            KeyUnusable: the keyring cannot be written.
            SettingsRefused: Tink is not installed.
        """
        key = Key(str(uuid.uuid4()), owner, datetime.now(UTC).replace(microsecond=0))
        keyset = encryption.new_keyset()
        with self._alone():
            aliases = self.aliases()
            arn = owner.arn(_alias(alias)) if alias is not None else None
            if arn in aliases:
                raise KeyRefused(
                    f"An alias with the name {arn} already exists, for key {aliases[arn]}. Choose another, or move it "
                    "to another key with `edgewright kms set-alias`."
                )
            self._write(f"{key.key_id}.json", _document(key, keyset))
            if arn is not None:
                self._write(ALIASES, aliases | {arn: key.key_id})
        return key

    def list_keys(self) -> list[Key]:
        """Every key, the oldest first.

        Raises:
            KeyUnusable: the keyring cannot be read.
        """
        if not self._folder.exists():
            return []
        with _usable(self._folder):
            names = [path.name for path in self._folder.iterdir() if _KEY_FILE.fullmatch(path.name)]
        found = [self._read_key(name.removesuffix(".json"))[0] for name in names]
        return sorted(found, key=lambda key: (key.created_at, key.key_id))

    def aliases(self) -> dict[str, str]:
        """Alias ARN → key id."""
        try:
            return {str(arn): str(key_id) for arn, key_id in self._read(ALIASES).items()}
        except FileNotFoundError:
            return {}

    def find(self, name: str, owner: Owner | None = None) -> Key:
        """The enabled key of that name.

        Args:
            name: a key id, key ARN, `alias/NAME` or alias ARN.
            owner: who asks: only keys of that account and region are found. None asks as the service itself, for
                which an alias must be a whole ARN.

        Raises:
            KeyRefused: there is none, it is another account's or region's, or it is disabled.
            KeyUnusable: the keyring cannot be read.
        """
        key = self._named(KeyName.parse(name), owner)
        if not key.enabled:
            raise KeyRefused(f"{key.arn} is disabled. `edgewright kms enable-key {key.key_id}` enables it.")
        return key

    def set_enabled(self, name: str, *, enabled: bool) -> Key:
        """Enable or disable a key: while it is disabled, nothing is encrypted or decrypted with it.

        Raises:
            KeyRefused: there is no such key.
            KeyUnusable: the keyring cannot be written.
        """
        with self._alone():
            key, keyset = self._read_key(self._named(KeyName.parse(name), None).key_id)
            changed = Key(key.key_id, key.owner, key.created_at, enabled)
            self._write(f"{key.key_id}.json", _document(changed, keyset))
        return changed

    def set_alias(self, alias: str, name: str) -> Key:
        """Make an alias of a key, or move it there from another key of the same account and region.

        Raises:
            KeyRefused: the alias cannot be used, or there is no such key.
            KeyUnusable: the keyring cannot be written.
        """
        with self._alone():
            key = self._named(KeyName.parse(name), None)
            self._write(ALIASES, self.aliases() | {key.owner.arn(_alias(alias)): key.key_id})
        return key

    def keyset(self, key_id: str) -> str:
        """The secret of an enabled key: a Tink keyset in JSON.

        Raises:
            KeyRefused: there is no such key, or it is disabled.
            KeyUnusable: its file cannot be read.
        """
        self.find(key_id)
        return self._read_key(key_id)[1]

    def _named(self, name: KeyName, owner: Owner | None) -> Key:
        if name.owner is not None and owner is not None and name.owner != owner:
            raise KeyRefused(
                f"Key '{name.owner.arn(name.resource)}' belongs to another account or region than the job's: "
                f"{owner.account}, {owner.region}. Give a key of those."
            )
        owner = name.owner or owner
        if name.resource.startswith("alias/"):
            return self._aliased(name.resource, owner)
        return self._existing(name.resource.removeprefix("key/"), owner)

    def _aliased(self, alias: str, owner: Owner | None) -> Key:
        if owner is None:
            raise KeyRefused(
                f"Alias {alias} does not say of which account and region. Give its ARN, as in "
                f"arn:aws:kms:eu-west-1:123456789012:{alias}."
            )
        key_id = self.aliases().get(owner.arn(alias))
        if key_id is None:
            raise KeyRefused(f"Alias {owner.arn(alias)} is not found. {_SHOWN}")
        return self._existing(key_id, owner)

    def _existing(self, key_id: str, owner: Owner | None) -> Key:
        with suppress(FileNotFoundError):
            if _KEY_FILE.fullmatch(f"{key_id}.json"):
                key, _ = self._read_key(key_id)
                if owner in {None, key.owner}:
                    return key
        named = owner.arn(f"key/{key_id}") if owner else key_id
        raise KeyRefused(f"Key '{named}' does not exist. {_SHOWN}")

    def _read_key(self, key_id: str) -> tuple[Key, str]:
        document = self._read(f"{key_id}.json")
        try:
            owner = Owner(document["account"], document["region"])
            created = datetime.fromisoformat(document["created_at"])
            return Key(key_id, owner, created, document["enabled"] is True), json.dumps(document["keyset"])
        except (KeyError, TypeError, ValueError) as error:
            raise KeyUnusable(f"The key file {self._folder / key_id}.json cannot be read: {error!r}.") from error

    def _read(self, name: str) -> dict[str, Any]:
        """A file's JSON object.

        Raises:
            FileNotFoundError: there is no such file.
        """
        path = self._folder / name
        with _usable(path):
            text = read_private(path, "The key file")
        try:
            document = strict_json.parse(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise KeyUnusable(f"The key file {path} is not a JSON object. Bring it back from a backup.")
        return document

    def _write(self, name: str, document: Mapping[str, Any]) -> None:
        path = self._folder / name
        with _usable(path):
            write_atomically(path, [json.dumps(document, indent=2).encode() + b"\n"], mode=PRIVATE)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One change at a time, in a folder that is there and private."""
        with _usable(self._folder):
            for folder in (self._folder.parent, self._folder):  # a data folder that is made here is private too
                make_folder(folder, PRIVATE_FOLDER)
            lock = os.open(self._folder / ".lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with _usable(self._folder):
                for left in self._folder.glob(".*.json.*"):  # by a change that was killed
                    left.unlink()
            yield
        finally:
            os.close(lock)


def _alias(text: str) -> str:
    alias = text if text.startswith("alias/") else f"alias/{text}"
    if not _ALIAS_NAME.fullmatch(alias) or alias.startswith("alias/aws/"):
        raise KeyRefused(
            f"Invalid alias '{text}': wanted alias/ and then up to 250 letters, digits, slashes, underscores and "
            "hyphens. alias/aws/ is AWS's own."
        )
    return alias


def _document(key: Key, keyset: str) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "account": key.owner.account,
        "region": key.owner.region,
        "created_at": key.created_at.isoformat(),
        "enabled": key.enabled,
        "keyset": json.loads(keyset),
    }


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyUnusable(f"The keyring's {path} cannot be used: {error.strerror}.") from error
