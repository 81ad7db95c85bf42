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
from contract.postgres import postgres_service
from edgewright import service
from edgewright.database.connections import open_database
from edgewright.jobs import ENDED, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.settings import Settings, WorkerSettings
from edgewright.signing import keys
from edgewright.worker import Handover
from edgewright.worker.engine import engine_url
from migrated import beside
from torture.moments import Moment, Seen, Watcher
from torture.oracle import Oracle, archive, object_key
from torture.plan import Source
from torture.shelves import MODELS, PACKAGES, FolderShelf
from torture.team import Team

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = 100
"""On each of two databases."""
AIMED = [each for each in Moment if each not in {Moment.WAITING, Moment.OVER}]
"""The moments at which some worker holds the job."""
LEAST = 5
"""How often a job must have been struck at each of them."""
AGAIN = 0.5
"""The share of blows that fall on jobs which were struck late before, wherever they are."""
WORKERS = 2
AT_ONCE = 2
"""Jobs that are unfinished at a time."""
MOST_ATTEMPTS = 10
"""A job that was begun twenty times is failed, and rightly so; none is aimed at any more that was begun so often."""
FURTHER_SECONDS = 0.02
"""Every other blow falls within so long behind the moment that is aimed at."""
PATIENCE_SECONDS = 60.0


@dataclass
class House:
    """Jobs, and a team of real workers that do one at a time.

    Attributes:
        jobs: all that were ever created.
        open: those of them that have not ended, as far as is known.
        struck: how often which moment was struck, each seen while the worker was frozen and about to be killed.
        again: how many blows fell on jobs that an earlier worker had brought far already.
    """

    settings: Settings
    store: JobStore
    handover: Handover
    watcher: Watcher
    team: Team
    shelf: FolderShelf
    dice: random.Random
    jobs: list[JobKey] = field(default_factory=list)
    open: list[JobKey] = field(default_factory=list)
    struck: Counter[Moment] = field(default_factory=Counter)
    again: int = 0

    def blow(self) -> None:
        """Kill a worker: mostly at the moment that was met least so far, of a job that comes to it for the first time.

        Nobody is killed where the job ends first.
        """
        self.team.reinforce()
        while len(self._unfinished()) < AT_ONCE:
            self.create()
        names = self._unfinished()
        far = [name for name in names if self.watcher.look(name).reached >= Moment.NOTED]
        if far and self.dice.random() < AGAIN:
            self._strike_anywhere(self.dice.choice(far))
            return
        wanted = min(AIMED, key=lambda each: self.struck[each])
        fresh = [name for name in names if self.watcher.look(name).reached < wanted]
        self._strike(self.dice.choice(fresh) if fresh else self.create(), wanted)

    def create(self) -> str:
        """Another job that asks for a package and a component, handed over as an API server does; its name."""
        name, now = f"job-{len(self.jobs):04}", datetime.now(UTC)
        key = JobKey(Kind.PACKAGING, ACCOUNT, REGION, name)
        config = f'{{"ComponentName": "torture.{name}", "ComponentVersion": "1.0.0"}}'
        output = {"S3OutputLocation": f"s3://{PACKAGES}/out", "PresetDeploymentType": "GreengrassV2Component"}
        job = PackagingJob(
            key=key,
            compilation_job_name=Source.MEDIUM.value,
            model_name="torture",
            model_version=f"1.{len(self.jobs)}",
            role_arn=ROLE,
            output_config=output | {"PresetDeploymentConfig": config},
            created_at=now,
            modified_at=now,
            source_uri=f"s3://{MODELS}/compiled.tar.gz",
            target="jetson_nano",
        )
        self.store.insert(job, {})
        self.handover(key)
        self.jobs.append(key)
        self.open.append(key)
        return name

    def _unfinished(self) -> list[str]:
        """The jobs that have not ended and were not begun too often."""
        found = {key: self.store.get(key) for key in self.open}
        self.open = [key for key, job in found.items() if job.status not in ENDED]
        return [key.name for key in self.open if found[key].attempt < MOST_ATTEMPTS]

    def _strike(self, name: str, wanted: Moment) -> None:
        """Move whoever holds the job in slow motion until it has come to the moment, or a little further; kill."""
        pid = self._frozen(name)
        if pid is None:
            return
        until = time.monotonic() + PATIENCE_SECONDS
        while (seen := self._look(name, pid)).moment < wanted:
            assert time.monotonic() < until, f"{name} does not come to be {wanted.name}: {seen}"
            self.team.step(pid)
        if self.dice.random() < 0.5:
            self.team.resume(pid, self.dice.uniform(0, FURTHER_SECONDS))
            self.team.freeze(pid)
        at = self._look(name, pid)
        if at.pid == pid:
            self.team.kill(pid)
            self.struck[at.moment] += 1
        else:
            self.team.resume(pid)

    def _strike_anywhere(self, name: str) -> None:
        """Kill whoever holds the job, at any time."""
        pid = self._frozen(name)
        if pid is None:
            return
        self.team.resume(pid, self.dice.uniform(0, 0.3))
        self.team.freeze(pid)
        if self._look(name, pid).pid == pid:
            self.team.kill(pid)
            self.again += 1
        else:
            self.team.resume(pid)

    def _look(self, name: str, frozen: int) -> Seen:
        """Where the job stands, whose worker is frozen."""
        while True:
            try:
                return self.watcher.look(name)
            except OperationalError:  # it was frozen while it held a lock of SQLite's that is held for microseconds
                self.team.step(frozen)

    def _frozen(self, name: str) -> int | None:
        """The worker that holds the job, frozen; None where the job is over."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            seen = self.watcher.look(name)
            if seen.pid is not None and seen.pid in self.team:
                self.team.freeze(seen.pid)
                return seen.pid
            if seen.moment is Moment.OVER:
                return None
            assert time.monotonic() < until, f"{name} stands still: {seen}"


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        url = stack.enter_context(postgres_service()).new_database() if request.param == "postgresql" else None
        times = WorkerSettings(takeover_seconds=0.2, sweep_seconds=0.5, grace_seconds=1.0)
        settings = Settings(data_dir=tmp_path, database_url=url, worker=times, worker_concurrency=1)
        kept = service.prepare(settings)
        stack.callback(kept.close)
        jobs, engine = open_database(settings.sqlalchemy_url), open_database(engine_url(settings.sqlalchemy_url))
        stack.callback(jobs.dispose)
        stack.callback(engine.dispose)
        shelf = FolderShelf(settings.objects_dir)
        shelf.put(MODELS, "compiled.tar.gz", archive(Source.MEDIUM))
        handover = Handover(settings, kept.queue)
        stack.callback(handover.close)

        def stored(name: str) -> bool:
            return shelf.has(PACKAGES, object_key(Source.MEDIUM, f"1.{int(name[4:])}"))

        watcher = Watcher(jobs, engine, stored, shelf.is_written_by)
        team = Team(settings, WORKERS)
        stack.callback(team.disband)
        yield House(settings, kept.jobs, handover, watcher, team, shelf, random.Random(request.param))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_kills_lose_nothing_and_double_nothing(house: House, request: pytest.FixtureRequest) -> None:
    while house.struck.total() + house.again < KILLS:
        house.blow()
    house.team.reinforce()
    _all_end(house)
    _one_object_each(house)
    _one_component_each(house)
    _one_end_each(house)
    _nothing_is_left(house)
    at = ", ".join(f"{times} {moment.name}" for moment, times in sorted(house.struck.items()))
    attempts = Counter(house.store.get(key).attempt for key in house.jobs)
    print(  # noqa: T201 - pytest shows it where it is asked to
        f"{request.node.name}: {KILLS} kills, {len(house.jobs)} jobs, struck while {at}; {house.again} were "
        f"struck when they had come far before; attempts: {dict(sorted(attempts.items()))}; 0 lost, 0 doubled, 0 stuck"
    )
    assert [f"{each.name}: {house.struck[each]}" for each in AIMED if house.struck[each] < LEAST] == []


def _all_end(house: House) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        left = [key.name for key in house.jobs if house.watcher.look(key.name).moment is not Moment.OVER]
        if not left:
            break
        assert time.monotonic() < until, f"these stand still: {left}"
        time.sleep(0.2)
    ends = {key.name: house.store.get(key) for key in house.jobs}
    assert [job for job in ends.values() if job.status is not Status.COMPLETED] == []


def _one_object_each(house: House) -> None:
    oracle = Oracle(keys.load_or_create(house.settings.keys_dir))
    expected = {object_key(Source.MEDIUM, f"1.{n}"): f"1.{n}" for n in range(len(house.jobs))}
    assert house.shelf.keys(PACKAGES) == sorted(expected)
    for key, version in expected.items():
        found = hashlib.sha256(house.shelf.get(PACKAGES, key) or b"").hexdigest()
        assert found == oracle.sha256(Source.MEDIUM, version)


def _one_component_each(house: House) -> None:
    for key in house.jobs:
        job: Any = house.store.get(key)
        arn = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:torture.{key.name}:versions:1.0.0"
        assert job.preset_output == {"Type": "GreengrassV2Component", "Artifact": arn, "Status": "COMPLETED"}


def _one_end_each(house: House) -> None:
    """Whoever listens to events hears of each job's end once, and of nothing behind it."""
    events = beside(house.store).events
    heard: dict[JobKey, list[Status]] = {key: [] for key in house.jobs}
    last = events.number()
    for event in events.after(0, last):
        heard[event.key].append(event.status)
    assert [key.name for key, told in heard.items() if told[0] is not Status.STARTING] == []
    assert [key.name for key, told in heard.items() if told.index(Status.COMPLETED) != len(told) - 1] == []


def _nothing_is_left(house: House) -> None:
    work = house.settings.data_dir / "work"
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list(work.iterdir())) > WORKERS:
        assert time.monotonic() < until, f"folders of the dead are left: {list(work.iterdir())}"
        time.sleep(0.1)
    assert house.shelf.unfinished() == []
