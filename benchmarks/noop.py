"""The engine alone: a worker process whose work is nothing, with the engine settings that real workers have.

    noop.py ENGINE_URL CONCURRENCY

It says `ready` when it takes work, and ends when its standard input does.
"""

from __future__ import annotations

import os
import sys
import threading

from edgewright.worker.engine import Executor

LOOK_SECONDS = 0.1
"""How often real workers look whether a job waits."""


class NoopWorker:
    """Runs works that do nothing, and rings for the next as a worker does."""

    def __init__(self, url: str) -> None:
        self._room = threading.Event()
        self._executor = Executor(url, f"noop-{os.getpid()}", self._run, self._room.set, 8)

    def start(self, concurrency: int) -> None:
        """Take work from here on."""
        self._executor.launch(concurrency)
        threading.Thread(target=self._ring, daemon=True).start()

    def _run(self, _arn: str, _created_ms: int, _trace: str | None) -> None:
        pass

    def _ring(self) -> None:
        while True:
            self._room.wait(LOOK_SECONDS)
            self._room.clear()
            self._executor.ring()


def main() -> None:
    """Run until standard input ends."""
    worker = NoopWorker(sys.argv[1])
    worker.start(int(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
