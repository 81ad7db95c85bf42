"""Real workers that start at once: forked from a server process that has made every import already."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from edgewright.settings import Settings

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["chaos.forked", "edgewright.service", "edgewright.worker", "edgewright.logs"])


def forked_worker(settings: Settings) -> ForkServerProcess:
    """A worker process that has just been started."""
    process = FORKS.Process(target=run_worker, args=(settings,))
    process.start()
    return process


def run_worker(settings: Settings) -> None:
    """What the process does; its warnings and errors go to standard error."""
    from edgewright import service
    from edgewright.logs import configure

    configure("json")
    sys.stdout = sys.stderr
    service.work(settings)
