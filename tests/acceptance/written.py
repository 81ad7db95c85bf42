"""Which files a program writes in some folders, as the kernel tells it (inotify): by name, whatever wrote them."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODIFY, _MOVED_TO, _CREATE, _OVERFLOW, _FOLDER = 0x2, 0x80, 0x100, 0x4000, 0x40000000
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Written:
    """Collects the paths of files that were made, changed or renamed below some folders."""

    def __init__(self) -> None:
        self.paths: set[Path] = set()
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._folders: dict[int, Path] = {}
        self._ending = threading.Event()
        self._reader = threading.Thread(target=self._read)

    def watch(self, folder: Path) -> None:
        """Watch a folder and all below it. What is in a new folder already counts as written."""
        wanted = _MODIFY | _MOVED_TO | _CREATE
        watch = _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), wanted)
        if watch < 0 and ctypes.get_errno() == errno.ENOENT:  # gone already, with what was in it
            return
        self._folders[_checked(watch)] = folder
        for path in folder.iterdir():
            if path.is_dir():
                self.watch(path)
            elif self._reader.is_alive():
                self.paths.add(path)

    def start(self) -> None:
        self._reader.start()

    def stop(self) -> None:
        self._ending.set()
        self._reader.join()
        os.close(self._descriptor)

    def _read(self) -> None:
        while not self._ending.is_set():
            if select.select([self._descriptor], [], [], 0.05)[0]:
                events = os.read(self._descriptor, 1 << 20)
                while events:
                    events = self._take(events)

    def _take(self, events: bytes) -> bytes:
        watch, mask, _, length = _EVENT.unpack_from(events)
        assert not mask & _OVERFLOW, "more was written than could be followed"
        name, rest = events[_EVENT.size : _EVENT.size + length].rstrip(b"\0"), events[_EVENT.size + length :]
        if name:
            path = self._folders[watch] / os.fsdecode(name)
            if mask & _FOLDER:
                self.watch(path)
            else:
                self.paths.add(path)
        return rest


def _checked(answer: int) -> int:
    if answer < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return answer


@contextmanager
def written_below(*folders: Path) -> Iterator[set[Path]]:
    """The files that are written while the block runs; the set is whole once it has ended."""
    written = Written()
    for folder in folders:
        written.watch(folder)
    written.start()
    try:
        yield written.paths
    finally:
        written.stop()
