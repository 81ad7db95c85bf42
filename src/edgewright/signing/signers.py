"""Signers by the scheme of their key's URI: a new one is a file beside this one, and a row of `SIGNERS`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from edgewright.errors import KeyUnusable
from edgewright.signing import aws_kms, keys, pkcs11_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.signing.keys import PublicKey


class Signer(Protocol):
    """A key that signs: in a file, a KMS or an HSM."""

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""

    @property
    def deterministic(self) -> bool:
        """Whether the same data always get the same signature; else two packages of one model differ by it alone."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA over `data`, in DER: with SHA-256 on P-256, with SHA-384 on P-384.

        Raises:
            KeyUnusable: the key cannot be used any more.
        """


SIGNERS: Final[dict[str, Callable[[str], Signer]]] = {
    "": lambda uri: keys.load_signer(Path(uri)),
    "file": lambda uri: keys.load_signer(Path(unquote(urlsplit(uri).path))),
    "pkcs11": pkcs11_keys.open_key,
    "awskms": aws_kms.open_key,
}
"""Scheme → what opens a URI of it, or raises KeyUnusable. A plain path has no scheme."""
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):")


def scheme_of(uri: str) -> str:
    """The URI's scheme; empty for a plain path."""
    found = _SCHEME.match(uri)
    return found[1] if found else ""


def open_signer(uri: str) -> Signer:
    """The signer that a URI, or a plain path, stands for.

    Raises:
        KeyUnusable: an unknown scheme, or a key that cannot be used.
    """
    scheme = scheme_of(uri)
    if scheme not in SIGNERS:
        raise KeyUnusable(f"No signer opens {uri!r}: the schemes are {', '.join(filter(None, SIGNERS))}.")
    return SIGNERS[scheme](uri)
