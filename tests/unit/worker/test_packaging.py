from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import DatabaseUnavailable, KeyUnusable, StoreUnavailable
from edgewright.jobs import JobKey, JobStore, PackagingJob, Status
from edgewright.limits import Limits
from edgewright.packaging import SIGNATURE_NAME
from edgewright.stores import S3Uri
from edgewright.worker import ShuttingDown, WorkerContext
from edgewright.worker.attempts import MOST_ATTEMPTS
from edgewright.worker.packaging import package_job
from migrated import beside
from unit.worker.conftest import SOURCE, tar_gz

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.worker.context import Json
    from unit.worker.conftest import Harness

PACKAGE = S3Uri("out", "packages/digits-1.0.tar.gz")
INTERNAL = "InternalServerError: The service could not do the job. Its operator finds the reason in the log."


def run(harness: Harness, key: JobKey, context: WorkerContext | None = None) -> PackagingJob:
    package_job(key, context or harness.context)
    job = harness.jobs.get(key)
    assert isinstance(job, PackagingJob)
    return job


def content(harness: Harness) -> bytes:
    return b"".join(bytes(piece) for piece in harness.objects.memory.read(PACKAGE))


@pytest.fixture
def model(harness: Harness) -> bytes:
    source = tar_gz({"model.so": b"code" * 1000, "weights.bin": random.Random(7).randbytes(3_000_000)})
    harness.source(source)
    return source


class TestCompleted:
    def test_the_package_is_written_and_described(self, harness: Harness, model: bytes) -> None:
        digest = hashlib.sha256(model).hexdigest()
        job = run(harness, harness.packaging(source_sha256=digest, source_size=len(model)))
        assert (job.status, job.attempt) == (Status.COMPLETED, 1)
        assert job.model_artifact == "s3://out/packages/digits-1.0.tar.gz"
        assert job.bytes_done == job.bytes_total == len(model)
        package = content(harness)
        assert job.status_message == f"The package is complete: 2 files, {len(package)} bytes."
        assert job.package_sha256 == hashlib.sha256(package).hexdigest()
        report = beside(harness.jobs).reports.get(job.key)
        assert (report["size"], report["count"], report["unpacked"]) == (len(package), 2, 3_004_000)
        assert [(file[0], file[1], file[3]) for file in report["files"]] == [
            ("model.so", 4000, False),
            ("weights.bin", 3_000_000, False),
        ]
        with tarfile.open(fileobj=io.BytesIO(package)) as tar:
            member = tar.extractfile(SIGNATURE_NAME)
            assert member is not None
            assert member.read().decode() == job.model_signature

    @pytest.mark.usefixtures("model")
    def test_a_location_without_a_prefix(self, harness: Harness) -> None:
        job = run(harness, harness.packaging(output_config={"S3OutputLocation": "s3://out"}))
        assert job.model_artifact == "s3://out/digits-1.0.tar.gz"
        assert harness.objects.names("out") == {"digits-1.0.tar.gz"}

    @pytest.mark.usefixtures("model")
    def test_an_ended_job_is_not_done_again(self, harness: Harness) -> None:
        job = run(harness, harness.packaging())
        assert run(harness, job.key) == job
        assert harness.objects.reads == 1

    def test_a_job_that_is_gone_is_nothing_to_do(self, harness: Harness) -> None:
        key = harness.packaging()
        package_job(replace(key, name="other"), harness.context)
        assert harness.jobs.get(key).status is Status.STARTING


class TestFailed:
    def fails(self, harness: Harness, **members: Any) -> str:
        job = run(harness, harness.packaging(**members))
        assert (job.status, job.model_artifact, job.model_signature) == (Status.FAILED, None, None)
        assert harness.objects.names("out") == set()
        return job.status_message

    def test_a_source_that_is_missing(self, harness: Harness) -> None:
        harness.objects.memory.write(S3Uri("in", "other"), [b"x"])
        assert self.fails(harness) == "ClientError: S3 object does not exist. Bucket: in, Key: model.tar.gz"

    def test_a_source_that_is_no_archive(self, harness: Harness) -> None:
        harness.source(b"no gzip at all")
        message = self.fails(harness)
        assert message.startswith("ClientError: ")
        assert message.endswith("Bucket: in, Key: model.tar.gz")

    def test_a_hostile_member_is_named(self, harness: Harness) -> None:
        harness.source(tar_gz({"../../etc/passwd": b"x"}))
        message = self.fails(harness)
        assert message.startswith("ClientError: ")
        assert "../../etc/passwd" in message

    def test_an_archive_that_breaks_off_late(self, harness: Harness) -> None:
        archive = tar_gz({"weights.bin": bytes(range(256)) * 20_000})
        harness.source(archive[:-30])
        assert self.fails(harness).startswith("ClientError: ")

    def test_an_archive_over_a_limit(self, harness: Harness) -> None:
        harness.source(gzip.compress(bytes(5_000_000)))
        harness.context = replace(harness.context, limits=Limits(unpacked_size=1_000_000))
        assert "limit" in self.fails(harness)

    @pytest.mark.usefixtures("model")
    def test_an_object_store_that_stays_away(self, harness: Harness) -> None:
        harness.objects.failures = [StoreUnavailable("no route to 10.0.0.7") for _ in range(4)]
        assert self.fails(harness) == (
            "InternalServerError: The object store could not be reached, or broke off. Create the job again later."
        )
        assert harness.objects.failures == []

    @pytest.mark.usefixtures("model")
    def test_an_object_store_that_comes_back(self, harness: Harness) -> None:
        harness.objects.failures = [StoreUnavailable("no route to 10.0.0.7") for _ in range(3)]
        assert run(harness, harness.packaging()).status is Status.COMPLETED

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize("error", [KeyError("secret detail"), MemoryError()])
    def test_a_fault_of_ours_tells_no_detail(self, harness: Harness, error: Exception) -> None:
        harness.objects.failures = [error]
        assert self.fails(harness) == INTERNAL

    @pytest.mark.usefixtures("model")
    def test_a_key_that_this_host_does_not_have_is_waited_for(self, harness: Harness) -> None:
        """As after a rotation whose private key has not been copied here yet: no fault of the job's owner."""
        harness.objects.failures = [KeyUnusable("copy signing.pem")]
        assert run(harness, harness.packaging()).status is Status.COMPLETED

    @pytest.mark.usefixtures("model")
    def test_a_job_that_waits_for_a_key_is_stopped(self, harness: Harness) -> None:
        key = harness.packaging()

        def without_key() -> Any:
            harness.jobs.move(key, Status.STOPPING)
            raise KeyUnusable("copy signing.pem")

        harness.context = replace(harness.context, signer=without_key)
        assert run(harness, key).status is Status.STOPPED

    @pytest.mark.usefixtures("model")
    def test_a_job_that_takes_every_worker_down_is_given_up(self, harness: Harness) -> None:
        key = harness.packaging(attempt=MOST_ATTEMPTS)
        job = run(harness, key)
        assert job.status is Status.FAILED
        assert job.status_message == (
            f"InternalServerError: {MOST_ATTEMPTS} workers ended while they did this job, and none finished it."
        )
        assert harness.objects.reads == 0


class TestStopped:
    def stopped(self, harness: Harness, key: JobKey) -> None:
        job = harness.jobs.get(key)
        assert isinstance(job, PackagingJob)
        assert (job.status, job.model_artifact) == (Status.STOPPED, None)
        assert job.status_message == "The edge packaging job was stopped. It left no package."
        assert harness.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_before_it_began(self, harness: Harness) -> None:
        key = harness.packaging()
        harness.stop(key)
        run(harness, key)
        self.stopped(harness, key)
        assert harness.objects.reads == 0

    @pytest.mark.usefixtures("model")
    def test_while_the_source_stalls(self, harness: Harness) -> None:
        key = harness.packaging()
        harness.objects.stall = Event()
        runner = Thread(target=run, args=(harness, key))
        runner.start()
        try:
            while harness.jobs.get(key).status is Status.STARTING:
                runner.join(0.01)
            harness.stop(key)
            runner.join(30)
            assert not runner.is_alive()
        finally:
            harness.objects.stall.set()
        self.stopped(harness, key)

    @pytest.mark.usefixtures("model")
    def test_just_before_the_package_would_be_visible(self, harness: Harness) -> None:
        key = harness.packaging()
        harness.objects.before_write = lambda: harness.stop(key)
        run(harness, key)
        self.stopped(harness, key)

    @pytest.mark.usefixtures("model")
    def test_after_the_package_became_visible(self, harness: Harness) -> None:
        key = harness.packaging()

        def step(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            assert harness.objects.names("out") == {PACKAGE.key}
            harness.stop(key)
            return ending

        run(harness, key, replace(harness.context, step=step))
        self.stopped(harness, key)

    @pytest.mark.usefixtures("model")
    def test_after_a_crash_that_left_the_package(self, harness: Harness) -> None:
        key = harness.packaging()
        crash_after_work(harness, key)
        assert harness.objects.names("out") == {PACKAGE.key}
        harness.stop(key)
        run(harness, key)
        self.stopped(harness, key)

    @pytest.mark.usefixtures("model")
    def test_an_older_package_of_that_name_is_left_alone(self, harness: Harness) -> None:
        """A job that was stopped before it wrote anything removes nothing."""
        run(harness, harness.packaging())
        before = content(harness)
        key = harness.packaging("second")
        harness.objects.before_write = lambda: harness.stop(key)
        assert run(harness, key).status is Status.STOPPED
        assert content(harness) == before


class Crash(BaseException):
    """The end of a process, as far as a recipe can tell."""


def crash_after_work(harness: Harness, key: JobKey) -> list[Json]:
    """Run a job into a crash behind its durable step; what the engine has kept."""
    kept: list[Json] = []

    def step(_name: str, work: Callable[[], Json]) -> Json:
        kept.append(work())
        raise Crash

    with pytest.raises(Crash):
        package_job(key, replace(harness.context, step=step))
    return kept


class TestAgain:
    @pytest.mark.usefixtures("model")
    def test_a_finished_step_is_not_done_again(self, harness: Harness) -> None:
        key = harness.packaging()
        (kept,) = crash_after_work(harness, key)
        job = run(harness, key, replace(harness.context, step=lambda _name, _work: kept))
        assert (job.status, job.attempt, harness.objects.reads) == (Status.COMPLETED, 2, 1)
        assert harness.objects.names("out") == {PACKAGE.key}

    @pytest.mark.usefixtures("model")
    def test_the_step_done_again_gives_the_same_bytes(self, harness: Harness) -> None:
        key = harness.packaging()
        crash_after_work(harness, key)
        before = content(harness)
        assert run(harness, key).status is Status.COMPLETED
        assert content(harness) == before

    @pytest.mark.usefixtures("model")
    def test_a_package_that_a_crash_left_goes_when_the_next_attempt_fails(self, harness: Harness) -> None:
        key = harness.packaging()
        crash_after_work(harness, key)
        harness.objects.memory.delete(SOURCE)
        assert run(harness, key).status is Status.FAILED
        assert harness.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_changes_nothing(self, harness: Harness) -> None:
        key = harness.packaging()

        def overtaken(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            harness.jobs.begin(key)
            return ending

        job = run(harness, key, replace(harness.context, step=overtaken))
        assert (job.status, job.attempt, job.model_artifact) == (Status.INPROGRESS, 2, None)
        assert harness.objects.names("out") == {PACKAGE.key}, "it is the later attempt's now"

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_writes_nothing(self, harness: Harness) -> None:
        key = harness.packaging()
        harness.objects.before_write = lambda: harness.jobs.begin(key)
        job = run(harness, key)
        assert (job.status, job.attempt) == (Status.INPROGRESS, 2)
        assert harness.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_removes_its_late_package(self, harness: Harness) -> None:
        key = harness.packaging()

        def overtaken(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            later = harness.jobs.begin(key)
            harness.jobs.move(key, Status.FAILED, attempt=later.attempt, status_message="ClientError: gone")
            return ending

        job = run(harness, key, replace(harness.context, step=overtaken))
        assert (job.status, job.status_message) == (Status.FAILED, "ClientError: gone")
        assert harness.objects.names("out") == set()


class Flaky(JobStore):
    """A job store whose database is away a few times."""

    def away(self, *names: str, times: int) -> None:
        """Let these methods fail so often."""
        left = dict.fromkeys(names, times)

        def failing(name: str) -> Any:
            method = getattr(super(Flaky, self), name)

            def call(*args: Any, **kwargs: Any) -> Any:
                if left[name]:
                    left[name] -= 1
                    raise DatabaseUnavailable("The database cannot be used: disk I/O error")
                return method(*args, **kwargs)

            return call

        for name in names:
            setattr(self, name, failing(name))


class TestSurroundings:
    @pytest.mark.usefixtures("model")
    def test_a_database_that_comes_back_loses_no_job(self, harness: Harness) -> None:
        jobs = Flaky(harness.jobs._engine, harness.jobs._observer)
        jobs.away("begin", "move", "record_progress", "note_output", times=2)
        assert run(harness, harness.packaging(), replace(harness.context, jobs=jobs)).status is Status.COMPLETED
        assert harness.objects.reads == 1

    @pytest.mark.usefixtures("model")
    def test_a_worker_that_leaves_changes_nothing(self, harness: Harness) -> None:
        key = harness.packaging()
        harness.objects.before_write = harness.leaving.set
        with pytest.raises(ShuttingDown):
            package_job(key, replace(harness.context, shutting_down=harness.leaving.is_set))
        assert harness.jobs.get(key).status is Status.INPROGRESS
        assert harness.objects.names("out") == set()

    def test_a_small_job_that_reports_no_progress_tells_its_size_all_the_same(
        self, harness: Harness, model: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("edgewright.worker.monitor.LOOK_SECONDS", 60.0)
        jobs = Flaky(harness.jobs._engine, harness.jobs._observer)
        jobs.away("record_progress", times=1000)
        job = run(harness, harness.packaging(), replace(harness.context, jobs=jobs))
        assert job.status is Status.COMPLETED
        assert job.bytes_done == job.bytes_total == len(model)

    @pytest.mark.usefixtures("model")
    def test_progress_is_reported(self, harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edgewright.worker.monitor.LOOK_SECONDS", 0.0)
        seen: list[tuple[int, int | None]] = []

        class Noting(JobStore):
            def record_progress(
                self, key: JobKey, done: int, total: int | None, *, attempt: int | None = None
            ) -> Status:
                seen.append((done, total))
                return super().record_progress(key, done, total, attempt=attempt)

        job = run(
            harness,
            harness.packaging(),
            replace(harness.context, jobs=Noting(harness.jobs._engine, harness.jobs._observer)),
        )
        assert seen == sorted(seen, key=lambda report: report[0])
        assert seen[-1] == (job.bytes_total, job.bytes_total)
