"""A real worker process for tests: the real recipes, or one whose steps wait at gates that the test opens.

Run as a program: `worker_process.py SETTINGS GATES`, both JSON; GATES is a folder, or null for the real recipes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.jobs import JobKey
    from edgewright.settings import S3Settings, Settings
    from edgewright.workflows import Tools

STEPS = ("first", "second")
PATIENCE_SECONDS = 60.0


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
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@contextmanager
def worker_process(
    settings: Settings, gates: Gates | None = None, **seconds: float
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is killed when the block ends, if it has not ended before.

    Args:
        settings: what it runs with; its `worker` is left out.
        gates: the real recipes when None.
        seconds: fields of `WorkerSettings` without their `_seconds`.
    """
    times = {"grace": 0.5} | seconds
    plain = {
        "data_dir": str(settings.data_dir),
        "database_url": settings.database_url,
        "worker_concurrency": settings.worker_concurrency,
        "worker": {f"{name}_seconds": value for name, value in times.items()},
        "object_store": settings.object_store,
        "s3": _revealed(settings.s3),
    }
    arguments = [json.dumps(each) for each in (plain, gates and str(gates.folder))]
    process = subprocess.Popen([sys.executable, __file__, *arguments])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()


def _revealed(s3: S3Settings) -> dict[str, Any]:
    """Settings of S3 as JSON, with the test's own secret in them."""
    secret = s3.secret_access_key
    plain = s3.model_dump(mode="json", exclude={"secret_access_key", "session_token"}, exclude_none=True)
    return plain | ({} if secret is None else {"secret_access_key": secret.get_secret_value()})


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a worker as a crash does."""
    process.kill()
    process.wait()


def terminate(process: subprocess.Popen[bytes]) -> int:
    """Ask a worker to end; its exit code."""
    process.terminate()
    return process.wait(PATIENCE_SECONDS)


def gated_job(gates: Gates, key: JobKey, tools: Tools) -> None:
    """A job of two steps, with a gate in each of them and one between."""
    from edgewright.workflows.attempts import begin, concluded, finish
    from edgewright.workflows.watch import Watch

    job = begin(key, tools)
    if job is None:
        return
    watch = Watch(tools, job, None)

    def step(name: str) -> dict[str, Any]:
        gates.reach(f"{name} of {key.name}", look=watch.look)
        return {"status": "COMPLETED", "model_artifact": "s3://made/it"}

    ending: dict[str, Any] = {}
    for name in STEPS:
        ending = tools.step(name, partial(concluded, tools, job, partial(step, name)))
        gates.reach(f"after {name} of {key.name}")
    finish(tools, job, ending)


def main() -> None:
    """Run a worker until it is told to end."""
    from edgewright.jobs import JobStore, Kind, migrate, open_database
    from edgewright.logs import configure
    from edgewright.settings import Settings
    from edgewright.workflows import RECIPES, work

    settings, folder = (json.loads(argument) for argument in sys.argv[1:])
    configure("console")
    settings = Settings(**settings)
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    jobs = JobStore(engine)
    recipe = partial(gated_job, Gates(Path(folder))) if folder else None
    recipes = dict.fromkeys(Kind, recipe) if recipe else RECIPES
    work(settings, jobs, recipes=recipes)
    os._exit(0)  # past what a test's own recipe may have left running


if __name__ == "__main__":
    main()
