"""A worker's folder on its host, and the lock that shows at once whether it lives.

A heartbeat shows a death only when it times out. On one host the kernel knows better: it drops a process's locks the
moment the process ends, however it ends. So each worker holds a lock in its folder, `work/<worker id>/lock`, and
a process that can take that lock knows that its worker is dead.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from typing import TYPE_CHECKING

from edgewright.files import PRIVATE_FOLDER, make_folder

if TYPE_CHECKING:
    from pathlib import Path

LOCK = "lock"


class Liveness:
    """This worker's folder under a host's work folder, and a look at the others'."""

    def __init__(self, work_dir: Path, worker_id: str) -> None:
        self._work_dir = work_dir
        self.worker_id = worker_id
        self._descriptor: int | None = None

    @property
    def folder(self) -> Path:
        """This worker's own folder, for what its jobs put on disk."""
        return self._work_dir / self.worker_id

    def enter(self) -> None:
        """Make the folder and hold its lock. The lock file appears under its name only once it is locked."""
        make_folder(self._work_dir, PRIVATE_FOLDER)
        self.folder.mkdir(mode=PRIVATE_FOLDER)
        hidden = self.folder / f".{LOCK}"
        self._descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A record lock belongs to this process alone; children that outlive it do not inherit it.
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        hidden.rename(self.folder / LOCK)

    def leave(self) -> None:
        """Remove the folder, and with it the lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def dead(self) -> set[str]:
        """The workers on this host that ended without leaving."""
        locks = self._work_dir.glob(f"*/{LOCK}")
        # One's own lock is left out: opening and closing its file would drop it.
        return {lock.parent.name for lock in locks if lock.parent.name != self.worker_id and _free(lock)}

    def reap(self, worker_id: str) -> None:
        """Remove a dead worker's folder."""
        shutil.rmtree(self._work_dir / worker_id, ignore_errors=True)


def _free(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # it has just left
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
