"""Files that appear whole or not at all. Devices use this too: nothing but the standard library."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from typing_extensions import Buffer

PRIVATE = 0o600
"""The mode of a file that only its owner may read."""


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


def _flush_folder(folder: Path) -> None:
    """Flush the name too, where the file system can: some that are reached over a network cannot."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
