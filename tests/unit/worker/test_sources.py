"""What is packaged is what the compilation job made, or nothing is."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.jobs import CompilationJob, JobKey, Kind, PackagingJob, Status
from edgewright.limits import Limits
from edgewright.packaging.inspection import inspect
from edgewright.signing import keys
from edgewright.stores import S3Uri
from edgewright.worker.compilation import compile_job
from edgewright.worker.packaging import package_job
from migrated import beside
from unit.compiling.models import linear
from unit.worker.conftest import SOURCE, tar_gz

if TYPE_CHECKING:
    from edgewright.packaging import Manifest
    from unit.worker.conftest import Harness

PACKAGE = S3Uri("out", "packages/digits-1.0.tar.gz")
COMPILED = tar_gz({"model.so": b"compiled", "weights.bin": random.Random(1).randbytes(5_000_000)})
RECORDED: dict[str, Any] = {"source_sha256": hashlib.sha256(COMPILED).hexdigest(), "source_size": len(COMPILED)}
SAME_SIZE = COMPILED[:9] + bytes([COMPILED[9] ^ 1]) + COMPILED[10:]
"""Another archive of the same size, with the same files in it: gzip's header names another operating system."""


@pytest.fixture
def signed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was signed."""
    made: list[bytes] = []
    sign = keys.EcdsaSigner.sign

    def noted(signer: keys.EcdsaSigner, message: bytes) -> bytes:
        made.append(message)
        return sign(signer, message)

    monkeypatch.setattr(keys.EcdsaSigner, "sign", noted)
    return made


def packaged(harness: Harness, **members: Any) -> PackagingJob:
    key = harness.packaging(**RECORDED | members)
    package_job(key, harness.context)
    job = harness.jobs.get(key)
    assert isinstance(job, PackagingJob)
    return job


def manifest(harness: Harness) -> Manifest:
    content = [bytes(piece) for piece in harness.objects.memory.read(PACKAGE)]
    found = inspect(lambda: content, ()).manifest
    assert found is not None
    return found


def test_the_manifest_names_the_digest_of_what_was_compiled(harness: Harness, signed: list[bytes]) -> None:
    harness.source(COMPILED)
    assert packaged(harness).status is Status.COMPLETED
    assert len(signed) == 1
    model = manifest(harness).model
    assert (model.compilation_job, model.source_sha256) == ("compiled", RECORDED["source_sha256"])


STRANGERS = {
    "larger": tar_gz({"model.so": b"another" * 1000, "weights.bin": random.Random(2).randbytes(5_500_000)}),
    "small": tar_gz({"model.so": b"another"}),
    "of the same size": SAME_SIZE,
    "no archive": b"no gzip at all",
    "hostile": tar_gz({"../../etc/passwd": b"x"}),
    "with garbage behind": COMPILED + b"behind",
    "cut": COMPILED[:-100],
}


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=list(STRANGERS))
@pytest.mark.parametrize("size", [len(COMPILED), None], ids=["size known", "no size, as before migration 0008"])
def test_an_artifact_that_was_replaced_is_neither_signed_nor_stored(
    harness: Harness, signed: list[bytes], stranger: bytes, size: int | None
) -> None:
    harness.source(stranger)
    job = packaged(harness, source_size=size)
    assert (job.status, job.model_artifact, job.model_signature, job.package_sha256) == (
        Status.FAILED,
        None,
        None,
        None,
    )
    assert job.status_message.startswith(f"ClientError: {SOURCE} is not what the compilation job compiled made: ")
    assert str(RECORDED["source_sha256"]) in job.status_message
    assert hashlib.sha256(stranger).hexdigest() in job.status_message
    assert "No job that is known here wrote that." in job.status_message
    assert beside(harness.jobs).reports.get(job.key)["error"] == "SourceReplaced"
    assert signed == []
    assert harness.objects.names("out") == set()


def test_one_that_is_too_large_is_not_read_to_its_end(harness: Harness, signed: list[bytes]) -> None:
    harness.context = replace(harness.context, limits=Limits(archive_size=len(COMPILED)))
    harness.source(COMPILED + b"1")
    job = packaged(harness)
    assert f"it has more than {len(COMPILED)} bytes, and the compilation job recorded" in job.status_message
    assert signed == []


def test_an_archive_at_fault_that_was_not_replaced_is_refused_as_such(harness: Harness) -> None:
    hostile = tar_gz({"../../etc/passwd": b"x"})
    harness.source(hostile)
    job = packaged(harness, source_sha256=hashlib.sha256(hostile).hexdigest(), source_size=len(hostile))
    assert "is not what the compilation job" not in job.status_message
    assert "../../etc/passwd" in job.status_message


def test_a_job_of_an_earlier_version_says_that_nothing_was_compared(harness: Harness) -> None:
    harness.source(COMPILED)
    job = packaged(harness, source_sha256=None, source_size=None)
    assert job.status is Status.COMPLETED
    assert job.status_message.endswith(
        " Its source was not compared with the compilation job, of which this job has no digest."
    )
    assert manifest(harness).model.source_sha256 is None


class TestCompilationsOfOnePlace:
    """Two compilation jobs of one OutputConfig write one object, as on AWS: but not in silence."""

    def compiled(self, harness: Harness, name: str, batch: int) -> CompilationJob:
        harness.source(tar_gz({"net.onnx": linear((batch, 4)).SerializeToString()}))
        input_config = {"S3Uri": str(SOURCE), "Framework": "ONNX"}
        key = harness.compilation(name, input_config=input_config)
        compile_job(key, harness.context)
        job = harness.jobs.get(key)
        assert isinstance(job, CompilationJob)
        assert (job.status, job.failure_reason) == (Status.COMPLETED, "")
        return job

    def package(self, harness: Harness, name: str, compiled: CompilationJob) -> PackagingJob:
        assert compiled.model_artifact is not None
        return packaged(
            harness,
            name=name,
            source_uri=compiled.model_artifact,
            source_sha256=compiled.artifact_digest,
            source_size=compiled.artifact_size,
        )

    def test_the_job_that_writes_over_another_says_so(self, harness: Harness) -> None:
        first, second = self.compiled(harness, "first", 4), self.compiled(harness, "second", 5)
        assert first.model_artifact == second.model_artifact
        assert (first.overwrote, second.overwrote) == (None, first.key.arn)
        event = beside(harness.jobs).events.history(second.key)[-1].document()
        assert event["resources"] == [second.key.arn, first.key.arn]
        assert event["detail"]["Overwrote"] == first.key.arn

    def test_packaging_the_first_names_the_second(self, harness: Harness) -> None:
        first, second = self.compiled(harness, "first", 4), self.compiled(harness, "second", 5)
        job = self.package(harness, "of-first", first)
        assert job.status is Status.FAILED
        assert f"{first.artifact_digest}" in job.status_message
        assert f"{second.artifact_digest}" in job.status_message
        assert job.status_message.endswith(f"It was written by {second.key.arn}.")
        assert self.package(harness, "of-second", second).status is Status.COMPLETED

    def test_the_same_bytes_again_are_no_overwriting(self, harness: Harness) -> None:
        first, second = self.compiled(harness, "first", 4), self.compiled(harness, "second", 4)
        assert first.artifact_digest == second.artifact_digest
        assert second.overwrote is None
        assert beside(harness.jobs).events.history(second.key)[-1].document()["resources"] == [second.key.arn]
        assert self.package(harness, "of-first", first).status is Status.COMPLETED

    def test_a_job_of_another_account_is_not_named(self, harness: Harness) -> None:
        first = self.compiled(harness, "first", 4)
        harness.jobs.insert(replace(first, key=JobKey(Kind.COMPILATION, "999999999999", "eu-west-1", "secret")), {})
        harness.jobs.delete(first.key)
        second = self.compiled(harness, "second", 5)
        assert second.overwrote == "a job of another account"
        event = beside(harness.jobs).events.history(second.key)[-1].document()
        assert event["resources"] == [second.key.arn]
        assert event["detail"]["Overwrote"] == "a job of another account"


def test_a_compilation_records_what_it_wrote(harness: Harness) -> None:
    harness.source(tar_gz({"net.onnx": linear().SerializeToString()}))
    key = harness.compilation()
    compile_job(key, harness.context)
    job = harness.jobs.get(key)
    assert isinstance(job, CompilationJob)
    content = b"".join(bytes(piece) for piece in harness.objects.memory.read(S3Uri.parse(job.model_artifact or "")))
    assert (job.artifact_digest, job.artifact_size) == (hashlib.sha256(content).hexdigest(), len(content))
