"""A harness for one recipe: a real job store and a real signer, objects in memory, no engine."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.jobs import (
    CompilationJob,
    Job,
    JobKey,
    JobStore,
    Kind,
    PackagingJob,
    Status,
)
from edgewright.limits import Limits
from edgewright.persistence import Persistence
from edgewright.signing import keys
from edgewright.stores import S3Uri
from edgewright.worker import WorkerContext
from memory_store import MemoryStore
from migrated import open_migrated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

SOURCE = S3Uri("in", "model.tar.gz")


class Objects:
    """An object store in memory that can stall, break off, or do something at a telling moment."""

    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.stall: Event | None = None
        self.failures: list[Exception] = []
        self.before_write: Callable[[], object] | None = None
        self.reads = 0

    def size(self, uri: S3Uri) -> int:
        return self.memory.size(uri)

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        for piece in self.memory.read(uri):
            if self.stall is not None:
                self.stall.wait(60)
            yield piece

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        if self.before_write is not None:
            self.before_write()
        self.memory.write(uri, pieces, kms_key_id=kms_key_id, poll=poll)

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:
        return self.memory.check_key(kms_key_id, account, region)

    def exists(self, uri: S3Uri) -> bool:
        return self.memory.exists(uri)

    def delete(self, uri: S3Uri) -> None:
        self.memory.delete(uri)

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        return self.memory.list(bucket, prefix)

    def names(self, bucket: str) -> set[str]:
        """The keys in a bucket, which need not be there."""
        return {uri.key for uri in self.memory.list(bucket)} if bucket in self.memory._buckets else set()


@dataclass
class Harness:
    """What a recipe needs, and what tests ask."""

    context: WorkerContext
    objects: Objects
    leaving: Event = field(default_factory=Event)

    @property
    def jobs(self) -> JobStore:
        return self.context.jobs

    def packaging(self, name: str = "digits", **members: Any) -> JobKey:
        """A new edge packaging job of the archive at SOURCE."""
        now = datetime.now(UTC)
        job = PackagingJob(
            key=JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name),
            compilation_job_name="compiled",
            model_name="digits",
            model_version="1.0",
            role_arn="arn:aws:iam::123456789012:role/edge",
            output_config={"S3OutputLocation": "s3://out/packages/"},
            created_at=now,
            modified_at=now,
            source_uri=str(SOURCE),
            target="rasp4b",
        )
        return self._insert(replace(job, **members))

    def compilation(self, name: str = "compiled", **members: Any) -> JobKey:
        """A new compilation job of the archive at SOURCE."""
        now = datetime.now(UTC)
        job = CompilationJob(
            key=JobKey(Kind.COMPILATION, "123456789012", "eu-west-1", name),
            role_arn="arn:aws:iam::123456789012:role/edge",
            input_config={"S3Uri": str(SOURCE), "Framework": "ONNX", "DataInputConfig": '{"x": [2, 4]}'},
            output_config={"S3OutputLocation": "s3://out/compiled", "TargetDevice": "rasp4b"},
            stopping_condition={"MaxRuntimeInSeconds": 60},
            created_at=now,
            modified_at=now,
        )
        return self._insert(replace(job, **members))

    def source(self, content: bytes) -> None:
        """Put an object at SOURCE."""
        self.objects.memory.write(SOURCE, [content])

    def stop(self, key: JobKey) -> Job:
        """Stop a job, as the API does."""
        return self.jobs.move(key, Status.STOPPING)

    def _insert(self, job: Job) -> JobKey:
        self.jobs.insert(job, {})
        return job.key


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    engine = open_migrated(tmp_path / "jobs.sqlite")
    objects, leaving = Objects(), Event()
    kept = Persistence.on(engine)
    context = WorkerContext(
        jobs=kept.jobs,
        queue=kept.queue,
        components=kept.components,
        uploads=kept.uploads,
        orphans=kept.orphans,
        workers=kept.workers,
        objects=objects,
        signer=partial(keys.load_or_create, tmp_path / "keys"),
        limits=Limits(),
        work_dir=tmp_path / "work",
        sandbox=lambda: None,
        shutting_down=leaving.is_set,
    )
    yield Harness(context, objects, leaving)
    engine.dispose()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    monkeypatch.setattr("edgewright.worker.attempts.RETRY_SECONDS", (0.0, 0.0, 0.0))


def tar_gz(files: dict[str, bytes]) -> bytes:
    """A tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
