"""A host's signing key, held against the database: a host with another key signs nothing.

The first host that starts makes a key, or has one, and the database keeps its fingerprint. From then on a host whose
key is another, or that has a public half alone, is refused with what to copy where: else packages of one service would
be signed by keys that half of the devices do not trust.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import KeyUnusable
from edgewright.signing import key_folder, keys
from edgewright.signing.keys import PRIVATE_FILE, PUBLIC_FILE, PublicKey
from edgewright.signing.signers import Signer, open_signer

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.keys.store import KeyStore, KnownKey


class SigningKey:
    """The signing key of this host. Call it for the signer of one package: it follows a rotation."""

    def __init__(self, uri: str | None, folder: Path, store: KeyStore) -> None:
        """Keep the parts.

        Args:
            uri: the setting `signing_key`; the folder's key is meant when None.
            folder: the folder of private keys.
            store: the service's keys.
        """
        self._uri = uri
        self._folder = folder
        self._store = store
        self._held: Signer | None = None

    def begin(self) -> Signer:
        """Be ready to sign: the first host of a service brings its key, or makes it.

        Raises:
            KeyUnusable: this host does not have the service's signing key; the message says what to copy where.
            DatabaseUnavailable: the database cannot be used.
        """
        self.adopt(create=True)
        return self()

    def adopt(self, *, create: bool = False) -> None:
        """Record this host's key as the service's signing key, if the service knows no key yet.

        Args:
            create: make one where this host has none.

        Raises:
            KeyUnusable: the host has a public half alone, or a key that cannot be used.
        """
        if self._store.all():
            return
        before = self._own()
        if before is None and not create:
            return
        signer = before or keys.load_or_create(self._folder)
        self._store.adopt(signer.public_key, self._further(signer.public_key))
        recorded = self._store.signing()
        if before is None and recorded is not None and recorded.key_id != signer.public_key.key_id:
            key_folder.remove(self._folder, signer.public_key.key_id)  # another host was first

    def check(self) -> None:
        """Refuse a host that holds another signing key. One without any is fine where nothing is signed.

        Raises:
            KeyUnusable: it does.
        """
        recorded = self._store.signing()
        if recorded is not None and self._uri is None and key_folder.signing_key(self._folder) is not None:
            self._matching(recorded)

    def __call__(self) -> Signer:
        """The signer for one package.

        Raises:
            KeyUnusable: as `begin`.
            DatabaseUnavailable: the database cannot be used.
        """
        recorded = self._store.signing()
        if recorded is None:
            raise KeyUnusable(
                "No key signs: the signing key was revoked. Run `edgewright keys rotate`, which makes another one sign."
            )
        if self._held is None or self._held.public_key.key_id != recorded.key_id:
            self._held = self._matching(recorded)
        return self._held

    def _own(self) -> Signer | None:
        """This host's key before the service knows one."""
        if self._uri is not None:
            return open_signer(self._uri)
        found, public = key_folder.signing_key(self._folder), key_folder.public_half(self._folder)
        if found is None and public is not None:
            raise KeyUnusable(
                f"{self._folder / PUBLIC_FILE} is the public half of key {public.key_id}, and {PRIVATE_FILE} is not "
                f"beside it. Copy the private key to {self._folder / PRIVATE_FILE} (mode 0600); or remove the public "
                "half, and a new key is made at the next start."
            )
        return keys.load_or_create(self._folder) if found is not None else None

    def _further(self, own: PublicKey) -> list[PublicKey]:
        """Other public keys in the folder: before keys had states, whatever lay there was trusted."""
        if self._uri is not None:
            return []
        return [key for key in keys.load_trusted(self._folder) if key != own]

    def _matching(self, recorded: KnownKey) -> Signer:
        if self._uri is not None:
            signer: Signer | None = open_signer(self._uri)
            place, copied = f"the setting signing_key ({self._uri})", "Name the service's key there, on every host"
        else:
            signer = key_folder.private_key(self._folder, recorded.key_id) or key_folder.signing_key(self._folder)
            place = str(self._folder / PRIVATE_FILE)
            copied = (
                f"Copy {PRIVATE_FILE} from the folder `keys` of a host that has key {recorded.key_id} to {place} (mode "
                f"0600), and remove {self._folder / PUBLIC_FILE}"
            )
        if signer is not None and signer.public_key.key_id == recorded.key_id:
            return signer
        found = f"is another key, {signer.public_key.key_id}" if signer is not None else self._missing()
        raise KeyUnusable(
            f"The service signs with key {recorded.key_id}, and {place} {found}: packages of this host would not "
            f"verify where the others' do, so it signs nothing. {copied}. To sign with another key from now on, run "
            "`edgewright keys rotate`."
        )

    def _missing(self) -> str:
        public = key_folder.public_half(self._folder)
        return "is not there" if public is None else "is not there, but its public half alone"
