"""A real worker process for tests: the real recipes, or one whose steps wait at gates that the test opens.

It is forked from a process that has made every import already: loading the libraries is most of a worker's start.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from edgewright.persistence import Persistence
from edgewright.sections import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from edgewright.jobs import JobKey
    from edgewright.settings import Settings
    from edgewright.worker import WorkerContext

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["edgewright.service", "edgewright.worker", "edgewright.logs"])

STEPS = ("first", "second")
WAIT_SECONDS = 60.0


@dataclass
class Gates:
    """A folder in which a running job leaves its traces, and waits."""

    folder: Path

    def reach(self, place: str, *, look: Any = None) -> None:
        """Come to a place, and wait until it is open."""
        with (self.folder / "log").open("a") as file:
            file.write(f"{place}\n")
        while not (self.folder / f"open-{place}").exists():
            time.sleep(0.01)
            if look is not None:
                look()

    def open(self, *places: str) -> None:
        """Let jobs pass."""
        for place in places:
            (self.folder / f"open-{place}").touch()

    def reached(self, place: str, times: int = 1) -> None:
        """Wait until a job has come to a place so often."""
        wait_until(lambda: self.log().count(place) >= times, f"{place} reached {times} times; seen: {self.log()}")

    def log(self) -> list[str]:
        """The places that jobs came to, in order."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


def wait_until(condition: Any, what: str = "the condition") -> None:
    """Poll until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


class WorkerProcess:
    """A process that runs a worker.

    Args:
        process: it, started.
    """

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    def ended(self) -> bool:
        """Whether it has."""
        return self._process.exitcode is not None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if not self.ended():
            assert self._process.pid is not None
            os.kill(self._process.pid, number)

    def wait(self) -> int:
        """Its exit code, once it has ended; the number of a signal that ended it, negated."""
        self._process.join(WAIT_SECONDS)
        assert self._process.exitcode is not None, "waited in vain for a worker's end"
        return self._process.exitcode


@contextmanager
def worker_process(settings: Settings, gates: Gates | None = None, **seconds: float) -> Iterator[WorkerProcess]:
    """A worker that is killed when the block ends, if it has not ended before.

    Args:
        settings: what it runs with; its `worker` is left out.
        gates: the real recipes when None.
        seconds: fields of `WorkerSettings` without their `_seconds`.
    """
    times = {f"{name}_seconds": value for name, value in ({"grace": 0.5} | seconds).items()}
    settings = settings.model_copy(update={"worker": WorkerSettings.model_validate(times)})
    process = FORKS.Process(target=run_worker, args=(settings, gates))
    process.start()
    worker = WorkerProcess(process)
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGCONT)
        kill(worker)


def kill(process: WorkerProcess) -> None:
    """End a worker as a crash does."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def terminate(process: WorkerProcess) -> int:
    """Ask a worker to end; its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait()


def gated_job(gates: Gates, key: JobKey, context: WorkerContext) -> None:
    """A job of two steps, with a gate in each of them and one between."""
    from edgewright.jobs import Status
    from edgewright.worker.attempts import begin, finish, run
    from edgewright.worker.monitor import Monitor
    from edgewright.worker.results import RESULTS, JobResult

    job = begin(key, context)
    if job is None:
        return
    monitor = Monitor(context, job, None)

    def step(name: str) -> JobResult:
        gates.reach(f"{name} of {key.name}", look=monitor.look)
        return RESULTS[key.kind](status=Status.COMPLETED, model_artifact="s3://made/it")

    def kept(name: str) -> dict[str, Any]:
        return run(context, job, partial(step, name)).to_json()

    for name in STEPS:
        result = RESULTS[key.kind].from_json(context.step(name, partial(kept, name)))
        gates.reach(f"after {name} of {key.name}")
    finish(context, job, result)


def run_worker(settings: Settings, gates: Gates | None) -> None:
    """What the process does: run a worker until a signal ends it."""
    from edgewright.database.connections import migrate, open_database
    from edgewright.jobs import Kind
    from edgewright.logs import configure
    from edgewright.worker import RECIPES, work

    configure("console")
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    kept = Persistence.on(engine)
    recipes = dict.fromkeys(Kind, partial(gated_job, gates)) if gates else RECIPES
    work(settings, kept, lambda: False, recipes=recipes)
    os._exit(0)  # past what a test's own recipe may have left running
