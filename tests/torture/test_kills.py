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

from acceptance.running import ACCOUNT, REGION, ROLE
from contract.postgres import postgres_service
from edgewright import service
from edgewright.jobs import ENDED, JobKey, JobStore, Kind, PackagingJob, Status, open_database
from edgewright.packaging import keys
from edgewright.settings import Settings, WorkerSettings
from edgewright.workflows import Handover
from edgewright.workflows.engine import engine_url
from torture.forked import forked_worker
from torture.moments import Moment, Watcher
from torture.oracle import Oracle, archive, object_key
from torture.plan import Source
from torture.shelves import MODELS, PACKAGES, FolderShelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

KILLS = 100
"""On each of two databases."""
TEAM = 2
AT_ONCE = 3
"""Jobs that are unfinished at a time."""
BLOWS_FOR_ONE = 8
"""A job that was begun twenty times is failed, and rightly so; no job is aimed at so often."""
WITHIN_SECONDS = {
    Moment.CLAIMED: 0.01,
    Moment.BEGUN: 0.2,  # the row tells of bytes twice a second, and a job of this size is read by then
    Moment.STREAMING: 0.03,
    Moment.NOTED: 0.01,
    Moment.STORED: 0.01,
    Moment.PACKAGED: 0.02,
    Moment.COMPONENT: 0.02,
    Moment.COMPLETED: 0.01,
}
"""After a moment is seen, the blow falls within so long: at the boundary, or somewhere in the step behind it."""
PATIENCE_SECONDS = 60.0


@dataclass
class House:
    """Jobs, and a team of real workers that is kept at its size."""

    settings: Settings
    store: JobStore
    handover: Handover
    watcher: Watcher
    shelf: FolderShelf
    dice: random.Random
    team: dict[int, ForkServerProcess] = field(default_factory=dict)
    jobs: list[JobKey] = field(default_factory=list)
    open: list[JobKey] = field(default_factory=list)
    blows: Counter[str] = field(default_factory=Counter)

    def reinforce(self) -> None:
        """Start workers until the team is whole."""
        while len(self.team) < TEAM:
            process = forked_worker(self.settings)
            assert process.pid is not None
            self.team[process.pid] = process

    def kill(self, pid: int) -> None:
        """End a worker as a crash does."""
        process = self.team.pop(pid)
        process.kill()
        process.join()

    def unfinished(self) -> list[str]:
        """The jobs that have not ended and were not struck too often."""
        self.open = [key for key in self.open if self.store.get(key).status not in ENDED]
        return [key.name for key in self.open if self.blows[key.name] < BLOWS_FOR_ONE]

    def create(self) -> None:
        """Another job that asks for a package and a component, handed over as an API server does."""
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

    def strike(self) -> Moment | None:
        """Wait for a moment of some job, and kill whoever works on it; where the job stood. None: it went too fast."""
        while len(names := self.unfinished()) < AT_ONCE:
            self.create()
        name, wanted = self.dice.choice(names), self.dice.choice(list(WITHIN_SECONDS))
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            seen = self.watcher.look(name)
            if seen.moment is Moment.OVER:
                return None
            if seen.pid in self.team and _is_at(seen.moment, wanted):
                break
            assert time.monotonic() < until, f"{name} stands still: {seen}, {self.store.get(self.jobs[0])}"
        time.sleep(self.dice.choice([0.0, self.dice.uniform(0, WITHIN_SECONDS[wanted])]))
        assert seen.pid is not None
        before = self.watcher.look(name).moment
        self.kill(seen.pid)
        self.blows[name] += 1
        return before


def _is_at(seen: Moment, wanted: Moment) -> bool:
    """Whether a job has come so far: what is passed between two looks counts as reached."""
    order = list(Moment)
    return order.index(seen) >= order.index(wanted)


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        url = stack.enter_context(postgres_service()).new_database() if request.param == "postgresql" else None
        times = WorkerSettings(takeover_seconds=0.2, sweep_seconds=0.5, grace_seconds=1.0)
        settings = Settings(data_dir=tmp_path, database_url=url, worker=times)
        service.prepare(settings)
        jobs, engine = open_database(settings.sqlalchemy_url), open_database(engine_url(settings.sqlalchemy_url))
        shelf = FolderShelf(settings.objects_dir)
        shelf.put(MODELS, "compiled.tar.gz", archive(Source.MEDIUM))
        store = JobStore(jobs)
        handover = Handover(settings, store)
        stack.callback(handover.close)

        def stored(name: str) -> bool:
            return shelf.has(PACKAGES, object_key(Source.MEDIUM, f"1.{int(name[4:])}"))

        watcher = Watcher(jobs, engine, stored)
        house = House(settings, store, handover, watcher, shelf, random.Random(request.param))
        try:
            yield house
        finally:
            for pid in list(house.team):
                house.kill(pid)
            jobs.dispose()
            engine.dispose()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_kills_lose_nothing_and_double_nothing(house: House) -> None:
    struck: Counter[Moment] = Counter()
    while struck.total() < KILLS:
        house.reinforce()
        at = house.strike()
        if at is not None:
            struck[at] += 1
    print(f"{len(house.jobs)} jobs, killed while {dict(struck)}")  # noqa: T201 - pytest shows it where it is asked to
    house.reinforce()
    _all_end(house)
    assert set(struck) >= {Moment.BEGUN, Moment.STORED, Moment.PACKAGED, Moment.COMPONENT}
    signer = keys.load_or_create(house.settings.keys_dir)
    expected = {object_key(Source.MEDIUM, f"1.{n}"): f"1.{n}" for n in range(len(house.jobs))}
    assert house.shelf.keys(PACKAGES) == sorted(expected)
    for key, version in expected.items():
        found = hashlib.sha256(house.shelf.get(PACKAGES, key) or b"").hexdigest()
        assert found == Oracle(signer).sha256(Source.MEDIUM, version)
    _one_component_each(house)


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


def _one_component_each(house: House) -> None:
    for key in house.jobs:
        job: Any = house.store.get(key)
        arn = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:torture.{key.name}:versions:1.0.0"
        assert job.preset_output == {"Type": "GreengrassV2Component", "Artifact": arn, "Status": "COMPLETED"}
    work = house.settings.data_dir / "work"
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list(work.iterdir())) > TEAM:
        assert time.monotonic() < until, f"folders of the dead are left: {list(work.iterdir())}"
        time.sleep(0.1)
    assert house.shelf.unfinished() == []
