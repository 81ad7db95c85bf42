"""Registering a compiled model, on each kind of object store: what is recorded is what was read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from contract.test_object_store import Case, case
from edgewright.errors import ObjectReplaced
from edgewright.jobs import CompilationJob, JobKey, Kind
from edgewright.operations import registration
from edgewright.persistence import Persistence
from migrated import open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from contract.s3_service import S3Service
    from edgewright.stores import S3Uri

__all__ = ["case"]
KEY = JobKey(Kind.COMPILATION, "123456789012", "eu-west-1", "registered")
BODY = bytes(range(256)) * 10_000


def registered(case: Case, uri: S3Uri, tmp_path: Path) -> CompilationJob:
    jobs = Persistence.on(open_migrated(tmp_path / "jobs.sqlite")).jobs
    request = registration.request_for(KEY.name, str(uri), "PYTORCH", "jetson_nano", KEY.account)
    registration.register(jobs, case.store, KEY, request, datetime.now(UTC))
    job = jobs.get(KEY)
    assert isinstance(job, CompilationJob)
    return job


def test_digest_and_size_are_recorded(case: Case, tmp_path: Path) -> None:
    job = registered(case, case.put("a/model.tar.gz", BODY), tmp_path)
    assert (job.artifact_digest, job.artifact_size) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    etag = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert job.artifact_version == (etag if case.name == "s3" else None)


@pytest.mark.parametrize("case", ["s3"], indirect=True)
def test_a_bucket_with_versions_gives_the_versions_id(case: Case, tmp_path: Path, s3_server: S3Service) -> None:
    client = s3_server.client()
    client.put_bucket_versioning(Bucket=case.bucket, VersioningConfiguration={"Status": "Enabled"})
    uri = case.put("model.tar.gz", BODY)
    job = registered(case, uri, tmp_path)
    assert job.artifact_version == client.head_object(Bucket=uri.bucket, Key=uri.key)["VersionId"]


@pytest.mark.parametrize("case", ["s3"], indirect=True)
def test_an_artifact_that_is_replaced_while_it_is_read_is_not_registered(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = case.put("model.tar.gz", BODY)
    read = case.store.read

    def replaced(uri: S3Uri) -> Iterator[Buffer]:
        yield from read(uri)
        case.put("model.tar.gz", b"another")

    monkeypatch.setattr(case.store, "read", replaced)
    with pytest.raises(ObjectReplaced):
        registered(case, uri, tmp_path)
