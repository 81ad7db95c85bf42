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
    from unit.worker.conftest import House

PACKAGE = S3Uri("out", "packages/digits-1.0.tar.gz")
INTERNAL = "InternalServerError: The service could not do the job. Its operator finds the reason in the log."


def run(house: House, key: JobKey, context: WorkerContext | None = None) -> PackagingJob:
    package_job(key, context or house.context)
    job = house.jobs.get(key)
    assert isinstance(job, PackagingJob)
    return job


def content(house: House) -> bytes:
    return b"".join(bytes(piece) for piece in house.objects.memory.read(PACKAGE))


@pytest.fixture
def model(house: House) -> bytes:
    source = tar_gz({"model.so": b"code" * 1000, "weights.bin": random.Random(7).randbytes(3_000_000)})
    house.source(source)
    return source


class TestCompleted:
    def test_the_package_is_written_and_described(self, house: House, model: bytes) -> None:
        digest = hashlib.sha256(model).hexdigest()
        job = run(house, house.packaging(source_sha256=digest, source_size=len(model)))
        assert (job.status, job.attempt) == (Status.COMPLETED, 1)
        assert job.model_artifact == "s3://out/packages/digits-1.0.tar.gz"
        assert job.bytes_done == job.bytes_total == len(model)
        package = content(house)
        assert job.status_message == f"The package is complete: 2 files, {len(package)} bytes."
        assert job.package_sha256 == hashlib.sha256(package).hexdigest()
        report = beside(house.jobs).reports.get(job.key)
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
    def test_a_location_without_a_prefix(self, house: House) -> None:
        job = run(house, house.packaging(output_config={"S3OutputLocation": "s3://out"}))
        assert job.model_artifact == "s3://out/digits-1.0.tar.gz"
        assert house.objects.names("out") == {"digits-1.0.tar.gz"}

    @pytest.mark.usefixtures("model")
    def test_an_ended_job_is_not_done_again(self, house: House) -> None:
        job = run(house, house.packaging())
        assert run(house, job.key) == job
        assert house.objects.reads == 1

    def test_a_job_that_is_gone_is_nothing_to_do(self, house: House) -> None:
        key = house.packaging()
        package_job(replace(key, name="other"), house.context)
        assert house.jobs.get(key).status is Status.STARTING


class TestFailed:
    def fails(self, house: House, **members: Any) -> str:
        job = run(house, house.packaging(**members))
        assert (job.status, job.model_artifact, job.model_signature) == (Status.FAILED, None, None)
        assert house.objects.names("out") == set()
        return job.status_message

    def test_a_source_that_is_missing(self, house: House) -> None:
        house.objects.memory.write(S3Uri("in", "other"), [b"x"])
        assert self.fails(house) == "ClientError: S3 object does not exist. Bucket: in, Key: model.tar.gz"

    def test_a_source_that_is_no_archive(self, house: House) -> None:
        house.source(b"no gzip at all")
        message = self.fails(house)
        assert message.startswith("ClientError: ")
        assert message.endswith("Bucket: in, Key: model.tar.gz")

    def test_a_hostile_member_is_named(self, house: House) -> None:
        house.source(tar_gz({"../../etc/passwd": b"x"}))
        message = self.fails(house)
        assert message.startswith("ClientError: ")
        assert "../../etc/passwd" in message

    def test_an_archive_that_breaks_off_late(self, house: House) -> None:
        archive = tar_gz({"weights.bin": bytes(range(256)) * 20_000})
        house.source(archive[:-30])
        assert self.fails(house).startswith("ClientError: ")

    def test_an_archive_over_a_limit(self, house: House) -> None:
        house.source(gzip.compress(bytes(5_000_000)))
        house.context = replace(house.context, limits=Limits(unpacked_size=1_000_000))
        assert "limit" in self.fails(house)

    @pytest.mark.usefixtures("model")
    def test_an_object_store_that_stays_away(self, house: House) -> None:
        house.objects.failures = [StoreUnavailable("no route to 10.0.0.7") for _ in range(4)]
        assert self.fails(house) == (
            "InternalServerError: The object store could not be reached, or broke off. Create the job again later."
        )
        assert house.objects.failures == []

    @pytest.mark.usefixtures("model")
    def test_an_object_store_that_comes_back(self, house: House) -> None:
        house.objects.failures = [StoreUnavailable("no route to 10.0.0.7") for _ in range(3)]
        assert run(house, house.packaging()).status is Status.COMPLETED

    @pytest.mark.usefixtures("model")
    @pytest.mark.parametrize("error", [KeyError("secret detail"), MemoryError()])
    def test_a_fault_of_ours_tells_no_detail(self, house: House, error: Exception) -> None:
        house.objects.failures = [error]
        assert self.fails(house) == INTERNAL

    @pytest.mark.usefixtures("model")
    def test_a_key_that_this_host_does_not_have_is_waited_for(self, house: House) -> None:
        """As after a rotation whose private key has not been copied here yet: no fault of the job's owner."""
        house.objects.failures = [KeyUnusable("copy signing.pem")]
        assert run(house, house.packaging()).status is Status.COMPLETED

    @pytest.mark.usefixtures("model")
    def test_a_job_that_waits_for_a_key_is_stopped(self, house: House) -> None:
        key = house.packaging()

        def without_key() -> Any:
            house.jobs.move(key, Status.STOPPING)
            raise KeyUnusable("copy signing.pem")

        house.context = replace(house.context, signer=without_key)
        assert run(house, key).status is Status.STOPPED

    @pytest.mark.usefixtures("model")
    def test_a_job_that_takes_every_worker_down_is_given_up(self, house: House) -> None:
        key = house.packaging(attempt=MOST_ATTEMPTS)
        job = run(house, key)
        assert job.status is Status.FAILED
        assert job.status_message == (
            f"InternalServerError: {MOST_ATTEMPTS} workers ended while they did this job, and none finished it."
        )
        assert house.objects.reads == 0


class TestStopped:
    def stopped(self, house: House, key: JobKey) -> None:
        job = house.jobs.get(key)
        assert isinstance(job, PackagingJob)
        assert (job.status, job.model_artifact) == (Status.STOPPED, None)
        assert job.status_message == "The edge packaging job was stopped. It left no package."
        assert house.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_before_it_began(self, house: House) -> None:
        key = house.packaging()
        house.stop(key)
        run(house, key)
        self.stopped(house, key)
        assert house.objects.reads == 0

    @pytest.mark.usefixtures("model")
    def test_while_the_source_stalls(self, house: House) -> None:
        key = house.packaging()
        house.objects.stall = Event()
        runner = Thread(target=run, args=(house, key))
        runner.start()
        try:
            while house.jobs.get(key).status is Status.STARTING:
                runner.join(0.01)
            house.stop(key)
            runner.join(30)
            assert not runner.is_alive()
        finally:
            house.objects.stall.set()
        self.stopped(house, key)

    @pytest.mark.usefixtures("model")
    def test_just_before_the_package_would_be_visible(self, house: House) -> None:
        key = house.packaging()
        house.objects.before_write = lambda: house.stop(key)
        run(house, key)
        self.stopped(house, key)

    @pytest.mark.usefixtures("model")
    def test_after_the_package_became_visible(self, house: House) -> None:
        key = house.packaging()

        def step(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            assert house.objects.names("out") == {PACKAGE.key}
            house.stop(key)
            return ending

        run(house, key, replace(house.context, step=step))
        self.stopped(house, key)

    @pytest.mark.usefixtures("model")
    def test_after_a_crash_that_left_the_package(self, house: House) -> None:
        key = house.packaging()
        crash_after_work(house, key)
        assert house.objects.names("out") == {PACKAGE.key}
        house.stop(key)
        run(house, key)
        self.stopped(house, key)

    @pytest.mark.usefixtures("model")
    def test_an_older_package_of_that_name_is_left_alone(self, house: House) -> None:
        """A job that was stopped before it wrote anything removes nothing."""
        run(house, house.packaging())
        before = content(house)
        key = house.packaging("second")
        house.objects.before_write = lambda: house.stop(key)
        assert run(house, key).status is Status.STOPPED
        assert content(house) == before


class Crash(BaseException):
    """The end of a process, as far as a recipe can tell."""


def crash_after_work(house: House, key: JobKey) -> list[Json]:
    """Run a job into a crash behind its durable step; what the engine has kept."""
    kept: list[Json] = []

    def step(_name: str, work: Callable[[], Json]) -> Json:
        kept.append(work())
        raise Crash

    with pytest.raises(Crash):
        package_job(key, replace(house.context, step=step))
    return kept


class TestAgain:
    @pytest.mark.usefixtures("model")
    def test_a_finished_step_is_not_done_again(self, house: House) -> None:
        key = house.packaging()
        (kept,) = crash_after_work(house, key)
        job = run(house, key, replace(house.context, step=lambda _name, _work: kept))
        assert (job.status, job.attempt, house.objects.reads) == (Status.COMPLETED, 2, 1)
        assert house.objects.names("out") == {PACKAGE.key}

    @pytest.mark.usefixtures("model")
    def test_the_step_done_again_gives_the_same_bytes(self, house: House) -> None:
        key = house.packaging()
        crash_after_work(house, key)
        before = content(house)
        assert run(house, key).status is Status.COMPLETED
        assert content(house) == before

    @pytest.mark.usefixtures("model")
    def test_a_package_that_a_crash_left_goes_when_the_next_attempt_fails(self, house: House) -> None:
        key = house.packaging()
        crash_after_work(house, key)
        house.objects.memory.delete(SOURCE)
        assert run(house, key).status is Status.FAILED
        assert house.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_changes_nothing(self, house: House) -> None:
        key = house.packaging()

        def overtaken(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            house.jobs.begin(key)
            return ending

        job = run(house, key, replace(house.context, step=overtaken))
        assert (job.status, job.attempt, job.model_artifact) == (Status.INPROGRESS, 2, None)
        assert house.objects.names("out") == {PACKAGE.key}, "it is the later attempt's now"

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_writes_nothing(self, house: House) -> None:
        key = house.packaging()
        house.objects.before_write = lambda: house.jobs.begin(key)
        job = run(house, key)
        assert (job.status, job.attempt) == (Status.INPROGRESS, 2)
        assert house.objects.names("out") == set()

    @pytest.mark.usefixtures("model")
    def test_an_outdated_attempt_removes_its_late_package(self, house: House) -> None:
        key = house.packaging()

        def overtaken(_name: str, work: Callable[[], Json]) -> Json:
            ending = work()
            later = house.jobs.begin(key)
            house.jobs.move(key, Status.FAILED, attempt=later.attempt, status_message="ClientError: gone")
            return ending

        job = run(house, key, replace(house.context, step=overtaken))
        assert (job.status, job.status_message) == (Status.FAILED, "ClientError: gone")
        assert house.objects.names("out") == set()


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
    def test_a_database_that_comes_back_loses_no_job(self, house: House) -> None:
        jobs = Flaky(house.jobs._engine, house.jobs._observer)
        jobs.away("begin", "move", "record_progress", "note_output", times=2)
        assert run(house, house.packaging(), replace(house.context, jobs=jobs)).status is Status.COMPLETED
        assert house.objects.reads == 1

    @pytest.mark.usefixtures("model")
    def test_a_worker_that_leaves_changes_nothing(self, house: House) -> None:
        key = house.packaging()
        house.objects.before_write = house.leaving.set
        with pytest.raises(ShuttingDown):
            package_job(key, replace(house.context, shutting_down=house.leaving.is_set))
        assert house.jobs.get(key).status is Status.INPROGRESS
        assert house.objects.names("out") == set()

    def test_a_small_job_that_reports_no_progress_tells_its_size_all_the_same(
        self, house: House, model: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("edgewright.worker.monitor.LOOK_SECONDS", 60.0)
        jobs = Flaky(house.jobs._engine, house.jobs._observer)
        jobs.away("record_progress", times=1000)
        job = run(house, house.packaging(), replace(house.context, jobs=jobs))
        assert job.status is Status.COMPLETED
        assert job.bytes_done == job.bytes_total == len(model)

    @pytest.mark.usefixtures("model")
    def test_progress_is_reported(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edgewright.worker.monitor.LOOK_SECONDS", 0.0)
        seen: list[tuple[int, int | None]] = []

        class Noting(JobStore):
            def record_progress(
                self, key: JobKey, done: int, total: int | None, *, attempt: int | None = None
            ) -> Status:
                seen.append((done, total))
                return super().record_progress(key, done, total, attempt=attempt)

        job = run(
            house, house.packaging(), replace(house.context, jobs=Noting(house.jobs._engine, house.jobs._observer))
        )
        assert seen == sorted(seen, key=lambda report: report[0])
        assert seen[-1] == (job.bytes_total, job.bytes_total)
