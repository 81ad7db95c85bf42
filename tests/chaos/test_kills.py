"""Two hundred kills, at each boundary between a job's steps and within each step, on both databases."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError

from acceptance.running import ACCOUNT, REGION, ROLE
from chaos.expected import ExpectedPackages, archive, object_key
from chaos.plan import Source
from chaos.stages import Seen, Stage, Watcher
from chaos.stores import MODELS, PACKAGES, FolderStore
from chaos.workers import WorkerPool
from contract.postgres import postgres_service
from edgewright import service
from edgewright.database.connections import open_database
from edgewright.jobs import ENDED, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.sections import WorkerSettings
from edgewright.settings import Settings
from edgewright.signing import keys
from edgewright.worker import Enqueuer
from edgewright.worker.engine import engine_url
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = 100
"""On each of two databases."""
AIMED = [each for each in Stage if each not in {Stage.WAITING, Stage.OVER}]
"""The stages at which a worker holds the job."""
LEAST = 5
"""How often a worker must have been killed at each of them."""
AGAIN = 0.5
"""The share of kills that hit a job whose worker was killed late before, at whatever stage it is."""
WORKERS = 2
AT_ONCE = 2
"""Jobs that are unfinished at a time."""
MOST_ATTEMPTS = 10
"""A job fails after twenty attempts, rightly; one with so many is no target any more."""
FURTHER_SECONDS = 0.02
"""Every other kill comes up to so long after the stage that is aimed at."""
TIMEOUT_SECONDS = 60.0


SOURCE_SHA256 = hashlib.sha256(archive(Source.MEDIUM)).hexdigest()


@dataclass
class KillHarness:
    """Jobs, and a pool of real workers, each with one job at a time.

    Attributes:
        jobs: all that were ever created.
        open: those of them that have not ended, as far as is known.
        killed: kills at each stage, as seen while the worker was frozen and about to be killed.
        again: kills that hit a job which an earlier worker had brought far already.
    """

    settings: Settings
    store: JobStore
    enqueuer: Enqueuer
    watcher: Watcher
    workers: WorkerPool
    objects: FolderStore
    dice: random.Random
    jobs: list[JobKey] = field(default_factory=list)
    open: list[JobKey] = field(default_factory=list)
    killed: Counter[Stage] = field(default_factory=Counter)
    again: int = 0

    def kill_one(self) -> None:
        """Kill a worker: mostly at the stage with the fewest kills, of a job that comes to it for the first time.

        No worker is killed where the job ends first.
        """
        self.workers.fill()
        while len(self._unfinished()) < AT_ONCE:
            self.create()
        names = self._unfinished()
        far = [name for name in names if self.watcher.seen(name).reached >= Stage.NOTED]
        if far and self.dice.random() < AGAIN:
            self._kill_anywhere(self.dice.choice(far))
            return
        wanted = min(AIMED, key=lambda each: self.killed[each])
        fresh = [name for name in names if self.watcher.seen(name).reached < wanted]
        self._kill_at(self.dice.choice(fresh) if fresh else self.create(), wanted)

    def create(self) -> str:
        """Another job that asks for a package and a component, handed over as an API server does; its name."""
        name, now = f"job-{len(self.jobs):04}", datetime.now(UTC)
        key = JobKey(Kind.PACKAGING, ACCOUNT, REGION, name)
        config = f'{{"ComponentName": "chaos.{name}", "ComponentVersion": "1.0.0"}}'
        output = {"S3OutputLocation": f"s3://{PACKAGES}/out", "PresetDeploymentType": "GreengrassV2Component"}
        job = PackagingJob(
            key=key,
            compilation_job_name=Source.MEDIUM.value,
            model_name="chaos",
            model_version=f"1.{len(self.jobs)}",
            role_arn=ROLE,
            output_config=output | {"PresetDeploymentConfig": config},
            created_at=now,
            modified_at=now,
            source_uri=f"s3://{MODELS}/compiled.tar.gz",
            source_sha256=SOURCE_SHA256,
            target="jetson_nano",
        )
        self.store.insert(job, {})
        self.enqueuer(key)
        self.jobs.append(key)
        self.open.append(key)
        return name

    def _unfinished(self) -> list[str]:
        """The jobs that have not ended and were not begun too often."""
        found = {key: self.store.get(key) for key in self.open}
        self.open = [key for key, job in found.items() if job.status not in ENDED]
        return [key.name for key in self.open if found[key].attempt < MOST_ATTEMPTS]

    def _kill_at(self, name: str, wanted: Stage) -> None:
        """Step the job's worker until the job has come to the stage, or a little further; kill it."""
        pid = self._frozen(name)
        if pid is None:
            return
        until = time.monotonic() + TIMEOUT_SECONDS
        while (seen := self._seen(name, pid)).stage < wanted:
            assert time.monotonic() < until, f"{name} does not come to be {wanted.name}: {seen}"
            self.workers.step(pid)
        if self.dice.random() < 0.5:
            self.workers.resume(pid, self.dice.uniform(0, FURTHER_SECONDS))
            self.workers.freeze(pid)
        at = self._seen(name, pid)
        if at.pid == pid:
            self.workers.kill(pid)
            self.killed[at.stage] += 1
        else:
            self.workers.resume(pid)

    def _kill_anywhere(self, name: str) -> None:
        """Kill the job's worker at any time."""
        pid = self._frozen(name)
        if pid is None:
            return
        self.workers.resume(pid, self.dice.uniform(0, 0.3))
        self.workers.freeze(pid)
        if self._seen(name, pid).pid == pid:
            self.workers.kill(pid)
            self.again += 1
        else:
            self.workers.resume(pid)

    def _seen(self, name: str, frozen: int) -> Seen:
        """The stage of the job, whose worker is frozen."""
        while True:
            try:
                return self.watcher.seen(name)
            except OperationalError:  # it was frozen while it held a lock of SQLite's that is held for microseconds
                self.workers.step(frozen)

    def _frozen(self, name: str) -> int | None:
        """The worker that holds the job, frozen; None where the job is over."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while True:
            seen = self.watcher.seen(name)
            if seen.pid is not None and seen.pid in self.workers:
                self.workers.freeze(seen.pid)
                return seen.pid
            if seen.stage is Stage.OVER:
                return None
            assert time.monotonic() < until, f"{name} is stuck: {seen}"


@pytest.fixture(params=["sqlite", "postgresql"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KillHarness]:
    with ExitStack() as stack:
        url = stack.enter_context(postgres_service()).new_database() if request.param == "postgresql" else None
        times = WorkerSettings(takeover_seconds=0.2, sweep_seconds=0.5, grace_seconds=1.0)
        settings = Settings(data_dir=tmp_path, database_url=url, worker=times, worker_concurrency=1)
        persistence = service.prepare(settings)
        stack.callback(persistence.close)
        jobs, engine = open_database(settings.sqlalchemy_url), open_database(engine_url(settings.sqlalchemy_url))
        stack.callback(jobs.dispose)
        stack.callback(engine.dispose)
        objects = FolderStore(settings.objects_dir)
        objects.put(MODELS, "compiled.tar.gz", archive(Source.MEDIUM))
        enqueuer = Enqueuer(settings, persistence.queue)
        stack.callback(enqueuer.close)

        def stored(name: str) -> bool:
            return objects.has(PACKAGES, object_key(Source.MEDIUM, f"1.{int(name[4:])}"))

        watcher = Watcher(jobs, engine, stored, objects.is_written_by)
        workers = WorkerPool(settings, WORKERS)
        stack.callback(workers.kill_all)
        yield KillHarness(settings, persistence.jobs, enqueuer, watcher, workers, objects, random.Random(request.param))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_kills_lose_nothing_and_double_nothing(harness: KillHarness, request: pytest.FixtureRequest) -> None:
    while harness.killed.total() + harness.again < KILLS:
        harness.kill_one()
    harness.workers.fill()
    _all_end(harness)
    _one_object_each(harness)
    _one_component_each(harness)
    _one_end_each(harness)
    _nothing_is_left(harness)
    at = ", ".join(f"{times} {stage.name}" for stage, times in sorted(harness.killed.items()))
    attempts = Counter(harness.store.get(key).attempt for key in harness.jobs)
    print(
        f"{request.node.name}: {KILLS} kills, {len(harness.jobs)} jobs, killed at {at}; {harness.again} were "
        f"killed on a job that had come far before; attempts: {dict(sorted(attempts.items()))}; "
        f"0 lost, 0 doubled, 0 stuck"
    )
    assert [f"{each.name}: {harness.killed[each]}" for each in AIMED if harness.killed[each] < LEAST] == []


def _all_end(harness: KillHarness) -> None:
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        left = [key.name for key in harness.jobs if harness.watcher.seen(key.name).stage is not Stage.OVER]
        if not left:
            break
        assert time.monotonic() < until, f"these are stuck: {left}"
        time.sleep(0.2)
    ends = {key.name: harness.store.get(key) for key in harness.jobs}
    assert [job for job in ends.values() if job.status is not Status.COMPLETED] == []


def _one_object_each(harness: KillHarness) -> None:
    packages = ExpectedPackages(keys.load_or_create(harness.settings.keys_dir))
    expected = {object_key(Source.MEDIUM, f"1.{n}"): f"1.{n}" for n in range(len(harness.jobs))}
    assert harness.objects.keys(PACKAGES) == sorted(expected)
    for key, version in expected.items():
        found = hashlib.sha256(harness.objects.get(PACKAGES, key) or b"").hexdigest()
        assert found == packages.sha256(Source.MEDIUM, version)


def _one_component_each(harness: KillHarness) -> None:
    for key in harness.jobs:
        job: Any = harness.store.get(key)
        arn = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:chaos.{key.name}:versions:1.0.0"
        assert job.preset_output == {"Type": "GreengrassV2Component", "Artifact": arn, "Status": "COMPLETED"}


def _one_end_each(harness: KillHarness) -> None:
    """Events have each job's end once, and nothing after it."""
    events = beside(harness.store).events
    statuses: dict[JobKey, list[Status]] = {key: [] for key in harness.jobs}
    last = events.number()
    for event in events.after(0, last):
        statuses[event.key].append(event.status)
    assert [key.name for key, seen in statuses.items() if seen[0] is not Status.STARTING] == []
    assert [key.name for key, seen in statuses.items() if seen.index(Status.COMPLETED) != len(seen) - 1] == []


def _nothing_is_left(harness: KillHarness) -> None:
    work = harness.settings.data_dir / "work"
    until = time.monotonic() + TIMEOUT_SECONDS
    while len(list(work.iterdir())) > WORKERS:
        assert time.monotonic() < until, f"folders of killed workers are left: {list(work.iterdir())}"
        time.sleep(0.1)
    assert harness.objects.unfinished() == []
