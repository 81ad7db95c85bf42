"""The engine alone: a worker process whose workflows do nothing, with the engine settings of real workers.

    noop.py ENGINE_URL CONCURRENCY

It prints `ready` when it accepts work, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
import threading

from edgewright.worker.engine import Executor

POLL_SECONDS = 0.1
"""How often real workers poll for jobs."""


class NoopWorker:
    """Runs workflows that do nothing, and wakes the queue as a worker does."""

    def __init__(self, url: str) -> None:
        self._wakeup = threading.Event()
        self._executor = Executor(url, f"noop-{os.getpid()}", self._run, 8)

    def start(self, concurrency: int) -> None:
        """Accept work from here on."""
        self._executor.launch(concurrency)
        threading.Thread(target=self._wake, daemon=True).start()

    def _run(self, _arn: str, _created_ms: int, _trace: str | None) -> None:
        self._wakeup.set()

    def _wake(self) -> None:
        while True:
            self._wakeup.wait(POLL_SECONDS)
            self._wakeup.clear()
            self._executor.poll()


def main() -> None:
    """Run until standard input ends."""
    worker = NoopWorker(sys.argv[1])
    worker.start(int(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
