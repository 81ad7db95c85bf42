"""The folder of a host's private keys: `signing.pem` signs, the others stand beside it under the start of their ids.

A key that is made before it signs, and one that signs no more, are `<first 16 digits of the id>.pem`. So a key can be
brought to every host before it is made the signing one, and each host finds it when it is.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edgewright.errors import KeyUnusable
from edgewright.files import PRIVATE, PRIVATE_FOLDER, make_folder, write_atomically
from edgewright.signing.keys import PRIVATE_FILE, PUBLIC_FILE, EcdsaSigner, PublicKey, load_public_key, load_signer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SHORT = 16
"""Digits of a key's id in the name of its file."""


def path_of(folder: Path, key_id: str) -> Path:
    """The file of a private key that is not the signing one."""
    return folder / f"{key_id[:SHORT]}.pem"


def add(folder: Path, signer: EcdsaSigner) -> Path:
    """Keep a private key, and its public half, beside the signing one; its file.

    Raises:
        KeyUnusable: the folder cannot be written.
    """
    path = path_of(folder, signer.public_key.key_id)
    with _writing(folder):
        make_folder(folder, PRIVATE_FOLDER)
        write_atomically(path, [signer.private_pem], mode=PRIVATE, replace=False)
        write_atomically(path.with_suffix(".pub.pem"), [signer.public_key.pem], mode=0o644, replace=False)
    return path


def private_key(folder: Path, key_id: str) -> EcdsaSigner | None:
    """The private key of this id; it becomes `signing.pem` if it was not. None if the folder does not have it.

    Raises:
        KeyUnusable: a file that others may read, or that holds no key; or the folder cannot be written.
    """
    path = path_of(folder, key_id)
    current = signing_key(folder)
    if current is not None and current.public_key.key_id == key_id:
        return current
    if not path.exists():
        return None
    signer = load_signer(path)
    if signer.public_key.key_id != key_id:
        raise KeyUnusable(f"{path} holds key {signer.public_key.key_id}, and its name is that of {key_id}: rename it.")
    with _writing(folder):
        if current is not None:
            add(folder, current)
        with suppress(FileNotFoundError):  # another process of this host has just moved it
            os.replace(path, folder / PRIVATE_FILE)  # noqa: PTH105 - Path.replace says no more
        write_atomically(folder / PUBLIC_FILE, [signer.public_key.pem], mode=0o644)
        path.with_suffix(".pub.pem").unlink(missing_ok=True)
    return signer


def signing_key(folder: Path) -> EcdsaSigner | None:
    """The key in `signing.pem`; None if there is no such file.

    Raises:
        KeyUnusable: it cannot be used.
    """
    path = folder / PRIVATE_FILE
    return load_signer(path) if path.exists() else None


def public_half(folder: Path) -> PublicKey | None:
    """The key in `signing.pub.pem`; None if there is no such file.

    Raises:
        KeyUnusable: it holds no key.
    """
    path = folder / PUBLIC_FILE
    return load_public_key(path) if path.exists() else None


def remove(folder: Path, key_id: str) -> None:
    """Remove a signing key that was made for nothing: another host's became the service's first.

    Raises:
        KeyUnusable: the folder cannot be written.
    """
    with _writing(folder):
        current = signing_key(folder)
        if current is not None and current.public_key.key_id == key_id:
            (folder / PUBLIC_FILE).unlink(missing_ok=True)
            (folder / PRIVATE_FILE).unlink(missing_ok=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise KeyUnusable(f"The key folder {folder} cannot be written: {error}.") from error
