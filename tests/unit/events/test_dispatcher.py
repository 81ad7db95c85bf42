"""The dispatcher, with a real database and a real receiver."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.events import dispatcher
from edgewright.events.dispatcher import dispatching
from edgewright.jobs import JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.persistence import Persistence
from edgewright.sections import WebhookSettings
from edgewright.settings import Settings
from hooks import SECRET, Receiver, receiving
from migrated import beside, open_migrated, set_clock, snapshot_beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine


def dispatched(settings: Settings, store: JobStore) -> AbstractContextManager[None]:
    """Events of the store's database are dispatched while the block runs."""
    kept = beside(store)
    return dispatching(settings, kept.events, kept.deliveries)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_migrated(tmp_path / "edgewright.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> JobStore:
    return Persistence.on(engine).jobs


@pytest.fixture(autouse=True)
def _lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rhythm, faster."""
    monkeypatch.setattr(dispatcher, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(dispatcher, "BACKOFF", (0.05, 0.2))
    monkeypatch.setattr(dispatcher, "AWAY", (0.05, 0.2))
    monkeypatch.setattr(dispatcher, "CLEANUP_SECONDS", 0.1)
    monkeypatch.setattr(dispatcher, "LEASE_SECONDS", 0.25)


def settings(receiver: Receiver, tmp_path: Path, **webhook: Any) -> Settings:
    given: dict[str, Any] = {"url": receiver.url, "secret": SECRET, "timeout_seconds": 1.0} | webhook
    return Settings(data_dir=tmp_path, webhook=WebhookSettings(**given))


def job(name: str) -> PackagingJob:
    now = datetime.now(UTC)
    return PackagingJob(
        key=JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name),
        compilation_job_name="compiled",
        model_name="model",
        model_version="1.0",
        role_arn="arn:aws:iam::123456789012:role/edge",
        output_config={"S3OutputLocation": "s3://out"},
        created_at=now,
        modified_at=now,
        source_uri="s3://in/model.tar.gz",
    )


def run(store: JobStore, name: str) -> None:
    store.insert(job(name), {})
    store.begin(job(name).key)
    store.move(job(name).key, Status.COMPLETED)


WHOLE = ["STARTING", "INPROGRESS", "COMPLETED"]


def eventually(met: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.01)


def test_every_change_arrives_in_order(store: JobStore, tmp_path: Path) -> None:
    beside(store).deliveries.begin()
    with receiving(Receiver()) as receiver, dispatched(settings(receiver, tmp_path), store):
        for place in range(20):
            run(store, f"job-{place}")
        eventually(lambda: len(receiver.taken) == 60)
    assert all(receiver.statuses(f"job-{place}") == WHOLE for place in range(20))
    assert len(receiver.bodies) == 60


def test_a_receiver_that_was_away_misses_nothing(store: JobStore, tmp_path: Path) -> None:
    beside(store).deliveries.begin()
    receiver = Receiver()
    with receiving(receiver):
        pass  # which gave it a port
    with dispatched(settings(receiver, tmp_path), store):
        for place in range(5):
            run(store, f"job-{place}")
        time.sleep(0.5)
        assert receiver.taken == []
        with receiving(receiver):
            eventually(lambda: len(receiver.taken) == 15)
    assert all(receiver.statuses(f"job-{place}") == WHOLE for place in range(5))


def test_one_jobs_trouble_holds_no_other_up_and_keeps_its_order(store: JobStore, tmp_path: Path) -> None:
    beside(store).deliveries.begin()
    fixed = threading.Event()

    def answer(event: dict[str, Any]) -> int:
        return 500 if event["detail"]["EdgePackagingJobName"] == "trouble" and not fixed.is_set() else 204

    with receiving(Receiver(answer)) as receiver, dispatched(settings(receiver, tmp_path), store):
        run(store, "trouble")
        run(store, "other")
        eventually(lambda: receiver.statuses("other") == WHOLE)
        assert receiver.statuses("trouble") == []
        fixed.set()
        eventually(lambda: receiver.statuses("trouble") == WHOLE)


def test_what_is_never_taken_becomes_a_dead_letter_and_can_be_sent_again(store: JobStore, tmp_path: Path) -> None:
    beside(store).deliveries.begin()
    refusing = threading.Event()
    refusing.set()

    def answer(event: dict[str, Any]) -> int:
        return 400 if event["detail"]["EdgePackagingJobStatus"] == "INPROGRESS" and refusing.is_set() else 204

    with (
        receiving(Receiver(answer)) as receiver,
        dispatched(settings(receiver, tmp_path, give_up_seconds=0.3), store),
    ):
        run(store, "job")
        eventually(lambda: receiver.statuses("job") == ["STARTING", "COMPLETED"])
        (dead,) = beside(store).deliveries.dead(10)
        assert (dead.seq, dead.error) == (2, "answered 400")
        assert dead.tries >= 2
        refusing.clear()
        assert beside(store).deliveries.revive() == 1
        eventually(lambda: len(receiver.taken) == 3)
        assert beside(store).deliveries.dead(10) == []


def test_of_many_keepers_one_delivers_and_another_takes_over(store: JobStore, engine: Engine, tmp_path: Path) -> None:
    beside(store).deliveries.begin()
    with (
        receiving(Receiver()) as receiver,
        ExitStack() as first,
        dispatched(settings(receiver, tmp_path), Persistence.on(engine).jobs),
    ):
        first.enter_context(dispatched(settings(receiver, tmp_path), store))
        for place in range(10):
            run(store, f"job-{place}")
        eventually(lambda: len(receiver.taken) == 30)
        assert len(receiver.bodies) == 30
        first.close()
        run(store, "last")
        eventually(lambda: receiver.statuses("last") == WHOLE)


def test_old_events_are_forgotten_once_nobody_needs_them(
    store: JobStore, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "DELETED_AT_ONCE", 2)
    past = Persistence.on(engine, lambda: datetime.now(UTC) - timedelta(days=15)).jobs
    beside(past).deliveries.begin()
    run(past, "old")
    run(store, "young")
    refusing = threading.Event()
    refusing.set()
    with receiving(Receiver(lambda _: 500 if refusing.is_set() else 204)) as receiver:
        with dispatched(settings(receiver, tmp_path), store):
            eventually(lambda: len(receiver.bodies) > 2)
            assert len(beside(store).events.history(job("old").key)) == 3
            refusing.clear()
            eventually(lambda: beside(store).events.history(job("old").key) == [])
        assert receiver.statuses("old") == WHOLE
    assert len(beside(store).events.history(job("young").key)) == 3


def test_without_a_webhook_events_are_numbered_and_forgotten_all_the_same(store: JobStore, engine: Engine) -> None:
    run(Persistence.on(engine, lambda: datetime.now(UTC) - timedelta(days=15)).jobs, "old")
    run(store, "young")
    with dispatched(Settings(), store):
        eventually(lambda: [event.key.name for event in beside(store).events.after(0, 10)] == ["young"] * 3)
    assert snapshot_beside(store).outbox is None


@pytest.mark.parametrize(("days", "kept"), [(-1, True), (1, False)])
def test_what_is_old_is_told_by_the_databases_clock(
    store: JobStore, engine: Engine, tmp_path: Path, days: int, *, kept: bool
) -> None:
    """A worker whose own clock is ahead would delete what others still read."""
    set_clock(engine, timedelta(days=days))
    age = timedelta(days=Settings().events_days, hours=-12 * days)  # on the other side by this host's clock
    run(Persistence.on(engine, lambda: datetime.now(UTC) - age).jobs, "old")
    run(Persistence.on(engine, lambda: datetime.now(UTC) - timedelta(days=100)).jobs, "older")
    with dispatched(Settings(), store):
        eventually(lambda: beside(store).events.history(job("older").key) == [])
    assert (len(beside(store).events.history(job("old").key)) == 3) is kept
