"""Signing and verifying keys: ECDSA on P-256 or P-384, in PEM files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.errors import KeyUnusable
from edgewright.files import PRIVATE, PRIVATE_FOLDER, make_folder, read_private, write_atomically
from edgewright.signing.states import KeyState

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE: Final = "signing.pem"
PUBLIC_FILE: Final = "signing.pub.pem"

_HASHES: Final[dict[str, type[hashes.SHA256 | hashes.SHA384]]] = {
    "secp256r1": hashes.SHA256,
    "secp384r1": hashes.SHA384,
}
"""Curve → the digest that is signed, as the OpenSSF format pairs them. A curve that is not here is refused."""
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a signing key. Two are equal if their PEM is.

    Attributes:
        pem: SubjectPublicKeyInfo in PEM, as `openssl` writes it.
        state: what is known of it where it is trusted; a key that was read from a file alone counts as active.
        reason: why it was revoked, in the operator's words; empty otherwise.
    """

    pem: bytes
    state: KeyState = field(default=KeyState.ACTIVE, compare=False)
    reason: str = field(default="", compare=False)

    @property
    def key_id(self) -> str:
        """SHA-256 of the PEM text, in hexadecimal: how `model_signing` names a key in its bundles."""
        return hashlib.sha256(self.pem).hexdigest()

    @property
    def algorithm(self) -> str:
        """Algorithm and curve, such as `ECDSA P-256`; `unknown` for a key that verifies nothing."""
        curve = self._curve_and_key()[0]
        return f"ECDSA {_CURVES[curve]}" if curve in _CURVES else "unknown"

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` (DER) over `data` was made with the private half."""
        curve, key = self._curve_and_key()
        if key is None or curve not in _HASHES:
            return False
        try:
            key.verify(signature, data, ec.ECDSA(_HASHES[curve]()))
        except InvalidSignature:
            return False
        return True

    def _curve_and_key(self) -> tuple[str, ec.EllipticCurvePublicKey | None]:
        key = serialization.load_pem_public_key(self.pem)
        return (key.curve.name, key) if isinstance(key, ec.EllipticCurvePublicKey) else ("", None)


class EcdsaSigner:
    """A private key in memory. Nonces are deterministic (RFC 6979): same data, same signature."""

    deterministic: Final = True

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""
        return public_half(self._key.public_key())

    @property
    def private_pem(self) -> bytes:
        """The key itself, unencrypted, in PKCS #8."""
        form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._key.private_bytes(serialization.Encoding.PEM, form, encryption)

    def sign(self, data: bytes) -> bytes:
        """The DER signature over `data`."""
        return self._key.sign(data, ec.ECDSA(_HASHES[self._key.curve.name](), deterministic_signing=True))


def new_signer(curve: str = "P-256") -> EcdsaSigner:
    """A new private key, in memory alone.

    Args:
        curve: `P-256` or `P-384`.

    Raises:
        KeyUnusable: another curve.
    """
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1()}
    if curve not in curves:
        raise KeyUnusable(f"Keys are not made on {curve!r}: the curves are {', '.join(curves)}.")
    return EcdsaSigner(ec.generate_private_key(curves[curve]))


def load_signer(path: Path) -> EcdsaSigner:
    """The private key in a PEM file.

    Raises:
        KeyUnusable: no such file, one that others may read, or one without an unencrypted private key on P-256 or
            P-384.
    """
    try:
        pem = read_private(path, "The signing key")
    except OSError as error:
        raise KeyUnusable(f"The signing key {path} cannot be read: {error.strerror}.") from error
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"The file {path} holds no unencrypted private key in PEM.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name not in _HASHES:
        raise KeyUnusable(
            f"The signing key {path} is not on P-256 or P-384: `openssl genpkey -algorithm EC -pkeyopt "
            "ec_paramgen_curve:P-256` makes one that is."
        )
    return EcdsaSigner(key)


def load_public_key(path: Path) -> PublicKey:
    """The public key in a PEM file.

    Raises:
        KeyUnusable: no such file, or one without a public key on P-256 or P-384.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"The public key {path} cannot be read: {error.strerror}.") from error
    return read_public_key(pem, f"The file {path}")


def read_public_key(pem: bytes, what: str = "The text") -> PublicKey:
    """The public key in a PEM text, in the one form that its id is the digest of.

    Args:
        pem: SubjectPublicKeyInfo.
        what: how a refusal begins.

    Raises:
        KeyUnusable: no public key, or one that is not on P-256 or P-384.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{what} holds no public key in PEM.") from error
    return checked_public_key(key, what)


def checked_public_key(key: object, what: str) -> PublicKey:
    """The public key, if it is one that verifies packages.

    Raises:
        KeyUnusable: it is not on P-256 or P-384.
    """
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in _HASHES:
        raise KeyUnusable(f"{what} holds a public key that is not on P-256 or P-384.")
    return public_half(key)


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
        make_folder(folder, PRIVATE_FOLDER)
        if not path.exists():
            write_atomically(path, [new_signer().private_pem], mode=PRIVATE, replace=False)
        signer = load_signer(path)
        _keep_public_half(folder / PUBLIC_FILE, signer.public_key)
    except OSError as error:
        raise KeyUnusable(f"The key folder {folder} cannot be used: {error}.") from error
    return signer


def public_half(key: ec.EllipticCurvePublicKey) -> PublicKey:
    """The public key in the form that `openssl` writes."""
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return PublicKey(key.public_bytes(encoding, form))


def _keep_public_half(path: Path, public: PublicKey) -> None:
    if not path.exists():
        write_atomically(path, [public.pem], mode=0o644, replace=False)
    if load_public_key(path) != public:
        raise KeyUnusable(f"{path} is not the public half of {PRIVATE_FILE} beside it: remove one of the two.")
