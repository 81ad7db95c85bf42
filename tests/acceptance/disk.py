"""A small disk of its own for a data folder, to be filled and freed by tests."""

from __future__ import annotations

import errno
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024


class Disk:
    """A mounted file system.

    Attributes:
        folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    @property
    def left(self) -> int:
        """Bytes that may still be written."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_bsize

    def fill(self, leaving: int = 0) -> None:
        """Take all the room there is, but for so many bytes."""
        with self._filler.open("ab", buffering=0) as file:
            while (room := self.left - leaving) > 0:
                try:
                    file.write(bytes(min(room, MIB)))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def free(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Disk]:
    """A file system in memory of `size` bytes, mounted on a new folder; it takes root, or sudo without a password."""
    folder.mkdir()
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    options = f"size={size},mode=0700,uid={os.geteuid()},gid={os.getegid()}"
    subprocess.run([*prefix, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run([*prefix, "umount", str(folder)], check=True)
