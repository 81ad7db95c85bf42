"""Files that appear whole or not at all, and folders for their owner alone.

Devices use this too: nothing but the standard library.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from edgewright.errors import KeyUnusable, SettingsRefused

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Buffer

PRIVATE = 0o600
"""The mode of a file that only its owner may read."""
PRIVATE_FOLDER = 0o700
"""The mode of a folder that only its owner may enter."""
OTHERS = 0o077
"""The bits of a mode that are not the owner's."""


def make_folder(folder: Path, mode: int = 0o755) -> None:
    """Make a folder unless it is there, and those above it, into which nobody else may write whatever the umask.

    Args:
        folder: the folder.
        mode: of the folder itself, under the umask.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    try:
        folder.mkdir(mode=mode, exist_ok=True)
    except FileNotFoundError:
        make_folder(folder.parent)
        folder.mkdir(mode=mode, exist_ok=True)


def close_to_others(path: Path, what: str, otherwise: str = "") -> int:
    """Take from everybody but its owner what a file or folder lets them do; the mode that it had, 0 if it was closed.

    Args:
        path: the file or folder.
        what: what it is, such as `data folder`.
        otherwise: what else an operator can do where it cannot be closed, as the end of a sentence.

    Raises:
        FileNotFoundError: it is not there.
        SettingsRefused: it is not this user's to close.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & OTHERS:
        return 0
    try:
        path.chmod(mode & ~OTHERS)
    except OSError as error:
        raise SettingsRefused(
            f"The {what} {path} holds secrets, is open to others and cannot be closed to them: {error.strerror}. "
            f"Run, as its owner: chmod {mode & ~OTHERS & 0o777:o} {path}{otherwise}"
        ) from error
    return mode


def write_atomically(path: Path, pieces: Iterable[Buffer], *, mode: int = 0o666, replace: bool = True) -> None:
    """Write a file beside its place, flush it to the disk, and give it its name.

    Args:
        path: the file; its folder must be there.
        pieces: its bytes. What the iterable raises comes out unchanged, and nothing is left.
        mode: of the file, under the umask.
        replace: whether a file of that name is replaced; else it stays.

    Raises:
        OSError: it could not be written, and nothing is left.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
        else:
            with suppress(FileExistsError):
                os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _flush_folder(path.parent)


def read_private(path: Path, what: str) -> bytes:
    """The bytes of a file that only its owner may read.

    Args:
        path: the file.
        what: what it is, as the beginning of a sentence.

    Raises:
        KeyUnusable: others may read it.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        content = file.read()
    if mode & OTHERS:
        raise KeyUnusable(f"{what} {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`.")
    return content


def _flush_folder(folder: Path) -> None:
    """Flush the name too, where the file system can: some that are reached over a network cannot."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
