"""Large packages in S3 whose worker is killed or paused on the way: real workers, an S3 server, a proxy that counts.

What the proxy saw says what was really sent; it also holds up the one request at which a worker is to be caught.
"""

from __future__ import annotations

import random
import re
import signal
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from acceptance.worker_process import kill, terminate, wait_until, worker_process
from contract.s3_service import S3Service, s3_service
from edgewright.database.connections import migrate, open_database
from edgewright.jobs import Job, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.packaging.verifier import verify
from edgewright.persistence import Persistence
from edgewright.sections import S3Settings
from edgewright.settings import Settings
from edgewright.signing.keys import load_public_key
from edgewright.stores.protocols import PART
from edgewright.worker import Enqueuer
from faulty_proxy import Fault, FaultyProxy, faulty_proxy
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024
PARTS = 20
"""Of the package: as many times 8 MiB of noise."""
HELD_PART = 17
"""The part at which a worker is caught: with 80 % of the package sent."""
HELD_SECONDS = 12.0
ENDED = {Status.COMPLETED, Status.FAILED, Status.STOPPED}
SWIFT = {"heartbeat": 0.2, "takeover": 0.2, "liveness_timeout": 1.0, "cleanup": 0.5, "final_cleanup": 1.0}


@dataclass
class Held:
    """Holds up the first request that matches."""

    pattern: str
    method: str = "PUT"
    caught: bool = False

    def __call__(self, _number: int, method: str, target: str) -> Fault | None:
        if self.caught or method != self.method or not re.search(self.pattern, target):
            return None
        self.caught = True
        return Fault.STALL


@dataclass
class Harness:
    settings: Settings
    store: JobStore
    service: S3Service
    proxy: FaultyProxy
    held: Held

    def create(self) -> JobKey:
        now = datetime.now(UTC)
        job = PackagingJob(
            key=JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "digits"),
            compilation_job_name="compiled",
            model_name="digits",
            model_version="1",
            role_arn="arn:aws:iam::123456789012:role/edge",
            output_config={"S3OutputLocation": "s3://packages"},
            created_at=now,
            modified_at=now,
            source_uri="s3://models/model.tar.gz",
        )
        self.store.insert(job, {})
        enqueuer = Enqueuer(self.settings, beside(self.store).queue)
        enqueuer(job.key)
        enqueuer.close()
        return job.key

    def worker(self, folder: str) -> Any:
        """A worker that shares the database, the keys and the object store with the others, as one on another host."""
        own = self.settings.data_dir / folder
        own.mkdir()
        (own / "keys").symlink_to(self.settings.keys_dir)
        settings = self.settings.model_copy(update={"data_dir": own, "database_url": self.settings.sqlalchemy_url})
        return worker_process(settings, None, **SWIFT)

    def parts_sent(self) -> Counter[int]:
        """How often each part came to the store."""
        found = (re.search(r"partNumber=(\d+)", each.target) for each in self.proxy.seen if each.method == "PUT")
        return Counter(int(match[1]) for match in found if match)

    def parts_kept(self, key: JobKey) -> set[int]:
        ledger = beside(self.store).uploads
        upload = ledger.find(self.store.get(key))
        return set() if upload is None else set(ledger.parts(upload))

    def ended(self, key: JobKey) -> Job:
        wait_until(lambda: self.store.get(key).status in ENDED, str(key))
        return self.store.get(key)

    def package(self) -> bytes:
        body: bytes = self.service.client().get_object(Bucket="packages", Key="digits-1.tar.gz")["Body"].read()
        return body

    def left(self) -> list[str]:
        """What lies in the output bucket: objects, and uploads that nobody ended."""
        s3 = self.service.client()
        objects = [found["Key"] for found in s3.list_objects_v2(Bucket="packages").get("Contents", [])]
        return objects + [
            f"upload {each['Key']}" for each in s3.list_multipart_uploads(Bucket="packages").get("Uploads", [])
        ]


@pytest.fixture
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    held: Held = request.param
    held.caught = False
    with s3_service() as service, faulty_proxy(service.url, held, stall_seconds=HELD_SECONDS) as proxy:
        for bucket in ("models", "packages"):
            service.client().create_bucket(Bucket=bucket)
        service.client().upload_file(str(source(tmp_path)), "models", "model.tar.gz")
        s3 = S3Settings(
            endpoint_url=proxy.url, access_key_id=service.key, secret_access_key=SecretStr(service.secret),
            read_seconds=2 * HELD_SECONDS, retry_seconds=3,
        )  # fmt: skip
        settings = Settings(data_dir=tmp_path, object_store="s3", s3=s3)
        settings.keys_dir.mkdir()
        engine = open_database(settings.sqlalchemy_url)
        migrate(engine)
        yield Harness(settings, Persistence.on(engine).jobs, service, proxy, held)
        engine.dispose()


def source(folder: Path) -> Path:
    """An archive that does not compress."""
    raw, path = folder / "weights", folder / "model.tar.gz"
    raw.write_bytes(random.Random(5).randbytes(PARTS * PART - MIB))
    with tarfile.open(path, "w:gz", compresslevel=0) as tar:
        tar.add(raw, "weights.bin")
    raw.unlink()
    return path


at_eighty_percent = pytest.mark.parametrize("harness", [Held(rf"partNumber={HELD_PART}(&|$)")], indirect=True)
at_the_completion = pytest.mark.parametrize("harness", [Held(r"\?uploadId=", "POST")], indirect=True)


@at_eighty_percent
def test_a_job_killed_at_80_percent_does_not_begin_at_zero(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    key = harness.create()
    with harness.worker("one") as victim:
        wait_until(lambda: harness.held.caught and len(harness.parts_kept(key)) >= HELD_PART - 1, "80 % to be sent")
        kill(victim)
    kept, before = harness.parts_kept(key), harness.parts_sent()
    with harness.worker("two"):
        job = harness.ended(key)
    assert (job.status, job.attempt, job.bytes_done) == (Status.COMPLETED, 2, job.bytes_total)
    sent = harness.parts_sent()
    assert {number: sent[number] for number in kept} == dict.fromkeys(kept, 1), "a kept part is sent once"
    again = sum((sent - before).values())
    assert again <= PARTS + 1 - len(kept)
    trusted = [load_public_key(harness.settings.keys_dir / "signing.pub.pem")]
    verify(iter([harness.package()]), trusted, model_name="digits", model_version="1")
    assert harness.left() == ["digits-1.tar.gz"]
    with capsys.disabled():
        size = len(harness.package())
        sys.stdout.write(
            f"\nkilled with {len(kept) * PART} of {size} bytes kept; {again * PART} were sent afterwards\n"
        )


@pytest.mark.slow
@at_eighty_percent
def test_a_worker_paused_within_an_upload_changes_nothing_when_it_wakes(harness: Harness) -> None:
    key = harness.create()
    with harness.worker("one") as paused:
        wait_until(lambda: harness.held.caught and len(harness.parts_kept(key)) >= HELD_PART - 1, "80 % to be sent")
        paused.send_signal(signal.SIGSTOP)
        with harness.worker("two"):
            job = harness.ended(key)
            package = harness.package()
            paused.send_signal(signal.SIGCONT)
            wait_until(lambda: len(beside(harness.store).workers.known()) == 2, "the paused worker to be entered again")
            assert terminate(paused) == 0
        assert (job.status, job.attempt) == (Status.COMPLETED, 2)
        assert harness.store.get(key) == job
        assert harness.package() == package
    assert harness.left() == ["digits-1.tar.gz"]


@pytest.mark.slow
@at_the_completion
def test_a_completion_on_its_way_finds_nothing_once_the_job_was_stopped_elsewhere(harness: Harness) -> None:
    """Paused behind the guard, with the request that makes the object visible under way: the worst moment."""
    key = harness.create()
    with harness.worker("one") as paused:
        wait_until(lambda: harness.held.caught, "the upload to be completed")
        paused.send_signal(signal.SIGSTOP)
        harness.store.move(key, Status.STOPPING)
        with harness.worker("two"):
            job = harness.ended(key)
            assert job.status is Status.STOPPED
            wait_until(lambda: answered(harness), "the request to arrive")
            paused.send_signal(signal.SIGCONT)
            assert terminate(paused) == 0
            assert harness.store.get(key).status is Status.STOPPED
            wait_until(lambda: harness.left() == [], "nothing to be left")


def answered(harness: Harness) -> bool:
    """Whether the held request has gone on to the server; its time is over soon after."""
    created = harness.store.get(JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "digits")).created_at
    return (datetime.now(UTC) - created).total_seconds() > HELD_SECONDS + 5
