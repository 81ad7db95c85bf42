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

both_databases = pytest.mark.parametrize("harness", ["sqlite", "postgresql"], indirect=True)
"""For the tests that also run on PostgreSQL when time is short."""

SWIFT = {"heartbeat": 0.2, "takeover": 0.2, "sweep": 0.2}
"""Upkeep often enough that no test waits for it."""


@dataclass
class Harness:
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
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    url = request.getfixturevalue("postgres").new_database() if request.param == "postgresql" else None
    settings = Settings(data_dir=tmp_path, database_url=url)
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    (tmp_path / "gates").mkdir()
    with ExitStack() as stack:
        yield Harness(settings, Persistence.on(engine).jobs, Gates(tmp_path / "gates"), stack)
    engine.dispose()


def everything(name: str = "digits") -> list[str]:
    return [f"first of {name}", f"after first of {name}", f"second of {name}", f"after second of {name}"]


def test_a_job_created_while_no_worker_lives_runs_when_one_comes(harness: Harness) -> None:
    key = harness.create()
    harness.gates.open(*everything())
    harness.worker()
    job = harness.ended(key)
    assert (job.status, job.model_artifact, job.attempt) == (Status.COMPLETED, "s3://made/it", 1)
    assert harness.gates.log() == everything()


def test_a_job_that_was_not_handed_over_is_fetched(harness: Harness) -> None:
    harness.worker()
    key = harness.create(hand_over=False)
    harness.gates.open(*everything())
    assert harness.ended(key).status is Status.COMPLETED
    assert beside(harness.store).queue.not_enqueued(10) == []
    assert harness.gates.log() == everything()


@both_databases
def test_a_worker_killed_within_a_step_runs_the_step_again(harness: Harness) -> None:
    key = harness.create()
    victim = harness.worker()
    harness.gates.reached("first of digits")
    kill(victim)
    assert harness.store.get(key).status is Status.INPROGRESS
    harness.gates.open(*everything())
    harness.worker()
    job = harness.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert harness.gates.log() == ["first of digits", *everything()]


def test_a_worker_killed_between_steps_goes_on_behind_the_finished_one(harness: Harness) -> None:
    key = harness.create()
    victim = harness.worker()
    harness.gates.open("first of digits")
    harness.gates.reached("after first of digits")
    kill(victim)
    harness.gates.open(*everything())
    harness.worker()
    assert harness.ended(key).status is Status.COMPLETED
    assert harness.gates.log() == ["first of digits", "after first of digits", *everything()[1:]]


def test_a_job_survives_many_deaths(harness: Harness) -> None:
    key = harness.create()
    for death in range(1, 4):
        victim = harness.worker()
        harness.gates.reached("first of digits", death)
        kill(victim)
    harness.gates.open(*everything())
    harness.worker()
    job = harness.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 4)


def test_a_neighbour_takes_over_at_once_from_a_dead_worker(harness: Harness) -> None:
    """The lapse is an hour here: the dead worker's lock tells of its death."""
    key = harness.create()
    victim = harness.worker(liveness_timeout=3600)
    harness.gates.reached("first of digits")
    harness.worker(liveness_timeout=3600)
    kill(victim)
    harness.gates.open(*everything())
    assert harness.ended(key).attempt == 2
    folders = harness.settings.data_dir / "work"
    wait_until(lambda: len(list(folders.iterdir())) == 1, "the dead worker's folder to be removed")


@both_databases
def test_another_host_takes_over_when_the_heartbeat_lapses(harness: Harness) -> None:
    key = harness.create()
    victim = harness.worker("one", liveness_timeout=2)
    harness.gates.reached("first of digits")
    harness.worker("two", liveness_timeout=2)
    kill(victim)
    harness.gates.open(*everything())
    job = harness.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)


@both_databases
def test_a_paused_worker_that_wakes_changes_nothing(harness: Harness) -> None:
    key = harness.create()
    paused = harness.worker("one", liveness_timeout=1)
    harness.gates.open("first of digits", "after first of digits", "second of digits")
    harness.gates.reached("after second of digits")  # one update before its end
    paused.send_signal(signal.SIGSTOP)
    harness.worker("two", liveness_timeout=1)
    harness.gates.reached("after second of digits", 2)
    wait_until(lambda: harness.store.get(key).attempt == 2)
    paused.send_signal(signal.SIGCONT)
    harness.gates.open(*everything())
    job = harness.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert terminate(paused) == 0
    assert harness.store.get(key) == job


def test_a_worker_that_is_asked_to_end_hands_its_job_back(harness: Harness) -> None:
    key = harness.create()
    leaver = harness.worker()
    harness.gates.reached("first of digits")
    assert terminate(leaver) == 0
    assert harness.store.get(key).status is Status.INPROGRESS
    assert beside(harness.store).workers.known() == set()
    assert list((harness.settings.data_dir / "work").iterdir()) == []
    harness.gates.open(*everything())
    harness.worker()
    assert harness.ended(key).status is Status.COMPLETED


def test_a_job_that_ends_within_the_grace_time_is_finished(harness: Harness) -> None:
    key = harness.create()
    leaver = harness.worker(grace=60)
    harness.gates.reached("first of digits")
    leaver.send_signal(signal.SIGTERM)
    harness.gates.open(*everything())
    assert leaver.wait() == 0
    job = harness.store.get(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 1)


@both_databases
def test_a_job_that_does_not_end_is_handed_back_at_once(harness: Harness) -> None:
    """It does not even look up; and the lapse is an hour, so that no heartbeat can be what brings the job over."""
    key = harness.create()
    leaver = harness.worker("one", liveness_timeout=3600)
    harness.gates.open("first of digits")
    harness.gates.reached("after first of digits")
    harness.worker("two", liveness_timeout=3600)
    assert terminate(leaver) == 0
    harness.gates.reached("after first of digits", 2)
    harness.gates.open(*everything())
    job = harness.ended(key)
    assert (job.status, job.attempt) == (Status.COMPLETED, 2)
    assert harness.gates.log().count("first of digits") == 1, "a finished step is not done again"


def test_jobs_taken_from_the_queue_survive_a_kill_behind_the_grace_time(harness: Harness) -> None:
    """Those who end a worker kill it in the end: nothing is lost, and none of the jobs is done by two at a time."""
    keys = [harness.create(f"job-{number}") for number in range(4)]
    leaver = harness.worker("one", liveness_timeout=3)
    wait_until(lambda: len(harness.gates.log()) == harness.settings.worker_concurrency)
    leaver.send_signal(signal.SIGTERM)
    kill(leaver)
    for key in keys:
        harness.gates.open(*everything(key.name))
    harness.worker("two", liveness_timeout=3)
    assert {harness.ended(key).status for key in keys} == {Status.COMPLETED}


def test_a_stop_reaches_a_running_job(harness: Harness) -> None:
    key = harness.create()
    harness.worker()
    harness.gates.reached("first of digits")
    harness.gates.open("after first of digits", "after second of digits")
    harness.store.move(key, Status.STOPPING)
    harness.gates.open("second of digits")
    job = harness.ended(key)
    assert job.status is Status.STOPPED
    assert job.model_artifact is None


def test_a_job_stopped_while_no_worker_lives_is_ended_by_the_next(harness: Harness) -> None:
    keys = [harness.create("handed"), harness.create("unhanded", hand_over=False)]
    for key in keys:
        harness.store.move(key, Status.STOPPING)
    harness.worker()
    assert [harness.ended(key).status for key in keys] == [Status.STOPPED, Status.STOPPED]
    assert harness.gates.log() == []


def test_no_more_jobs_run_at_a_time_than_allowed(harness: Harness) -> None:
    names = [f"job-{number}" for number in range(5)]
    harness.worker()
    keys = [harness.create(name) for name in names]
    wait_until(lambda: len(harness.gates.log()) == 2)
    running = [key for key in keys if harness.store.get(key).status is Status.INPROGRESS]
    assert len(running) == harness.settings.worker_concurrency == 2
    for name in names:
        harness.gates.open(*everything(name))
    assert {harness.ended(key).status for key in keys} == {Status.COMPLETED}
    assert {harness.store.get(key).attempt for key in keys} == {1}


def test_jobs_that_the_engine_lost_are_handed_over_again(harness: Harness) -> None:
    key = harness.create()
    url = engine_url(harness.settings.sqlalchemy_url)
    if url.startswith("sqlite"):
        for file in harness.settings.data_dir.glob("*-engine.sqlite*"):
            file.unlink()
    else:
        engine = open_database(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA dbos CASCADE")
        engine.dispose()
    harness.gates.open(*everything())
    harness.worker(audit=0.2, audit_age=0.0)
    assert harness.ended(key).status is Status.COMPLETED


@both_databases
def test_two_workers_share_the_jobs_and_do_each_once(harness: Harness) -> None:
    names = [f"job-{number}" for number in range(12)]
    for name in names:
        harness.gates.open(*everything(name))
    keys = [harness.create(name) for name in names]
    harness.worker("one")
    harness.worker("two")
    assert {harness.ended(key).status for key in keys} == {Status.COMPLETED}
    assert sorted(harness.gates.log()) == sorted(place for name in names for place in everything(name))
