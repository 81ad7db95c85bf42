"""Events and counters of jobs, on each database that they are kept in."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, insert, inspect, text
from sqlalchemy.event import listen

from edgewright.database import connections
from edgewright.database.connections import migrate, migration, open_database
from edgewright.database.schema import HEAD
from edgewright.errors import DatabaseUnavailable, ResourceInUse, TransitionRefused
from edgewright.jobs import CompilationJob, JobKey, JobStore, Kind, PackagingJob, Status, tables
from edgewright.jobs.rows import to_row
from edgewright.persistence import Persistence
from edgewright.telemetry import counters, snapshot
from migrated import beside, open_migrated, snapshot_beside

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOON = datetime(2026, 3, 4, 12, 0, 0, 123_000, tzinfo=UTC)
PACKAGING, COMPILATION = str(Kind.PACKAGING), str(Kind.COMPILATION)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time

    def go(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> JobStore:
    return Persistence.on(engine, clock).jobs


def packaging(name: str = "digits", **members: Any) -> PackagingJob:
    given: dict[str, Any] = {
        "key": JobKey(Kind.PACKAGING, ACCOUNT, REGION, name),
        "compilation_job_name": "compiled",
        "model_name": "model",
        "model_version": "1.0",
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/edge",
        "output_config": {"S3OutputLocation": "s3://out"},
        "status_message": "waiting",
        "created_at": NOON,
        "modified_at": NOON,
        "source_uri": "s3://in/model.tar.gz",
    }
    return PackagingJob(**given | members)


def compilation(name: str = "compiled", **members: Any) -> CompilationJob:
    given: dict[str, Any] = {
        "key": JobKey(Kind.COMPILATION, ACCOUNT, REGION, name),
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/edge",
        "input_config": {"S3Uri": "s3://in/model.tar.gz", "Framework": "ONNX"},
        "output_config": {"S3OutputLocation": "s3://out", "TargetDevice": "rasp4b"},
        "stopping_condition": {"MaxRuntimeInSeconds": 900},
        "created_at": NOON,
        "modified_at": NOON,
    }
    return CompilationJob(**given | members)


def run(store: JobStore, job: PackagingJob, clock: Clock, end: Status = Status.COMPLETED) -> None:
    """Bring a job from its creation to its end: 2 seconds of waiting, 3 of work, 1000 bytes."""
    store.insert(job, {})
    clock.go(2)
    begun = store.begin(job.key, status_message="packaging")
    clock.go(3)
    store.move(job.key, end, attempt=begun.attempt, status_message="over", bytes_done=1000)


class TestEvents:
    def test_every_change_leaves_one_event_in_order(self, store: JobStore, clock: Clock) -> None:
        run(store, packaging(), clock)
        events = beside(store).events
        assert events.number() == 3
        told = events.after(0, 10)
        assert [event.seq for event in told] == [1, 2, 3]
        assert [event.status for event in told] == [Status.STARTING, Status.INPROGRESS, Status.COMPLETED]
        assert [event.message for event in told] == ["waiting", "packaging", "over"]
        assert [event.at for event in told] == [NOON, NOON + timedelta(seconds=2), NOON + timedelta(seconds=5)]
        assert len({event.event_id for event in told}) == 3

    def test_nothing_new_is_nothing_to_number(self, store: JobStore, clock: Clock) -> None:
        run(store, packaging(), clock)
        assert beside(store).events.number() == beside(store).events.number() == beside(store).events.last() == 3

    def test_a_refused_change_leaves_none(self, store: JobStore, clock: Clock) -> None:
        run(store, packaging(), clock)
        with pytest.raises(TransitionRefused):
            store.move(packaging().key, Status.STOPPING)
        with pytest.raises(ResourceInUse):
            store.insert(packaging(), {})
        assert beside(store).events.number() == 3

    def test_an_event_has_the_shape_of_eventbridge(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        (event,) = beside(store).events.history(packaging().key)
        document = event.document()
        assert document["detail"].pop("OutputConfig") == {"S3OutputLocation": "s3://out"}
        assert document == {
            "version": "0",
            "id": event.event_id,
            "detail-type": "SageMaker Edge Packaging Job State Change",
            "source": "aws.sagemaker",
            "account": ACCOUNT,
            "time": "2026-03-04T12:00:00Z",
            "region": REGION,
            "resources": [packaging().key.arn],
            "detail": {
                "EdgePackagingJobArn": packaging().key.arn,
                "EdgePackagingJobName": "digits",
                "CompilationJobName": "compiled",
                "ModelName": "model",
                "ModelVersion": "1.0",
                "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/edge",
                "EdgePackagingJobStatus": "STARTING",
                "EdgePackagingJobStatusMessage": "waiting",
                "CreationTime": 1772625600123,
                "LastModifiedTime": 1772625600123,
            },
        }

    def test_the_signature_is_left_out_and_the_artifact_told(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        store.begin(packaging().key)
        store.move(packaging().key, Status.COMPLETED, model_signature="x" * 100_000, model_artifact="s3://out/m.tar.gz")
        last = beside(store).events.history(packaging().key)[-1]
        assert last.detail["ModelArtifact"] == "s3://out/m.tar.gz"
        assert "ModelSignature" not in last.detail

    def test_compilation_jobs_tell_theirs(self, store: JobStore) -> None:
        store.insert(compilation(), {})
        store.begin(compilation().key, started_at=NOON)
        (born, begun) = beside(store).events.history(compilation().key)
        assert born.document()["detail-type"] == "SageMaker Compilation Job State Change"
        assert (born.detail["CompilationJobStatus"], begun.detail["CompilationJobStatus"]) == ("STARTING", "INPROGRESS")
        assert begun.detail["CompilationStartTime"] == 1772625600000

    def test_history_is_of_the_job_that_has_the_name_now(self, store: JobStore, clock: Clock) -> None:
        first = compilation()
        store.insert(first, {})
        store.move(first.key, Status.STOPPING)
        store.move(first.key, Status.STOPPED)
        assert [event.status for event in beside(store).events.history(first.key)] == [
            "STARTING",
            "STOPPING",
            "STOPPED",
        ]
        store.delete(first.key)
        assert beside(store).events.history(first.key) == []
        clock.go(1)
        store.insert(compilation(created_at=clock.time), {})
        assert [event.status for event in beside(store).events.history(first.key)] == ["STARTING"]
        assert beside(store).events.number() == 4  # those of the first are still to be told

    def test_a_second_attempt_is_told_as_such(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        store.begin(packaging().key)
        store.begin(packaging().key)
        assert [(event.status, event.attempt) for event in beside(store).events.history(packaging().key)] == [
            ("STARTING", 0),
            ("INPROGRESS", 1),
            ("INPROGRESS", 2),
        ]

    def test_places_are_told_apart(self, store: JobStore) -> None:
        other = JobKey(Kind.PACKAGING, "210987654321", REGION, "digits")
        store.insert(packaging(), {})
        store.insert(packaging(key=other), {})
        beside(store).events.number()
        assert [event.key for event in beside(store).events.after(0, 10, ("210987654321", REGION))] == [other]
        assert beside(store).events.after(0, 10, ("210987654321", "us-east-1")) == []

    def test_the_oldest_are_forgotten(self, store: JobStore, clock: Clock) -> None:
        run(store, packaging(), clock)
        events = beside(store).events
        events.number()
        assert events.delete(NOON + timedelta(seconds=1), 10) == 1
        assert events.delete(NOON + timedelta(days=1), 10, upto=2) == 1
        assert [event.seq for event in events.after(0, 10)] == [3]
        store.insert(packaging("another"), {})
        assert events.number() == 4

    def test_none_is_passed_over_while_many_write(self, engine: Engine) -> None:
        """A reader that follows the numbers sees every event of many writers, each job's in order."""
        writers, jobs_each = 4, 12
        done = threading.Event()
        seen: list[Any] = []

        def write(writer: int) -> None:
            mine = Persistence.on(engine).jobs
            for place in range(jobs_each):
                job = packaging(f"job-{writer}-{place}")
                mine.insert(job, {})
                mine.begin(job.key)
                mine.move(job.key, Status.COMPLETED)

        def read() -> None:
            events, last = Persistence.on(engine).events, 0
            while True:
                over = done.is_set()
                events.number()
                for event in events.after(last, 1000):
                    seen.append(event)
                    last = event.seq or 0
                if over:
                    return

        reader = threading.Thread(target=read)
        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
        for thread in (reader, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        reader.join()
        assert [event.seq for event in seen] == list(range(1, writers * jobs_each * 3 + 1))
        for name in {event.key.name for event in seen}:
            assert [event.status for event in seen if event.key.name == name] == ["STARTING", "INPROGRESS", "COMPLETED"]


class TestTallies:
    def test_counts_durations_and_bytes(self, store: JobStore, clock: Clock) -> None:
        run(store, packaging("one"), clock)
        clock.time = NOON
        run(store, packaging("two"), clock, Status.FAILED)
        kept = snapshot_beside(store).counters
        assert kept[counters.HELD, PACKAGING, "COMPLETED", ""] == 1
        assert kept[counters.CHANGES, PACKAGING, "STARTING", ""] == 2
        assert kept[counters.BYTES, PACKAGING, "", ""] == 1000  # of the job that completed
        assert kept["life", PACKAGING, "FAILED", "5.0"] == 1
        assert kept["life_ms", PACKAGING, "FAILED", ""] == 5000
        assert kept["wait", PACKAGING, "", "2.5"] == 2
        assert kept["wait_ms", PACKAGING, "", ""] == 4000

    def test_a_registered_job_took_no_time(self, store: JobStore) -> None:
        store.insert(compilation(status=Status.COMPLETED), {})
        kept = snapshot_beside(store).counters
        assert kept[counters.HELD, COMPILATION, "COMPLETED", ""] == 1
        assert not [key for key in kept if key[0] == "life"]

    def test_a_deleted_job_is_held_no_more(self, store: JobStore) -> None:
        store.insert(compilation(status=Status.COMPLETED), {})
        store.delete(compilation().key)
        assert snapshot_beside(store).counters[counters.HELD, COMPILATION, "COMPLETED", ""] == 0

    def test_each_event_counts_once_whoever_numbers_it(self, store: JobStore, engine: Engine) -> None:
        for place in range(40):
            store.insert(packaging(f"job-{place}"), {})
        threads = [threading.Thread(target=Persistence.on(engine).events.number) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert snapshot_beside(store).counters[counters.CHANGES, PACKAGING, "STARTING", ""] == 40
        assert beside(store).events.last() == 40

    def test_jobs_that_ended_before_there_were_tallies_are_counted(
        self, request: pytest.FixtureRequest, engine: Engine, tmp_path: Path
    ) -> None:
        url = f"sqlite:///{tmp_path}/old.sqlite"
        if engine.dialect.name == "postgresql":
            url = request.getfixturevalue("postgres").new_database()
        old = open_database(url)
        config = Config()
        config.set_main_option("script_location", str(connections.MIGRATIONS))
        with old.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0002")
            row = to_row(packaging(status=Status.FAILED)) | {"enqueued": True}
            there, table = _columns(connection), tables.packaging_jobs
            known = {name: value for name, value in row.items() if table.c[name].name in there}
            connection.execute(insert(tables.packaging_jobs).values(known))
        migrate(old)
        assert snapshot.take(old, datetime.now(UTC)).counters == {(counters.HELD, PACKAGING, "FAILED", ""): 1}
        old.dispose()


class TestCensus:
    def test_what_waits_and_for_how_long(self, store: JobStore, clock: Clock) -> None:
        store.insert(packaging("old"), {})
        store.insert(packaging("new", created_at=NOON + timedelta(seconds=5)), {})
        store.insert(packaging("running"), {})
        store.begin(packaging("running").key)
        clock.go(30)
        queue = snapshot_beside(store).queues[Kind.PACKAGING]
        assert queue.unfinished == {"STARTING": 2, "INPROGRESS": 1, "STOPPING": 0}
        assert (queue.waiting, queue.oldest_seconds) == (2, 30.0)
        assert snapshot_beside(store).queues[Kind.COMPILATION].oldest_seconds == 0.0

    def test_workers_are_in_it(self, store: JobStore) -> None:
        beside(store).workers.beat("w-1", "host", ["arn:1"], 2)
        (worker,) = snapshot_beside(store).workers
        assert (worker.id, worker.running) == ("w-1", ("arn:1",))

    def test_a_database_without_tables_is_told(self, store: JobStore, engine: Engine) -> None:
        assert migration(store._engine) == HEAD
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        with pytest.raises(DatabaseUnavailable, match=f"migration '0001', and '{HEAD}' is wanted"):
            migration(store._engine)


def test_no_query_of_a_census_reads_all_jobs(tmp_path: Path) -> None:
    """SQLite's plans tell it: every job table is searched by its index of unfinished jobs."""
    engine = open_migrated(tmp_path / "jobs.sqlite")
    asked: list[str] = []
    listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    snapshot.take(engine, datetime.now(UTC))
    queries = [query for query in asked if "packaging_jobs" in query or "compilation_jobs" in query]
    assert len(queries) == 2
    with engine.connect() as connection:
        for query in queries:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (100_000, 0)).all()
            steps = [row[3] for row in plan if "_jobs" in row[3]]
            assert steps
            assert all("_unfinished" in step for step in steps), plan
    engine.dispose()


def _columns(connection: Any) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns("packaging_jobs")}


def test_pairs_of_numbers_have_no_gap(store: JobStore, clock: Clock) -> None:
    for place in range(5):
        run(store, packaging(f"job-{place}"), clock)
        beside(store).events.number()
    numbers = [event.seq or 0 for event in beside(store).events.after(0, 100)]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
