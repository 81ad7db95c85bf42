"""The root key, which signs lists of keys and nothing else. It is kept offline: nothing here needs a service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from edgewright.errors import KeyUnusable
from edgewright.files import PRIVATE, write_atomically
from edgewright.signing.key_lists import read_list
from edgewright.signing.keys import new_signer
from edgewright.signing.signers import open_signer
from edgewright.signing.trusted_keys import KeyList, read_unsigned, sign_list

if TYPE_CHECKING:
    from pathlib import Path


def create(path: Path, curve: str = "P-256") -> Path:
    """Make a root key in a file, mode 0600; the file of its public half, which is beside it.

    Args:
        path: the file of the private key; its folder must be there.
        curve: `P-256` or `P-384`.

    Raises:
        KeyUnusable: one of the files is there already, or cannot be written; or another curve.
    """
    public = path.with_suffix(".pub.pem")
    taken = [str(each) for each in (path, public) if each.exists()]
    if taken:
        raise KeyUnusable(f"{' and '.join(taken)} is there already, and no key is replaced. Choose another name.")
    signer = new_signer(curve)
    try:
        write_atomically(path, [signer.private_pem], mode=PRIVATE, replace=False)
        write_atomically(public, [signer.public_key.pem], mode=0o644, replace=False)
    except OSError as error:
        raise KeyUnusable(f"The root key cannot be written: {error}.") from error
    return public


def sign_file(keys: Path, root: str, destination: Path, *, days: int, version: int | None = None) -> KeyList:
    """Sign the list in a file, and write it to another; what was signed.

    Args:
        keys: from `edgewright keys export`.
        root: the root key's file or URI.
        destination: the file of the signed list.
        days: until it expires.
        version: replaces the one in the file.

    Raises:
        KeyListRefused: the file holds no list, or the list holds the root key.
        KeyUnusable: the root key cannot be used, or a file cannot be read or written.
    """
    expires = datetime.now(UTC) + timedelta(days=days)
    listed = read_unsigned(read_list(keys), expires, version)
    signed = sign_list(listed, open_signer(root))
    try:
        write_atomically(destination, [signed])
    except OSError as error:
        raise KeyUnusable(f"The signed list {destination} cannot be written: {error.strerror}.") from error
    return listed
