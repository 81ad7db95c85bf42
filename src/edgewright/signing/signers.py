"""Signers by the scheme of their key's URI: a new one is a file beside this one, and a row of `SIGNERS`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import unquote, urlsplit

from edgewright.errors import KeyUnusable
from edgewright.signing import keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.signing.keys import PublicKey


class Signer(Protocol):
    """A key that signs: in a file, a KMS or an HSM."""

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""

    def sign(self, data: bytes) -> bytes:
        """ECDSA with P-256 and SHA-256 over `data`, in DER; the same signature for the same data."""


SIGNERS: Final[dict[str, Callable[[str], Signer]]] = {
    "": lambda uri: keys.load_signer(Path(uri)),
    "file": lambda uri: keys.load_signer(Path(unquote(urlsplit(uri).path))),
}
"""Scheme → what opens a URI of it, or raises KeyUnusable. A plain path has no scheme."""


def open_signer(uri: str) -> Signer:
    """The signer that a URI, or a plain path, stands for.

    Raises:
        KeyUnusable: an unknown scheme, or a key that cannot be used.
    """
    scheme = urlsplit(uri).scheme if "://" in uri else ""
    if scheme not in SIGNERS:
        raise KeyUnusable(f"No signer opens {uri!r}: the schemes are {', '.join(filter(None, SIGNERS))}.")
    return SIGNERS[scheme](uri)
