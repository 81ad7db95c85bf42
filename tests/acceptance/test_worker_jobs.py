"""Real jobs in real workers that are killed and stopped while they stream."""

from __future__ import annotations

import random
import shutil
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from acceptance.worker_process import kill, wait_until, worker_process
from edgewright.database.connections import migrate, open_database
from edgewright.jobs import Job, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.packaging.verifier import verify
from edgewright.persistence import Persistence
from edgewright.settings import Settings
from edgewright.signing.keys import load_public_key
from edgewright.worker import Enqueuer
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
ENDED = {Status.COMPLETED, Status.FAILED, Status.STOPPED}


@dataclass
class Harness:
    settings: Settings
    store: JobStore

    def create(self, name: str) -> JobKey:
        now = datetime.now(UTC)
        key = JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name)
        job = PackagingJob(
            key=key,
            compilation_job_name="compiled",
            model_name=name,
            model_version="1",
            role_arn="arn:aws:iam::123456789012:role/edge",
            output_config={"S3OutputLocation": "s3://out"},
            created_at=now,
            modified_at=now,
            source_uri="s3://in/model.tar.gz",
        )
        self.store.insert(job, {})
        enqueuer = Enqueuer(self.settings, beside(self.store).queue)
        enqueuer(key)
        enqueuer.close()
        return key

    def source(self, mebibytes: int) -> None:
        """An archive that does not compress, so that packaging it takes its time."""
        path = self.settings.objects_dir / "in" / "model.tar.gz"
        path.parent.mkdir(parents=True)
        noise = random.Random(5).randbytes(MIB)  # longer than deflate looks back
        raw = self.settings.data_dir / "weights"
        with raw.open("wb") as file:
            for _ in range(mebibytes):
                file.write(noise)
        with tarfile.open(path, "w:gz", compresslevel=0) as tar:
            tar.add(raw, "weights.bin")
        raw.unlink()

    def streaming(self, key: JobKey) -> None:
        """Wait until a worker is in the middle of the source."""
        wait_until(lambda: self.store.get(key).bytes_done > MIB, "the source to be read")

    def ended(self, key: JobKey) -> Job:
        wait_until(lambda: self.store.get(key).status in ENDED, str(key))
        return self.store.get(key)

    def objects(self) -> list[str]:
        """Every file under the output bucket, finished or not."""
        bucket = self.settings.objects_dir / "out"
        return sorted(path.name for path in bucket.rglob("*") if path.is_file()) if bucket.exists() else []


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    settings = Settings(data_dir=tmp_path)
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    yield Harness(settings, Persistence.on(engine).jobs)
    engine.dispose()
    shutil.rmtree(settings.objects_dir)  # large, and pytest keeps the folders of three runs


def test_a_worker_killed_while_it_packages(harness: Harness) -> None:
    harness.source(700)
    key = harness.create("digits")
    with worker_process(harness.settings) as victim:
        harness.streaming(key)
        kill(victim)
    assert harness.store.get(key).status is Status.INPROGRESS
    with worker_process(harness.settings):
        job = harness.ended(key)
    assert (job.status, job.attempt, job.bytes_done) == (Status.COMPLETED, 2, job.bytes_total)
    assert harness.objects() == ["digits-1.tar.gz"]
    trusted = [load_public_key(harness.settings.keys_dir / "signing.pub.pem")]
    package = harness.settings.objects_dir / "out" / "digits-1.tar.gz"
    with package.open("rb") as file:
        verify(iter(lambda: file.read(MIB), b""), trusted, model_name="digits", model_version="1")


def test_a_stop_while_it_packages(harness: Harness) -> None:
    harness.source(700)
    key = harness.create("digits")
    with worker_process(harness.settings):
        harness.streaming(key)
        harness.store.move(key, Status.STOPPING)
        job = harness.ended(key)
    assert (job.status, job.model_artifact) == (Status.STOPPED, None)
    assert job.bytes_total is not None
    assert job.bytes_done < job.bytes_total
    assert harness.objects() == []


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_job_survives_twenty_kills_at_any_moment(harness: Harness) -> None:
    harness.source(60)
    moments = random.Random(11)
    keys = [harness.create(f"model-{number}") for number in range(6)]
    for _ in range(20):
        with worker_process(harness.settings) as victim:
            reached = harness.store.get(keys[0]).attempt
            if harness.store.get(keys[0]).status not in ENDED:
                wait_until(lambda before=reached: harness.store.get(keys[0]).attempt > before)
            wait_until(lambda: moments.random() < 0.05)
            kill(victim)
    with worker_process(harness.settings):
        assert {harness.ended(key).status for key in keys} == {Status.COMPLETED}
    assert harness.objects() == [f"model-{number}-1.tar.gz" for number in range(6)]
