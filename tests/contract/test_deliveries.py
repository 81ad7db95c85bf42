"""What a receiver is still to be told, on each database that it is kept in."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from edgewright.events.deliveries import Deliveries, Failure
from edgewright.jobs import JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.persistence import Persistence
from migrated import beside, snapshot_beside

if TYPE_CHECKING:
    from sqlalchemy import Engine

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(engine: Engine) -> JobStore:
    return Persistence.on(engine).jobs


@pytest.fixture
def deliveries(store: JobStore) -> Deliveries:
    beside(store).deliveries.begin()
    return beside(store).deliveries


def key(name: str) -> JobKey:
    return JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name)


def make(store: JobStore, name: str) -> None:
    """Insert a job and begin it: two events."""
    job = PackagingJob(
        key=key(name),
        compilation_job_name="compiled",
        model_name="model",
        model_version="1.0",
        role_arn="arn:aws:iam::123456789012:role/edge",
        output_config={"S3OutputLocation": "s3://out"},
        created_at=NOON,
        modified_at=NOON,
        source_uri="s3://in/model.tar.gz",
    )
    store.insert(job, {})
    store.begin(job.key)
    beside(store).events.number()


def test_events_from_the_beginning_on_are_queued_once(store: JobStore) -> None:
    make(store, "before")
    deliveries = beside(store).deliveries
    assert deliveries.queue() == 0  # nobody wants any
    deliveries.begin()
    make(store, "after")
    deliveries.begin()  # as every start says
    assert (deliveries.queue(), deliveries.queue()) == (2, 0)
    assert [delivery.key.name for delivery in deliveries.due(10)] == ["after"]


def test_many_that_queue_at_once_queue_each_event_once(store: JobStore, deliveries: Deliveries, engine: Engine) -> None:
    for place in range(10):
        make(store, f"job-{place}")
    queued: list[int] = []
    threads = [threading.Thread(target=lambda: queued.append(Deliveries(engine).queue())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(queued) == 20
    assert len(deliveries.due(100)) == 10


def test_a_jobs_events_come_one_after_the_other(store: JobStore, deliveries: Deliveries) -> None:
    make(store, "one")
    make(store, "two")
    deliveries.queue()
    assert [delivery.seq for delivery in deliveries.due(10)] == [1, 3]
    assert [delivery.seq for delivery in deliveries.due(1)] == [1]
    deliveries.record_outcomes([1], [])
    assert [delivery.seq for delivery in deliveries.due(10)] == [2, 3]


def test_a_job_whose_event_was_refused_waits_and_others_do_not(store: JobStore, deliveries: Deliveries) -> None:
    make(store, "one")
    make(store, "two")
    deliveries.queue()
    deliveries.record_outcomes([], [Failure(1, "answered 500", 3600.0)])
    assert [delivery.seq for delivery in deliveries.due(10)] == [3]
    deliveries.record_outcomes([], [Failure(3, "answered 500", -1.0)])
    assert [(delivery.seq, delivery.tries) for delivery in deliveries.due(10)] == [(3, 1)]


def test_however_many_jobs_are_refused_another_has_its_turn(
    store: JobStore, deliveries: Deliveries, engine: Engine
) -> None:
    queue_refused(engine, jobs=400, events=3)
    make(store, "other")
    deliveries.queue()
    assert [delivery.key.name for delivery in deliveries.due(10)] == ["other"]
    with engine.begin() as connection:  # they are to be offered again, a moment after it
        later = "(SELECT since + 1 FROM deliveries WHERE name = 'other' LIMIT 1)"
        connection.execute(text(f"UPDATE deliveries SET next_at = {later} WHERE seq < 0"))
    time.sleep(0.05)
    first, *others = deliveries.due(500)
    assert first.key.name == "other"
    assert len(others) == len({delivery.key for delivery in others}) == 400
    assert all((delivery.seq + 3000) % 3 == 0 for delivery in others)  # each the first of its job


def test_a_jobs_later_events_wait_with_the_one_that_was_refused(
    store: JobStore, deliveries: Deliveries, engine: Engine
) -> None:
    make(store, "one")
    make(store, "two")
    deliveries.queue()
    deliveries.record_outcomes([], [Failure(1, "answered 500", 3600.0)])
    with engine.connect() as connection:
        times = [row[0] for row in connection.execute(text("SELECT next_at - since FROM deliveries ORDER BY seq"))]
    assert min(times[:2]) >= 3_600_000
    assert times[2:] == [0, 0]
    deliveries.record_outcomes([], [Failure(1, "gone", None)])
    deliveries.record_outcomes([], [Failure(2, "answered 500", -1.0)])
    assert [(delivery.seq, delivery.tries) for delivery in deliveries.due(1)] == [(2, 1)]


def queue_refused(engine: Engine, *, jobs: int, events: int) -> None:
    """Deliveries of other jobs, numbered before all others, whose first was refused just now."""
    row = (
        "INSERT INTO deliveries (seq, kind, account, region, name, tries, since, next_at, dead, error) VALUES "
        "(:seq, 'edge-packaging-job', '123456789012', 'eu-west-1', :name, 1, :now, :now + 3600000, :no, 'answered 500')"
    )
    now = int(time.time() * 1000)
    with engine.begin() as connection:
        connection.execute(
            text(row),
            [
                {"seq": -3000 + number * events + place, "name": f"refused-{number}", "now": now, "no": False}
                for number in range(jobs)
                for place in range(events)
            ],
        )


def test_a_dead_letter_lets_the_next_pass_and_can_be_revived(store: JobStore, deliveries: Deliveries) -> None:
    make(store, "one")
    deliveries.queue()
    deliveries.record_outcomes([], [Failure(1, "answered 404", None)])
    assert [delivery.seq for delivery in deliveries.due(10)] == [2]
    (dead,) = deliveries.dead(10)
    assert (dead.seq, dead.key.name, dead.tries, dead.error) == (1, "one", 1, "answered 404")
    assert deliveries.revive(2) == 0
    assert deliveries.revive(1) == 1
    assert [(delivery.seq, delivery.tries) for delivery in deliveries.due(10)] == [(1, 0)]
    assert deliveries.revive() == 0


def test_one_delivers_at_a_time(deliveries: Deliveries) -> None:
    assert deliveries.lease("a", 60)
    assert deliveries.lease("a", 60)
    assert not deliveries.lease("b", 60)
    deliveries.release("b")  # who does not have it cannot give it back
    assert not deliveries.lease("b", 60)
    deliveries.release("a")
    assert deliveries.lease("b", -1)
    assert deliveries.lease("a", 60)  # b's has lapsed


def test_only_one_of_many_gets_the_lease(deliveries: Deliveries, engine: Engine) -> None:
    won: list[str] = []

    def take(name: str) -> None:
        if Deliveries(engine).lease(name, 60):
            won.append(name)

    threads = [threading.Thread(target=take, args=(f"dispatcher-{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert deliveries.lease(won[0], 60)


def test_what_is_to_be_delivered_is_kept(store: JobStore, deliveries: Deliveries) -> None:
    assert deliveries.kept() == 0
    make(store, "one")
    assert deliveries.kept() == 0  # not queued yet
    deliveries.queue()
    assert deliveries.kept() == 0
    deliveries.record_outcomes([1], [])
    assert deliveries.kept() == 1
    deliveries.record_outcomes([], [Failure(2, "gone", None)])
    assert deliveries.kept() == 2


def test_dead_letters_go_with_their_events(store: JobStore, deliveries: Deliveries, engine: Engine) -> None:
    make(store, "one")
    deliveries.queue()
    deliveries.record_outcomes([], [Failure(1, "gone", None), Failure(2, "gone", None)])
    assert deliveries.remove_expired() == 0
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM job_events WHERE seq = 1"))
    assert deliveries.remove_expired() == 1
    assert [delivery.seq for delivery in deliveries.dead(10)] == [2]


def test_the_census_tells_what_waits_and_what_is_dead(store: JobStore, deliveries: Deliveries) -> None:
    make(store, "one")
    make(store, "two")
    outbox = snapshot_beside(store).outbox
    assert outbox is not None
    assert (outbox.waiting, outbox.dead) == (4, 0)
    deliveries.queue()
    deliveries.record_outcomes([3], [Failure(1, "gone", None)])
    outbox = snapshot_beside(store).outbox
    assert outbox is not None
    assert (outbox.waiting, outbox.dead) == (2, 1)
    assert store.get(key("one")).status is Status.INPROGRESS
