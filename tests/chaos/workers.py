"""A pool of real workers, kept at its size; each can be frozen, run for a millisecond at a time, and killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.forked import forked_worker

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from edgewright.settings import Settings

SLICE_SECONDS = 0.001
"""How long a worker runs in one step."""
FREEZING_SECONDS = 20.0
"""How long a system call that cannot be interrupted, such as a flush to the disk, may take."""
STOPPED = {"T", "t"}


class WorkerPool:
    """Workers by their process ids.

    Args:
        settings: what all of them are started with.
        size: how many there are to be.
    """

    def __init__(self, settings: Settings, size: int) -> None:
        self._settings = settings
        self._size = size
        self._workers: dict[int, ForkServerProcess] = {}

    def __contains__(self, pid: int | None) -> bool:
        return pid in self._workers

    def fill(self) -> None:
        """Start workers until there are enough."""
        while len(self._workers) < self._size:
            process = forked_worker(self._settings)
            assert process.pid is not None
            self._workers[process.pid] = process

    def freeze(self, pid: int) -> None:
        """Stop a worker, and wait until none of its threads runs: its state does not change then."""
        os.kill(pid, signal.SIGSTOP)
        until = time.monotonic() + FREEZING_SECONDS
        while not _is_frozen(pid):
            assert time.monotonic() < until, f"the worker {pid} does not stop"
            time.sleep(SLICE_SECONDS / 10)

    def resume(self, pid: int, seconds: float = 0.0) -> None:
        """Let a frozen worker go on, and wait for so long."""
        os.kill(pid, signal.SIGCONT)
        time.sleep(seconds)

    def step(self, pid: int) -> None:
        """Let a frozen worker run for a millisecond."""
        self.resume(pid, SLICE_SECONDS)
        self.freeze(pid)

    def kill(self, pid: int) -> None:
        """End a worker as a crash does."""
        process = self._workers.pop(pid)
        process.kill()
        process.join()

    def kill_all(self) -> None:
        """Kill all."""
        for pid in list(self._workers):
            self.kill(pid)


def _is_frozen(pid: int) -> bool:
    return all(_state(thread) in STOPPED for thread in Path(f"/proc/{pid}/task").iterdir())


def _state(thread: Path) -> str:
    """The letter for a thread's state, which stands behind its name in parentheses (proc_pid_stat(5))."""
    try:
        return (thread / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return "T"
