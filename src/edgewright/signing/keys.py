"""Signing and verifying keys: ECDSA on P-256, in PEM files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.errors import KeyUnusable
from edgewright.files import PRIVATE, write_atomically

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE: Final = "signing.pem"
PUBLIC_FILE: Final = "signing.pub.pem"

_OTHERS: Final = 0o077


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a signing key.

    Attributes:
        pem: SubjectPublicKeyInfo in PEM, as `openssl` writes it.
    """

    pem: bytes

    @property
    def key_id(self) -> str:
        """SHA-256 of the PEM text, in hexadecimal: how `model_signing` names a key in its bundles."""
        return hashlib.sha256(self.pem).hexdigest()

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` (DER) over `data` was made with the private half."""
        key = serialization.load_pem_public_key(self.pem)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            return False
        try:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


class EcdsaSigner:
    """A private P-256 key in memory. Nonces are deterministic (RFC 6979): same data, same signature."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""
        return _public_half(self._key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The DER signature over `data`."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def load_signer(path: Path) -> EcdsaSigner:
    """The private key in a PEM file.

    Raises:
        KeyUnusable: no such file, one that others may read, or one without an unencrypted P-256 private key.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            pem = file.read()
    except OSError as error:
        raise KeyUnusable(f"The signing key {path} cannot be read: {error.strerror}.") from error
    if mode & _OTHERS:
        raise KeyUnusable(f"The signing key {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`.")
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"The file {path} holds no unencrypted private key in PEM.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyUnusable(
            f"The signing key {path} is not on P-256: `openssl genpkey -algorithm EC -pkeyopt "
            "ec_paramgen_curve:P-256` makes one that is."
        )
    return EcdsaSigner(key)


def load_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        KeyUnusable: no such file, or one without a P-256 public key.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"The public key {path} cannot be read: {error.strerror}.") from error
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"The file {path} holds no public key in PEM.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyUnusable(f"The public key {path} is not on P-256.")
    return _public_half(key)


def load_trusted(folder: Path) -> list[PublicKey]:
    """The public keys in a folder's `*.pem` files, by file name; private keys are passed over.

    Raises:
        KeyUnusable: no folder, no public key in it, or a file that holds no key.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".pem")
        public = [path for path in paths if b"PRIVATE KEY-----" not in path.read_bytes()]
    except OSError as error:
        raise KeyUnusable(f"The folder of trusted keys {folder} cannot be read: {error.strerror}.") from error
    if not public:
        raise KeyUnusable(f"The folder of trusted keys {folder} holds no *.pem file with a public key.")
    return [load_public_key(path) for path in public]


def load_or_create(folder: Path) -> EcdsaSigner:
    """The signing key of a folder, made at first use, and its public half beside it.

    Processes that start at once end up with one key: each writes a file of its own, and only the first to link it under
    the key's name wins.

    Raises:
        KeyUnusable: the folder cannot be written, or its key cannot be used.
    """
    path = folder / PRIVATE_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            write_atomically(path, [_new_private_pem()], mode=PRIVATE, replace=False)
        signer = load_signer(path)
        _keep_public_half(folder / PUBLIC_FILE, signer.public_key)
    except OSError as error:
        raise KeyUnusable(f"The key folder {folder} cannot be used: {error}.") from error
    return signer


def _public_half(key: ec.EllipticCurvePublicKey) -> PublicKey:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return PublicKey(key.public_bytes(encoding, form))


def _new_private_pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _keep_public_half(path: Path, public: PublicKey) -> None:
    if not path.exists():
        write_atomically(path, [public.pem], mode=0o644, replace=False)
    if load_public_key(path) != public:
        raise KeyUnusable(f"{path} is not the public half of {PRIVATE_FILE} beside it: remove one of the two.")
