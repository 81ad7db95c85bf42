"""The contract of the job store, on each database that it runs on."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine, inspect, select, text

from edgewright.database.connections import migrate, open_database
from edgewright.database.schema import HEAD, secrets
from edgewright.database.secrets import Numbered, RotatingSecrets, numbered, rotate, secret
from edgewright.errors import (
    DatabaseUnavailable,
    ResourceInUse,
    ResourceLimitExceeded,
    ResourceNotFound,
    TransitionRefused,
    ValidationFault,
)
from edgewright.jobs import (
    SOURCES,
    CompilationJob,
    Job,
    JobKey,
    JobStore,
    Kind,
    ListQuery,
    PackagingJob,
    SortBy,
    Status,
    WorkerRegistry,
)
from edgewright.jobs.listing import statement
from edgewright.persistence import Persistence
from migrated import beside, open_migrated

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT, REGION = "123456789012", "eu-west-1"
NOON = datetime(2026, 3, 4, 12, 0, 0, 123_000, tzinfo=UTC)

LATER = NOON + timedelta(milliseconds=3)
CHANGED = NOON + timedelta(milliseconds=12)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.sqlite"
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Engine, clock: Clock) -> JobStore:
    return Persistence.on(engine, clock).jobs


def key(name: str = "digits", kind: Kind = Kind.PACKAGING, account: str = ACCOUNT, region: str = REGION) -> JobKey:
    return JobKey(kind, account, region, name)


def packaging(name: str = "digits", **members: Any) -> PackagingJob:
    job = PackagingJob(
        key=key(name),
        compilation_job_name="compiled",
        model_name="model",
        model_version="1.0 beta_2",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge",
        output_config={"S3OutputLocation": "s3://out/put/", "ünïcode": ["✓", 1, None]},
        status_message="waiting",
        created_at=NOON,
        modified_at=NOON,
        source_uri="s3://in/model.tar.gz",
    )
    return replace(job, **members)


def compilation(name: str = "compiled", **members: Any) -> CompilationJob:
    job = CompilationJob(
        key=key(name, Kind.COMPILATION),
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge",
        input_config={"S3Uri": "s3://in/model.tar.gz", "Framework": "ONNX"},
        output_config={"S3OutputLocation": "s3://out", "TargetDevice": "rasp4b"},
        stopping_condition={"MaxRuntimeInSeconds": 900},
        created_at=NOON,
        modified_at=NOON,
    )
    return replace(job, **members)


class TestSingleJobs:
    @pytest.mark.parametrize("job", [packaging(), compilation()], ids=["packaging", "compilation"])
    def test_a_job_comes_back_as_it_went_in(self, store: JobStore, job: Job) -> None:
        store.insert(job, {})
        assert store.get(job.key) == job

    def test_every_member_is_kept(self, store: JobStore) -> None:
        job = packaging(
            resource_key="arn:aws:kms:eu-west-1:1:key/k",
            target="rasp4b",
            model_artifact="s3://out/put/model-1.tar.gz",
            model_signature="{" + "x" * 100_000 + "}",
            source_sha256="cd" * 32,
            source_size=6 * 1024**3,
            package_sha256="ef" * 32,
            overwrote="arn",
            written_uri="s3://out/put/model-1.tar.gz",
            written_at=NOON,
            preset_output={"Type": "GreengrassV2Component"},
            bytes_done=5 * 1024**3,
            bytes_total=6 * 1024**3,
            attempt=3,
            status=Status.COMPLETED,
        )
        store.insert(job, {})
        assert store.get(job.key) == job
        other = compilation(
            vpc_config={"Subnets": ["a"]},
            model_package_version_arn="arn",
            failure_reason="ClientError",
            started_at=NOON.replace(microsecond=0),
            ended_at=NOON.replace(microsecond=0) + timedelta(hours=1),
            model_artifact="s3://out/model-rasp4b.tar.gz",
            artifact_digest="ab" * 32,
            artifact_size=6 * 1024**3,
            artifact_version="3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY",
            overwrote="arn",
            written_uri="s3://out/model-rasp4b.tar.gz",
            written_at=NOON,
            derived_data_input_config='{"x":[1]}',
        )
        store.insert(other, {})
        assert store.get(other.key) == other

    def test_a_creation_time_keeps_its_milliseconds_and_no_more(self, store: JobStore) -> None:
        store.insert(packaging(created_at=NOON.replace(microsecond=999_999)), {})
        job = store.get(key())
        assert job.created_at == NOON.replace(microsecond=999_000)

    @pytest.mark.parametrize("make", [packaging, compilation])
    def test_a_modification_time_keeps_its_milliseconds_and_no_more(
        self, store: JobStore, clock: Clock, make: Any
    ) -> None:
        job: Job = make(modified_at=NOON.replace(second=7, microsecond=999_999))
        store.insert(job, {})
        assert store.get(job.key).modified_at == NOON.replace(second=7, microsecond=999_000)
        clock.time = NOON.replace(second=8, microsecond=1_999)
        moved = store.begin(job.key)
        assert moved.modified_at == store.get(job.key).modified_at == NOON.replace(second=8, microsecond=1_000)

    def test_a_name_is_taken_once(self, store: JobStore) -> None:
        store.insert(packaging(), {"team": "vision"})
        with pytest.raises(ResourceInUse) as refused:
            store.insert(packaging(model_name="other"), {"team": "speech"})
        assert refused.value.message == (
            "Edge packaging job names must be unique within an AWS account and region, and an edge packaging job with "
            f"this name already exists ({key().arn})"
        )
        assert store.get(key()) == packaging()
        assert store.tags(key()) == {"team": "vision"}

    def test_names_are_apart_by_kind_account_region_and_case(self, store: JobStore) -> None:
        jobs: list[Job] = [
            packaging(),
            packaging("DIGITS"),
            replace(packaging(), key=key(account="999999999999")),
            replace(packaging(), key=key(region="us-east-1")),
            compilation("digits"),
        ]
        for job in jobs:
            store.insert(job, {})
        assert [store.get(job.key) for job in jobs] == jobs

    @pytest.mark.parametrize("kind", list(Kind))
    def test_an_unknown_job_is_not_found(self, store: JobStore, kind: Kind) -> None:
        unknown = key("unknown", kind)
        for reach in (
            lambda: store.get(unknown),
            lambda: store.move(unknown, Status.STOPPING),
            lambda: store.begin(unknown),
            lambda: store.record_progress(unknown, 1, 2),
            lambda: store.delete(unknown),
            lambda: store.put_tags(unknown, {"a": "b"}),
            lambda: beside(store).queue.ticket(unknown),
        ):
            with pytest.raises(ResourceNotFound, match=r"Could not find requested .* with name: unknown"):
                reach()
        assert store.tags(unknown) == {}


class TestTransitions:
    @pytest.mark.parametrize("kind", list(Kind))
    def test_every_pair_of_statuses(self, store: JobStore, kind: Kind) -> None:
        for current, wanted in itertools.product(Status, SOURCES):
            name = f"{current}-{wanted}"
            job = packaging(name, status=current) if kind is Kind.PACKAGING else compilation(name, status=current)
            store.insert(job, {})
            if current in SOURCES[wanted]:
                assert store.move(job.key, wanted).status is wanted
                assert store.get(job.key).status is wanted
            else:
                with pytest.raises(TransitionRefused) as refused:
                    store.move(job.key, wanted)
                assert refused.value.current == current
                assert store.get(job.key) == job

    def test_a_move_changes_what_it_is_told_and_answers_the_job(self, store: JobStore, clock: Clock) -> None:
        store.insert(packaging(status=Status.INPROGRESS), {})
        clock.time = NOON + timedelta(seconds=61.5)
        moved = store.move(key(), Status.COMPLETED, model_artifact="s3://a/b", preset_output={"Type": "x"})
        assert moved == packaging(
            status=Status.COMPLETED,
            model_artifact="s3://a/b",
            preset_output={"Type": "x"},
            modified_at=NOON + timedelta(seconds=61.5),
        )
        assert store.get(key()) == moved

    def test_the_modification_time_never_goes_backwards(self, store: JobStore, clock: Clock) -> None:
        store.insert(packaging(), {})
        clock.time = NOON - timedelta(hours=1)
        assert store.begin(key()).modified_at == NOON

    def test_beginning_again_outdates_the_attempt_before(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        first, second = store.begin(key()), store.begin(key(), status_message="again")
        assert (first.attempt, second) == (1, packaging(status=Status.INPROGRESS, attempt=2, status_message="again"))
        with pytest.raises(TransitionRefused) as refused:
            store.move(key(), Status.COMPLETED, attempt=first.attempt)
        assert refused.value.current == Status.INPROGRESS
        with pytest.raises(TransitionRefused):
            store.record_progress(key(), 1, 2, attempt=first.attempt)
        assert store.record_progress(key(), 1, 2, attempt=second.attempt) is Status.INPROGRESS
        assert store.move(key(), Status.COMPLETED, attempt=second.attempt).status is Status.COMPLETED

    def test_a_stopped_job_cannot_be_begun(self, store: JobStore) -> None:
        store.insert(packaging(status=Status.STOPPING), {})
        with pytest.raises(TransitionRefused) as refused:
            store.begin(key())
        assert refused.value.current == Status.STOPPING
        assert store.get(key()).attempt == 0

    def test_of_many_racers_exactly_one_moves_the_job(self, store: JobStore) -> None:
        store.insert(packaging(status=Status.INPROGRESS), {})
        outcomes: list[str] = []
        start = threading.Barrier(6)

        def race(to: Status) -> None:
            start.wait()
            try:
                outcomes.append(store.move(key(), to).status)
            except TransitionRefused:
                outcomes.append("refused")

        racers = [
            threading.Thread(target=race, args=(to,))
            for to in 2 * [Status.COMPLETED, Status.FAILED] + 2 * [Status.STOPPING]
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert outcomes.count("refused") == 5
        assert store.get(key()).status in outcomes

    def test_the_accounts_that_have_jobs(self, store: JobStore) -> None:
        assert store.accounts() == set()
        other = key("compiled", Kind.COMPILATION, account="210987654321")
        for job in (packaging(), packaging("again"), compilation(key=other)):
            store.insert(job, {})
        assert store.accounts() == {ACCOUNT, "210987654321"}

    def test_only_ended_jobs_are_deleted_and_their_names_are_free_again(self, store: JobStore) -> None:
        store.insert(compilation(), {"a": "b"})
        name = key("compiled", Kind.COMPILATION)
        with pytest.raises(TransitionRefused) as refused:
            store.delete(name)
        assert refused.value.current == Status.STARTING
        store.move(name, Status.FAILED, failure_reason="ClientError: no")
        store.delete(name)
        with pytest.raises(ResourceNotFound):
            store.get(name)
        store.insert(compilation(created_at=NOON + timedelta(seconds=1)), {})
        assert store.tags(name) == {}

    def test_jobs_that_ended_long_ago_are_deleted_the_oldest_first(self, store: JobStore, clock: Clock) -> None:
        for number, name in enumerate(("oldest", "older", "young")):
            clock.time = NOON + timedelta(days=number)
            store.insert(packaging(name, created_at=clock.time, modified_at=clock.time), {"a": "b"})
            store.insert(compilation(name, created_at=clock.time, modified_at=clock.time), {})
            store.move(key(name), Status.FAILED, report={"log": name})
        store.insert(packaging("running"), {})
        clock.time = NOON + timedelta(days=400)
        before = NOON + timedelta(days=2)
        assert store.delete_ended(before, 1) == 1
        assert [job.key.name for job in pages(store, query_of())] == ["young", "older", "running"]
        assert store.delete_ended(before, 100) == 1
        assert store.delete_ended(before, 100) == 0
        assert [job.key.name for job in pages(store, query_of())] == ["young", "running"]
        assert store.tags(key("oldest")) == beside(store).reports.get(key("oldest")) == {}
        assert len(pages(store, replace(query_of(), kind=Kind.COMPILATION))) == 3, "none of them has ended"

    def test_a_job_that_may_have_left_an_object_outlives_it(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        store.begin(key())
        store.note_output(key(), "s3://out/model-1.tar.gz", attempt=1)
        store.move(key(), Status.FAILED)
        far = NOON + timedelta(days=1)
        assert store.delete_ended(far, 10) == 0
        beside(store).orphans.confirm_removed(key(), "s3://out/model-1.tar.gz")
        assert store.delete_ended(far, 10) == 1


class TestProgress:
    def test_progress_is_recorded_and_answers_the_status(self, store: JobStore, clock: Clock) -> None:
        store.insert(packaging(), {})
        store.begin(key())
        clock.time += timedelta(minutes=1)
        assert store.record_progress(key(), 10, 100) is Status.INPROGRESS
        job = store.get(key())
        assert (job.bytes_done, job.bytes_total, job.modified_at) == (10, 100, NOON)
        store.move(key(), Status.STOPPING)
        assert store.record_progress(key(), 20, 100) is Status.STOPPING
        assert store.get(key()).bytes_done == 20

    @pytest.mark.parametrize("status", [Status.STARTING, Status.COMPLETED, Status.STOPPED])
    def test_a_job_that_does_not_run_keeps_its_numbers(self, store: JobStore, status: Status) -> None:
        store.insert(packaging(status=status), {})
        assert store.record_progress(key(), 10, 100) is status
        assert store.get(key()).bytes_done == 0

    def test_an_output_is_noted_while_the_attempt_is_the_running_one(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        first, second = store.begin(key()), store.begin(key())
        with pytest.raises(TransitionRefused):
            store.note_output(key(), "s3://out/stale", attempt=first.attempt)
        store.note_output(key(), "s3://out/put", attempt=second.attempt, bytes_total=100)
        assert store.get(key()).written_uri == "s3://out/put"
        store.note_output(key(), "s3://out/put", attempt=second.attempt)
        assert store.get(key()).bytes_total == 100  # what is known is not forgotten
        store.move(key(), Status.STOPPING)
        with pytest.raises(TransitionRefused) as refused:
            store.note_output(key(), "s3://out/late", attempt=second.attempt)
        assert refused.value.current == Status.STOPPING


class TestTags:
    def test_tags_are_put_over_one_another_and_removed(self, store: JobStore) -> None:
        store.insert(packaging(), {"a": "1", "b": "2"})
        store.put_tags(key(), {"b": "3", "c": "4"})
        assert store.tags(key()) == {"a": "1", "b": "3", "c": "4"}
        store.remove_tags(key(), ["a", "nobody"])
        assert store.tags(key()) == {"b": "3", "c": "4"}

    def test_more_tags_than_allowed_change_nothing(self, store: JobStore) -> None:
        store.insert(packaging(), {"a": "1"})
        store.put_tags(key(), {"a": "2", "b": "2"}, most=2)
        with pytest.raises(ValidationFault, match="would have 3 tags, and 2 are allowed"):
            store.put_tags(key(), {"b": "9", "c": "3"}, most=2)
        assert store.tags(key()) == {"a": "2", "b": "2"}

    def test_tags_belong_to_one_job(self, store: JobStore) -> None:
        store.insert(packaging(), {"a": "1"})
        store.insert(compilation("digits"), {"a": "2"})
        assert (store.tags(key()), store.tags(key(kind=Kind.COMPILATION))) == ({"a": "1"}, {"a": "2"})


class TestHandover:
    def test_a_new_job_waits_to_be_handed_over(self, store: JobStore) -> None:
        store.insert(packaging("later", created_at=NOON + timedelta(seconds=1)), {})
        store.insert(packaging("sooner"), {})
        store.insert(compilation(), {})
        store.insert(compilation("registered", status=Status.COMPLETED), {})
        assert beside(store).queue.waiting()
        waiting = beside(store).queue.not_enqueued(10)
        assert waiting == [key("sooner"), key("later"), key("compiled", Kind.COMPILATION)]
        beside(store).queue.mark_enqueued(beside(store).queue.ticket(key("sooner")))
        assert beside(store).queue.not_enqueued(1) == [key("later")]

    def test_a_job_waits_until_it_is_begun(self, store: JobStore) -> None:
        assert not beside(store).queue.waiting()
        store.insert(compilation("registered", status=Status.COMPLETED), {})
        store.insert(compilation(), {})
        assert beside(store).queue.waiting()
        store.begin(key("compiled", Kind.COMPILATION))
        assert not beside(store).queue.waiting()

    def test_a_ticket_names_one_incarnation_of_a_job(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        ticket = beside(store).queue.ticket(key())
        assert ticket.workflow_id == f"{key().arn}@1772625600123.0"
        beside(store).queue.mark_enqueued(ticket)
        assert beside(store).queue.not_enqueued(10) == []
        assert beside(store).queue.requeue(ticket)
        assert not beside(store).queue.requeue(ticket)
        assert beside(store).queue.not_enqueued(10) == [key()]
        assert beside(store).queue.ticket(key()).workflow_id.endswith(".1")

    def test_who_hands_a_job_over_late_does_not_keep_it_from_being_handed_again(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        late = beside(store).queue.ticket(key())
        beside(store).queue.mark_enqueued(late)
        beside(store).queue.requeue(late)
        beside(store).queue.mark_enqueued(late)
        assert beside(store).queue.not_enqueued(10) == [key()]

    def test_an_ended_job_is_not_handed_again(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        ticket = beside(store).queue.ticket(key())
        store.move(key(), Status.FAILED)
        assert not beside(store).queue.requeue(ticket)

    def test_unfinished_jobs_are_those_that_somebody_owes_something(self, store: JobStore) -> None:
        for number, status in enumerate(Status):
            store.insert(packaging(f"{status.lower()}", status=status, created_at=NOON + timedelta(seconds=number)), {})
            beside(store).queue.mark_enqueued(beside(store).queue.ticket(key(status.lower())))
        found = [ticket.key.name for ticket in beside(store).queue.unfinished(10, NOON + timedelta(hours=1))]
        assert found == ["starting", "inprogress", "stopping"]
        assert [ticket.key.name for ticket in beside(store).queue.unfinished(10, NOON + timedelta(seconds=1))] == [
            "starting"
        ]

    def test_the_oldest_unfinished_jobs_come_first_of_whatever_kind(self, store: JobStore) -> None:
        for number in range(2):
            store.insert(packaging(f"p{number}", created_at=NOON + timedelta(seconds=1 + number)), {})
            beside(store).queue.mark_enqueued(beside(store).queue.ticket(key(f"p{number}")))
        old = compilation(status=Status.STARTING, created_at=NOON)
        store.insert(old, {})
        beside(store).queue.mark_enqueued(beside(store).queue.ticket(old.key))
        found = [ticket.key.name for ticket in beside(store).queue.unfinished(2, NOON + timedelta(hours=1))]
        assert found == [old.key.name, "p0"]

    def test_a_job_stopped_before_its_start_is_found(self, store: JobStore) -> None:
        for name in ("begun", "waiting", "stopped-early"):
            store.insert(packaging(name), {})
        store.begin(key("begun"))
        store.move(key("begun"), Status.STOPPING)
        store.move(key("stopped-early"), Status.STOPPING)
        assert beside(store).queue.stopped_before_start(10) == [key("stopped-early")]


class TestListing:
    @pytest.fixture
    def filled(self, store: JobStore) -> list[PackagingJob]:
        """Jobs whose sort values tie in every column but the name."""
        jobs = [
            packaging(
                f"job-{number:02}" if number % 2 else f"Job-{number:02}",
                model_name=f"model-{number % 3}",
                status=[Status.STARTING, Status.COMPLETED, Status.FAILED][number % 3],
                created_at=NOON + timedelta(milliseconds=number // 4),
                modified_at=NOON + timedelta(milliseconds=10 + number % 4),
                model_signature="signature",
            )
            for number in range(25)
        ]
        for job in jobs:
            store.insert(job, {})
        store.insert(replace(packaging("foreign"), key=key("foreign", account="999999999999")), {})
        store.insert(replace(packaging("abroad"), key=key("abroad", region="us-east-1")), {})
        return jobs

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("sort_by", list(SortBy))
    def test_pages_join_to_the_whole_in_order(
        self, store: JobStore, filled: list[PackagingJob], sort_by: SortBy, *, descending: bool
    ) -> None:
        column = {"NAME": "name", "MODEL_NAME": "model_name", "CREATION_TIME": "created_at", "STATUS": "status"}
        member = column.get(sort_by, "modified_at")

        def order(job: PackagingJob) -> tuple[Any, str]:
            return (job.key.name if member == "name" else getattr(job, member), job.key.name)

        expected = [replace(job, model_signature=None) for job in sorted(filled, key=order, reverse=descending)]
        for limit in (1, 4, 24, 25, 100):
            assert pages(store, query_of(sort_by=sort_by, descending=descending, limit=limit)) == expected

    def test_paging_neither_skips_nor_repeats_while_jobs_come_and_go(
        self, store: JobStore, filled: list[PackagingJob]
    ) -> None:
        query = query_of(sort_by=SortBy.NAME, descending=False, limit=10)
        first = store.list(query)
        store.insert(packaging("Job-00a"), {})  # before the page's end
        store.insert(packaging("job-99"), {})  # behind it
        store.move(first.jobs[-1].key, Status.STOPPING) if first.jobs[-1].status == Status.STARTING else None
        rest = pages(store, replace(query, after=first.cursor))
        names = [job.key.name for job in (*first.jobs, *rest)]
        assert names == [*sorted(job.key.name for job in filled), "job-99"]

    @pytest.mark.usefixtures("filled")
    def test_the_last_page_says_so(self, store: JobStore) -> None:
        assert store.list(query_of(limit=25)).cursor is None
        assert store.list(query_of(limit=24)).cursor is not None
        assert store.list(query_of(status=Status.STOPPED)).jobs == ()

    @pytest.mark.parametrize(
        ("filters", "matches"),
        [
            ({"name_contains": "ob-1"}, lambda job: "ob-1" in job.key.name),
            ({"name_contains": "J"}, lambda job: "J" in job.key.name),
            ({"name_contains": "%"}, lambda _: False),
            ({"name_contains": "_"}, lambda _: False),
            ({"model_name_contains": "del-1"}, lambda job: job.model_name == "model-1"),
            ({"status": Status.FAILED}, lambda job: job.status == Status.FAILED),
            ({"created_after": LATER}, lambda job: job.created_at > LATER),
            ({"created_after": LATER + timedelta(microseconds=500)}, lambda job: job.created_at > LATER),
            ({"created_before": LATER}, lambda job: job.created_at < LATER),
            ({"created_before": LATER + timedelta(microseconds=500)}, lambda job: job.created_at <= LATER),
            ({"modified_after": CHANGED}, lambda job: job.modified_at > CHANGED),
            ({"modified_after": CHANGED + timedelta(microseconds=500)}, lambda job: job.modified_at > CHANGED),
            ({"modified_before": CHANGED}, lambda job: job.modified_at < CHANGED),
            ({"modified_before": CHANGED + timedelta(microseconds=500)}, lambda job: job.modified_at <= CHANGED),
            (
                {"status": Status.STARTING, "name_contains": "job-", "model_name_contains": "0", "created_after": NOON},
                lambda job: job.status == Status.STARTING and "job-" in job.key.name and job.created_at > NOON,
            ),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else "",
    )  # fmt: skip
    def test_each_filter(
        self,
        store: JobStore,
        filled: list[PackagingJob],
        filters: dict[str, Any],
        matches: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        expected = {job.key.name for job in filled if matches(job)}
        assert {job.key.name for job in pages(store, query_of(limit=3, **filters))} == expected
        monkeypatch.setattr("edgewright.jobs.store.FEW", 0)  # as where a range of time holds many rows
        for sort_by in SortBy:
            query = query_of(limit=3, sort_by=sort_by, **filters)
            assert {job.key.name for job in pages(store, query)} == expected

    @pytest.mark.usefixtures("filled")
    def test_compilation_jobs_are_listed_apart(self, store: JobStore) -> None:
        store.insert(compilation(), {})
        assert pages(store, replace(query_of(), kind=Kind.COMPILATION)) == [compilation()]


@pytest.mark.parametrize("sort_by", list(SortBy))
def test_no_order_is_made_by_sorting(tmp_path: Path, sort_by: SortBy) -> None:
    """Each order comes from an index; sorting a million rows for one page would be slow."""
    engine = open_migrated(tmp_path / "jobs.sqlite")
    query = query_of(sort_by=sort_by, after=(1 if sort_by.endswith("TIME") else "x", "y"))
    select, parameters = statement(query, "sqlite")
    sql = select.params(parameters).compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        plan = " ".join(str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
    engine.dispose()
    assert "TEMP B-TREE" not in plan
    assert "SEARCH" in plan


def query_of(**members: Any) -> ListQuery:
    return ListQuery(kind=Kind.PACKAGING, account=ACCOUNT, region=REGION, **members)


def pages(store: JobStore, query: ListQuery) -> list[Job]:
    found: list[Job] = []
    while True:
        page = store.list(query)
        assert len(page.jobs) <= query.limit
        found += page.jobs
        if page.cursor is None:
            return found
        query = replace(query, after=list(page.cursor))


class TestDatabase:
    def test_secrets_are_made_once_and_apart(self, store: JobStore, engine: Engine) -> None:
        first = secret(store._engine, "tokens")
        assert len(first) == 32
        assert secret(store._engine, "tokens") == secret(engine, "tokens") == first
        assert secret(store._engine, "others") != first

    def test_a_secret_that_is_rotated_keeps_the_value_before(self, store: JobStore, engine: Engine) -> None:
        first = secret(engine, "links")  # as a version before secrets had numbers made it
        secret(engine, "links-of-another-kind")
        held = RotatingSecrets(engine, ("links",))
        read = held.reader("links")
        assert read() == numbered(store._engine, "links") == (Numbered(1, first),)
        assert rotate(store._engine, "links") == 2
        assert [key.number for key in read()] == [1]
        held.refresh()
        (second, before) = read()
        assert (second.number, before) == (2, Numbered(1, first))
        assert rotate(engine, "links") == 3
        third, before = numbered(engine, "links")
        assert (third.number, before) == (3, second)
        assert len({first, second.value, third.value}) == 3
        with engine.connect() as connection:
            left = set(connection.execute(select(secrets.c.name)).scalars())
        assert left == {"links/2", "links/3", "links-of-another-kind"}
        assert secret(engine, "links") not in {first, second.value, third.value}, "an older version may make it anew"
        assert numbered(engine, "links") == (third, second)

    def test_the_migrations_make_the_tables_that_the_code_means(self, engine: Engine) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        from edgewright.database.schema import metadata

        with engine.connect() as connection:
            differences = compare_metadata(MigrationContext.configure(connection), metadata)
        assert differences == []

    def test_migrating_again_changes_nothing(self, engine: Engine, store: JobStore) -> None:
        store.insert(packaging(), {})
        migrate(engine)
        assert store.get(key()) == packaging()

    def test_processes_that_start_at_once_migrate_once(self, url: str) -> None:
        code = (
            "import sys; from edgewright.database.connections import migrate, open_database;"
            "migrate(open_database(sys.argv[1]))"
        )
        processes = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(4)]
        assert [process.wait() for process in processes] == [0, 0, 0, 0]
        engine = open_database(url)
        assert {"packaging_jobs", "compilation_jobs", "tags"} <= set(inspect(engine).get_table_names())
        engine.dispose()

    @pytest.mark.parametrize("oldest", [None, "9998", "9999"])
    def test_a_database_from_the_future_is_refused(self, engine: Engine, oldest: str | None) -> None:
        self.upgrade(engine, oldest)
        with pytest.raises(DatabaseUnavailable, match="a newer edgewright has used it, and does not let this one"):
            migrate(engine)

    def test_a_database_from_the_future_is_used_where_the_future_allows_it(
        self, engine: Engine, store: JobStore
    ) -> None:
        """So a host of the version before can start again while others are upgraded already."""
        self.upgrade(engine, HEAD)
        migrate(engine)
        store.insert(packaging(), {})
        assert store.get(key()) == packaging()

    def upgrade(self, engine: Engine, oldest: str | None) -> None:
        """Let a newer version have migrated the database; None is one that knows of no other version."""
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            if oldest is None:
                connection.execute(text("DROP TABLE compatibility"))
            else:
                connection.execute(text("UPDATE compatibility SET oldest = :oldest"), {"oldest": oldest})


class TestWorkers:
    def test_a_worker_lives_from_beat_to_beat(self, engine: Engine) -> None:
        registry = WorkerRegistry(engine)
        assert not registry.beat("one", "here")
        assert registry.beat("one", "here")
        assert registry.live(60) == registry.known() == {"one"}

    def test_a_worker_whose_beat_lapsed_is_not_live(self, engine: Engine) -> None:
        registry = WorkerRegistry(engine)
        registry.beat("old", "here")
        with engine.begin() as connection:
            connection.execute(text("UPDATE workers SET beat_at = beat_at - 5000"))
        registry.beat("new", "there")
        assert (registry.live(4), registry.live(6)) == ({"new"}, {"new", "old"})
        registry.remove_dead(6)
        assert registry.known() == {"new", "old"}
        registry.remove_dead(4)
        assert registry.known() == {"new"}
        assert not registry.beat("old", "here"), "a worker that was forgotten enters itself again, and learns of it"

    def test_a_worker_that_ends_is_forgotten(self, engine: Engine) -> None:
        registry = WorkerRegistry(engine)
        registry.beat("one", "here")
        registry.remove("one")
        assert registry.known() == set()

    def test_a_worker_tells_what_it_runs(self, engine: Engine) -> None:
        registry = WorkerRegistry(engine)
        registry.beat("one", "here", ["arn:b", "arn:a"], 4)
        (worker,) = registry.list()
        assert (worker.id, worker.host, worker.concurrency, worker.running) == ("one", "here", 4, ("arn:a", "arn:b"))
        assert 0 <= worker.beat_seconds <= worker.age_seconds < 60
        registry.beat("one", "here", (), 4)
        assert registry.list()[0].running == ()


class TestReports:
    def test_the_update_that_ends_a_job_writes_its_report(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        assert beside(store).reports.get(key()) == {}
        store.begin(key())
        store.move(key(), Status.COMPLETED, report={"files": [["a\u202e.so", 3]]})
        assert beside(store).reports.get(key()) == {"files": [["a\u202e.so", 3]]}

    def test_a_refused_update_writes_no_report(self, store: JobStore) -> None:
        store.insert(packaging(), {})
        with pytest.raises(TransitionRefused):
            store.move(key(), Status.COMPLETED, report={"files": []})
        assert beside(store).reports.get(key()) == {}

    def test_a_deleted_job_leaves_none(self, store: JobStore) -> None:
        job = compilation("job")
        store.insert(job, {})
        store.move(job.key, Status.FAILED, report={"log": "no"})
        store.delete(job.key)
        store.insert(job, {})
        assert beside(store).reports.get(job.key) == {}

    def test_jobs_are_counted_by_status_up_to_a_bound(self, store: JobStore) -> None:
        for number in range(5):
            store.insert(packaging(f"job-{number}"), {})
        store.insert(packaging("other", key=key("other", region="us-east-1")), {})
        store.move(key("job-0"), Status.FAILED)
        tally = beside(store).reports.count(Kind.PACKAGING, ACCOUNT, REGION, 3)
        assert {status: count for status, count in tally.items() if count} == {Status.STARTING: 3, Status.FAILED: 1}

    def test_the_regions_with_jobs_are_found(self, store: JobStore) -> None:
        assert beside(store).reports.regions(ACCOUNT) == []
        for region in ("us-east-1", "eu-west-1", "ap-south-1"):
            store.insert(packaging("job", key=key("job", region=region)), {})
        store.insert(compilation("job"), {})
        store.insert(packaging("job", key=key("job", account="1" * 12, region="sa-east-1")), {})
        assert beside(store).reports.regions(ACCOUNT) == ["ap-south-1", "eu-west-1", "us-east-1"]


class TestUnfinishedLimit:
    def test_one_job_too_many_is_refused_and_leaves_nothing(self, store: JobStore) -> None:
        for number in (1, 2):
            store.insert(packaging(f"job-{number}"), {}, most_unfinished=2)
        with pytest.raises(ResourceLimitExceeded, match="is 2, with current utilization of 2 and a request delta of 1"):
            store.insert(packaging("job-3"), {"k": "v"}, most_unfinished=2)
        with pytest.raises(ResourceNotFound):
            store.get(key("job-3"))
        assert store.tags(key("job-3")) == {}
        store.move(key("job-1"), Status.FAILED)
        store.insert(packaging("job-3"), {}, most_unfinished=2)

    def test_each_kind_account_and_region_has_its_own(self, store: JobStore) -> None:
        store.insert(packaging("job"), {}, most_unfinished=1)
        store.insert(compilation("job"), {}, most_unfinished=1)
        store.insert(packaging("job", key=key("job", account="1" * 12)), {}, most_unfinished=1)
        store.insert(packaging("job", key=key("job", region="us-east-1")), {}, most_unfinished=1)
        with pytest.raises(ResourceLimitExceeded):
            store.insert(packaging("other"), {}, most_unfinished=1)


def test_a_package_is_of_a_completed_job_of_the_account_and_region(store: JobStore) -> None:
    uri = "s3://packages/digits-1.0.tar.gz"
    written = {"model_artifact": uri, "written_uri": uri}
    store.insert(packaging("ended", status=Status.COMPLETED, **written), {})
    store.insert(packaging("failed", status=Status.FAILED, written_uri="s3://packages/failed"), {})
    store.insert(compilation("compiled", model_artifact="s3://models/c", written_uri="s3://models/c"), {})
    assert store.is_package(ACCOUNT, REGION, uri)
    assert not store.is_package("1" * 12, REGION, uri)
    assert not store.is_package(ACCOUNT, "us-east-1", uri)
    for other in ("s3://packages/failed", "s3://models/c", f"{uri}x"):
        assert not store.is_package(ACCOUNT, REGION, other)
