"""The worker process beside a server: started again when it dies, and ended with the server."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import structlog

from edgewright.worker import ENDING_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.settings import Settings

log = structlog.get_logger(__name__)

RESTART_SECONDS = (0.5, 30.0)
"""The pauses before a worker that died is started again: the first, and the longest."""
STEADY_SECONDS = 60.0
"""A worker that ran for so long had a good start: the next pause is the first again."""
SPARE_SECONDS = 2.0
"""What a worker may take beyond all that it needs to end, before it is killed."""


@contextlib.contextmanager
def supervised_worker(settings: Settings) -> Iterator[None]:
    """A worker process as long as the context lasts.

    It holds the reading end of a pipe as its standard input: should the server itself be killed, the pipe closes and
    the worker ends by itself.
    """
    ending = threading.Event()
    thread = threading.Thread(target=_supervise, args=(settings, ending), name="worker-supervisor")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _supervise(settings: Settings, ending: threading.Event) -> None:
    first, longest = RESTART_SECONDS
    pause = first
    while not ending.is_set():
        begun = time.monotonic()
        process = _start(settings)
        while process.poll() is None and not ending.wait(0.1):
            pass
        if ending.is_set():
            _end(process, settings.worker.grace_seconds + ENDING_SECONDS + SPARE_SECONDS)
            return
        pause = first if time.monotonic() - begun > STEADY_SECONDS else min(pause * 2, longest)
        log.error("worker died", exit_code=process.returncode, next_start_seconds=pause)
        ending.wait(pause)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    """Start a worker on the same data folder; every other setting reaches it as it reached this process."""
    command = [sys.executable, "-m", "edgewright", "worker", "--data-dir", str(settings.data_dir), "--with-parent"]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - no shell, no part from outside


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
