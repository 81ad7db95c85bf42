"""What an administrator does with a service's signing keys: the work behind `edgewright keys`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from edgewright.database import connections
from edgewright.errors import KeyChangeRefused, KeyUnusable, SettingsRefused
from edgewright.files import PRIVATE_FOLDER, make_folder, write_atomically
from edgewright.keys.opening import SigningKey
from edgewright.keys.store import KeyStore, KnownKey
from edgewright.signing import key_folder, key_lists, keys
from edgewright.signing.signers import open_signer, scheme_of
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import TrustedKeys, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from edgewright.settings import Settings


@dataclass(slots=True)
class KeyAdministration:
    """The keys of one service, and this host's folder of private ones. Use it in a `with` statement.

    Attributes:
        store: the service's keys.
        notes: what the administrator has to do next, in sentences; filled as things are done.
    """

    store: KeyStore
    notes: list[str] = field(default_factory=list)
    _settings: Settings = field(kw_only=True)
    _engine: Engine = field(kw_only=True)

    @classmethod
    def of(cls, settings: Settings, *, migrate: bool = False) -> KeyAdministration:
        """The keys in the database that the settings name.

        Args:
            settings: what the operator chose.
            migrate: make or migrate the database first, as the first start does.

        Raises:
            SettingsRefused: the data folder cannot be made.
            DatabaseUnavailable: the database cannot be used, or is to be migrated first.
        """
        engine = connections.open_database(settings.sqlalchemy_url)
        if migrate:
            try:
                make_folder(settings.data_dir, PRIVATE_FOLDER)
            except OSError as error:
                raise SettingsRefused(
                    f"The data folder {settings.data_dir} cannot be made: {error.strerror}."
                ) from error
            connections.migrate(engine)
        else:
            connections.migration(engine)
        return cls(KeyStore(engine), _settings=settings, _engine=engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def create(self, uri: str | None) -> KnownKey:
        """Make a key, or take one that is there, which does not sign yet; a service without any gets its first.

        Args:
            uri: the key that is there; a new one is made in the folder when None.

        Raises:
            KeyUnusable: the key cannot be used, or the folder cannot be written.
            KeyChangeRefused: the service knows the key already, or new keys are not made in the folder.
        """
        if not self.store.all():
            return self._first(uri)
        if uri is None and self._settings.signing_key is not None:
            raise KeyChangeRefused(
                "The setting signing_key names a key outside the data folder: make the new one there, and give its URI "
                "with --key."
            )
        signer = keys.new_signer() if uri is None else open_signer(uri)
        if self._settings.signing_key is None and isinstance(signer, keys.EcdsaSigner):
            path = key_folder.add(self._settings.keys_dir, signer)
            self.notes.append(f"Copy {path} (mode 0600) into the folder `keys` of every host, before the rotation.")
        return self.store.add(signer.public_key, KeyState.ACTIVE)

    def rotate(self, name: str | None, uri: str | None) -> KnownKey:
        """Sign with another key, and retire the one that did.

        Args:
            name: the start of the id of an active key.
            uri: a key that is there, and perhaps not known yet. With neither: the newest active key that does not
                sign, else a new one.

        Raises:
            KeyUnusable: as `create`.
            KeyChangeRefused: the key cannot sign, or signs already.
        """
        key_id = self._next(name, uri)
        changed = self.store.rotate(key_id)
        if self._settings.signing_key is not None or (uri is not None and scheme_of(uri) in {"pkcs11", "awskms"}):
            self.notes.append("Set signing_key to the new key's URI on every host, and restart there.")
        elif key_folder.private_key(self._settings.keys_dir, key_id) is None:
            path = key_folder.path_of(self._settings.keys_dir, key_id)
            self.notes.append(f"This host does not have the private key: copy it to {path} (mode 0600).")
        else:
            self.notes.append(
                f"Hosts that do not have {key_folder.path_of(Path('keys'), key_id)} sign nothing until they do; its "
                f"private key is now {self._settings.keys_dir / keys.PRIVATE_FILE}."
            )
        return changed

    def export(self, folder: Path) -> Iterator[Path]:
        """Write the public keys that are not revoked, the unsigned list of the next version, and the signed one.

        The public keys of revoked ones that an earlier export left are removed.

        Raises:
            KeyUnusable: the folder cannot be written.
        """
        published = self.store.published()
        known = self.store.all()
        documents = {
            f"{each.key_id}.pub.pem": each.listed.key.pem for each in known if each.state is not KeyState.REVOKED
        }
        version = published.version + 1 if published else 1
        documents["keys.json"] = unsigned(version, [each.listed for each in known])
        if published is not None:
            documents["keys.list.json"] = published.document
        try:
            make_folder(folder)
            for each in known:  # what an earlier export left would go on being trusted
                if each.state is KeyState.REVOKED:
                    (folder / f"{each.key_id}.pub.pem").unlink(missing_ok=True)
            for name, content in documents.items():
                write_atomically(folder / name, [content])
                yield folder / name
        except OSError as error:
            raise KeyUnusable(f"The folder {folder} cannot be written: {error}.") from error

    def publish(self, path: Path, roots: Sequence[Path]) -> TrustedKeys:
        """Serve a signed list.

        Raises:
            KeyListRefused: it is not signed by a root key, expired, or not newer than the one that is served.
            KeyUnusable: a file cannot be read.
        """
        text = key_lists.read_list(path)
        trusted = TrustedKeys.read(text, [keys.load_public_key(root) for root in roots], datetime.now(UTC))
        self.store.publish(trusted, text)
        return trusted

    def _first(self, uri: str | None) -> KnownKey:
        if uri is not None and self._settings.signing_key is None:
            signer = open_signer(uri)
            if isinstance(signer, keys.EcdsaSigner):
                key_folder.add(self._settings.keys_dir, signer)
                key_folder.private_key(self._settings.keys_dir, signer.public_key.key_id)
            else:
                self.notes.append("Set signing_key to this key's URI on every host.")
            self.store.adopt(signer.public_key)
        else:
            SigningKey(uri or self._settings.signing_key, self._settings.keys_dir, self.store).begin()
        first = self.store.signing()
        if first is None:
            raise KeyChangeRefused(
                "Another host made the first key, and it was revoked since: `edgewright keys rotate`."
            )
        return first

    def _next(self, name: str | None, uri: str | None) -> str:
        if name is not None:
            return self.store.named(name).key_id
        if uri is not None:
            public = open_signer(uri).public_key
            known = {each.key_id for each in self.store.all()}
            return public.key_id if public.key_id in known else self.create(uri).key_id
        waiting = [each for each in self.store.all() if each.state is KeyState.ACTIVE and not each.signs]
        return waiting[-1].key_id if waiting else self.create(None).key_id
