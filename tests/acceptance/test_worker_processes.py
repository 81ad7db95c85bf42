"""Workers as real processes that are killed, paused and asked to end, on both databases."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from acceptance.worker_process import Gates, WorkerProcess, kill, terminate, wait_until, worker_process
from contract.postgres import PostgresService, postgres_service
from edgewright.database.connections import migrate, open_database
from edgewright.jobs import Job, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.persistence import Persistence
from edgewright.settings import Settings
from edgewright.worker import Enqueuer
from edgewright.worker.engine import engine_url
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

both_databases = pytest.mark.parametrize("house", ["sqlite", "postgresql"], indirect=True)
"""For the tests that also run on PostgreSQL when time is short."""

SWIFT = {"heartbeat": 0.2, "takeover": 0.2, "sweep": 0.2}
"""Upkeep often enough that no test waits for it."""


@dataclass
class House:
    """A database with its job store, and workers on it."""

    settings: Settings
    store: JobStore
    gates: Gates
    stack: ExitStack

    def worker(self, folder: str | None = None, **seconds: float) -> WorkerProcess:
        """Start a worker; with a folder of its own it shares the database and the keys with the others, and no more."""
        settings = self.settings
        if folder is not None:
            own = settings.data_dir / folder
            own.mkdir()
            settings.keys_dir.mkdir(mode=0o700, exist_ok=True)
            (own / "keys").symlink_to(settings.keys_dir)
            settings = settings.model_copy(update={"data_dir": own, "database_url": settings.sqlalchemy_url})
        return self.stack.enter_context(worker_process(settings, self.gates, **(SWIFT | seconds)))

    def create(self, name: str = "digits", *, hand_over: bool = True) -> JobKey:
        """Insert a job, and hand it over as an API server does."""
        key = JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name)
        now = datetime.now(UTC)
        job = PackagingJob(
            key=key,
            compilation_job_name="compiled",
            model_name="digits",
            model_version="1",
            role_arn="arn:aws:iam::123456789012:role/edge",
            output_config={"S3OutputLocation": "s3://out"},
            created_at=now,
            modified_at=now,
            source_uri="s3://in/model.tar.gz",
        )
        self.store.insert(job, {})
        if hand_over:
            enqueuer = Enqueuer(self.settings, beside(self.store).queue)
            enqueuer(key)
            enqueuer(key)  # twice is once
            enqueuer.close()
        return key

    def ended(self, key: JobKey) -> Job:
        """The job once it has ended."""
        wait_until(lambda: self.store.get(key).status in {Status.COMPLETED, Status.FAILED, Status.STOPPED}, str(key))
        return self.store.get(key)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresService]:
    with postgres_service() as service:
        yield service


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    url = request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else None
    settings = Settings(data_dir=tmp_path, database_url=url)
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    (tmp_path / "gates").mkdir()
    with ExitStack() as stack:
        yield House(settings, Persistence.on(engine).jobs, Gates(tmp_path / "gates"), stack)
    engine.dispose()


def everything(name: str = "digits") -> list[str]:
    return [f"first of {name}", f"after first of {name}", f"second of {name}", f"after second of {name}"]


def test_a_job_created_while_no_worker_lives_runs_when_one_comes(house: House) -> None:
    key = house.create()
    house.gates.open(*everything())
    house.worker()
    job = house.ended(key)
    assert (job.status, job.model_artifact, job.attempt) == (Status.COMPLETED, "s3://made/it", 1)
    assert house.gates.log() == everything()


def test_a_job_that_was_not_handed_over_is_fetched(house: House) -> None:
    house.worker()
    key = house.create(hand_over=False)
    house.gates.open(*everything())
    assert house.ended(key).status is Status.COMPLETED
    assert beside(house.store).queue.not_enqueued(10) == []
    assert house.gates.log() == everything()


@both_databases
def test_a_worker_killed_within_a_step_runs_the_step_again(house: House) -> None:
    key = house.create()
    victim = house.worker()
    house.gates.reached("first of digits")
    kill(victim)
    assert house.store.get(key).status is Status.INPROGRESS
    house.gates.open(*everything())
    house.worker()
    job = house.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert house.gates.log() == ["first of digits", *everything()]


def test_a_worker_killed_between_steps_goes_on_behind_the_finished_one(house: House) -> None:
    key = house.create()
    victim = house.worker()
    house.gates.open("first of digits")
    house.gates.reached("after first of digits")
    kill(victim)
    house.gates.open(*everything())
    house.worker()
    assert house.ended(key).status is Status.COMPLETED
    assert house.gates.log() == ["first of digits", "after first of digits", *everything()[1:]]


def test_a_job_survives_many_deaths(house: House) -> None:
    key = house.create()
    for death in range(1, 4):
        victim = house.worker()
        house.gates.reached("first of digits", death)
        kill(victim)
    house.gates.open(*everything())
    house.worker()
    job = house.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 4)


def test_a_neighbour_takes_over_at_once_from_a_dead_worker(house: House) -> None:
    """The lapse is an hour here: the dead worker's lock tells of its death."""
    key = house.create()
    victim = house.worker(liveness_timeout=3600)
    house.gates.reached("first of digits")
    house.worker(liveness_timeout=3600)
    kill(victim)
    house.gates.open(*everything())
    assert house.ended(key).attempt == 2
    folders = house.settings.data_dir / "work"
    wait_until(lambda: len(list(folders.iterdir())) == 1, "the dead worker's folder to be removed")


@both_databases
def test_another_host_takes_over_when_the_heartbeat_lapses(house: House) -> None:
    key = house.create()
    victim = house.worker("one", liveness_timeout=2)
    house.gates.reached("first of digits")
    house.worker("two", liveness_timeout=2)
    kill(victim)
    house.gates.open(*everything())
    job = house.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)


@both_databases
def test_a_paused_worker_that_wakes_changes_nothing(house: House) -> None:
    key = house.create()
    paused = house.worker("one", liveness_timeout=1)
    house.gates.open("first of digits", "after first of digits", "second of digits")
    house.gates.reached("after second of digits")  # one update before its end
    paused.send_signal(signal.SIGSTOP)
    house.worker("two", liveness_timeout=1)
    house.gates.reached("after second of digits", 2)
    wait_until(lambda: house.store.get(key).attempt == 2)
    paused.send_signal(signal.SIGCONT)
    house.gates.open(*everything())
    job = house.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert terminate(paused) == 0
    assert house.store.get(key) == job


def test_a_worker_that_is_asked_to_end_hands_its_job_back(house: House) -> None:
    key = house.create()
    leaver = house.worker()
    house.gates.reached("first of digits")
    assert terminate(leaver) == 0
    assert house.store.get(key).status is Status.INPROGRESS
    assert beside(house.store).workers.known() == set()
    assert list((house.settings.data_dir / "work").iterdir()) == []
    house.gates.open(*everything())
    house.worker()
    assert house.ended(key).status is Status.COMPLETED


def test_a_job_that_ends_within_the_grace_time_is_finished(house: House) -> None:
    key = house.create()
    leaver = house.worker(grace=60)
    house.gates.reached("first of digits")
    leaver.send_signal(signal.SIGTERM)
    house.gates.open(*everything())
    assert leaver.wait() == 0
    job = house.store.get(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 1)


@both_databases
def test_a_job_that_does_not_end_is_handed_back_at_once(house: House) -> None:
    """It does not even look up; and the lapse is an hour, so that no heartbeat can be what brings the job over."""
    key = house.create()
    leaver = house.worker("one", liveness_timeout=3600)
    house.gates.open("first of digits")
    house.gates.reached("after first of digits")
    house.worker("two", liveness_timeout=3600)
    assert terminate(leaver) == 0
    house.gates.reached("after first of digits", 2)
    house.gates.open(*everything())
    job = house.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert house.gates.log().count("first of digits") == 1, "a finished step is not done again"


def test_jobs_taken_from_the_queue_survive_a_kill_behind_the_grace_time(house: House) -> None:
    """Those who end a worker kill it in the end: nothing is lost, and none of the jobs is done by two at a time."""
    keys = [house.create(f"job-{number}") for number in range(4)]
    leaver = house.worker("one", liveness_timeout=3)
    wait_until(lambda: len(house.gates.log()) == house.settings.worker_concurrency)
    leaver.send_signal(signal.SIGTERM)
    kill(leaver)
    for key in keys:
        house.gates.open(*everything(key.name))
    house.worker("two", liveness_timeout=3)
    assert {house.ended(key).status for key in keys} == {Status.COMPLETED}


def test_a_stop_reaches_a_running_job(house: House) -> None:
    key = house.create()
    house.worker()
    house.gates.reached("first of digits")
    house.gates.open("after first of digits", "after second of digits")
    house.store.move(key, Status.STOPPING)
    house.gates.open("second of digits")
    job = house.ended(key)
    assert job.status is Status.STOPPED
    assert job.model_artifact is None


def test_a_job_stopped_while_no_worker_lives_is_ended_by_the_next(house: House) -> None:
    keys = [house.create("handed"), house.create("unhanded", hand_over=False)]
    for key in keys:
        house.store.move(key, Status.STOPPING)
    house.worker()
    assert [house.ended(key).status for key in keys] == [Status.STOPPED, Status.STOPPED]
    assert house.gates.log() == []


def test_no_more_jobs_run_at_a_time_than_allowed(house: House) -> None:
    names = [f"job-{number}" for number in range(5)]
    house.worker()
    keys = [house.create(name) for name in names]
    wait_until(lambda: len(house.gates.log()) == 2)
    running = [key for key in keys if house.store.get(key).status is Status.INPROGRESS]
    assert len(running) == house.settings.worker_concurrency == 2
    for name in names:
        house.gates.open(*everything(name))
    assert {house.ended(key).status for key in keys} == {Status.COMPLETED}
    assert {house.store.get(key).attempt for key in keys} == {1}


def test_jobs_that_the_engine_lost_are_handed_over_again(house: House) -> None:
    key = house.create()
    url = engine_url(house.settings.sqlalchemy_url)
    if url.startswith("sqlite"):
        for file in house.settings.data_dir.glob("*-engine.sqlite*"):
            file.unlink()
    else:
        engine = open_database(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA dbos CASCADE")
        engine.dispose()
    house.gates.open(*everything())
    house.worker(audit=0.2, audit_age=0.0)
    assert house.ended(key).status is Status.COMPLETED


@both_databases
def test_two_workers_share_the_jobs_and_do_each_once(house: House) -> None:
    names = [f"job-{number}" for number in range(12)]
    for name in names:
        house.gates.open(*everything(name))
    keys = [house.create(name) for name in names]
    house.worker("one")
    house.worker("two")
    assert {house.ended(key).status for key in keys} == {Status.COMPLETED}
    assert sorted(house.gates.log()) == sorted(place for name in names for place in everything(name))
