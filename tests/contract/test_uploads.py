"""The contract of the upload ledger and of orphans, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import ResourceNotFound, TransitionRefused
from edgewright.jobs import Job, JobKey, JobStore, Kind, PackagingJob, Status
from edgewright.persistence import Persistence
from edgewright.uploads.ledger import KeptPart
from migrated import beside

if TYPE_CHECKING:
    from sqlalchemy import Engine

URI = "s3://packages/digits-1.tar.gz"
PART = KeptPart("an-etag", 8 * 1024 * 1024, "ab" * 32)


@pytest.fixture
def store(engine: Engine) -> JobStore:
    return Persistence.on(engine).jobs


def begun(store: JobStore, name: str = "digits") -> Job:
    now = datetime.now(UTC)
    job = PackagingJob(
        key=JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", name),
        compilation_job_name="compiled",
        model_name="digits",
        model_version="1",
        role_arn="arn:aws:iam::123456789012:role/edge",
        output_config={"S3OutputLocation": "s3://packages"},
        created_at=now,
        modified_at=now,
        source_uri="s3://in/model.tar.gz",
    )
    store.insert(job, {})
    return store.begin(job.key)


def test_an_upload_is_intended_begun_and_found_by_the_next_attempt(store: JobStore) -> None:
    ledger, first = beside(store).uploads, begun(store)
    assert ledger.find(first) is None
    intended = ledger.intend(first, URI, "a-key")
    assert (intended.upload_id, intended.unconfirmed, intended.kms_key_id) == (None, 1, "a-key")
    upload = ledger.note_begun(intended, first, "upload-1")
    ledger.keep(upload, first, 2, PART)
    ledger.keep(upload, first, 2, replace(PART, etag="a-newer-etag"))
    found = ledger.find(store.begin(first.key))
    assert found == upload
    assert (upload.upload_id, upload.unconfirmed, upload.uri, upload.role_arn) == ("upload-1", 0, URI, first.role_arn)
    assert ledger.parts(upload) == {2: replace(PART, etag="a-newer-etag")}
    assert ledger.known(URI) == {"upload-1"}
    assert not ledger.is_awaited(URI)


def test_an_outdated_attempt_is_refused_everything(store: JobStore) -> None:
    ledger, first = beside(store).uploads, begun(store)
    upload = ledger.note_begun(ledger.intend(first, URI, None), first, "upload-1")
    store.begin(first.key)
    for refused in (
        lambda: ledger.intend(first, URI, None),
        lambda: ledger.note_begun(upload, first, "upload-2"),
        lambda: ledger.keep(upload, first, 1, PART),
        lambda: ledger.abandon(upload, first),
    ):
        with pytest.raises(TransitionRefused, match="it is INPROGRESS in attempt 2"):
            refused()
    assert ledger.parts(upload) == {}
    assert ledger.find(first) == upload


@pytest.mark.parametrize("status", [Status.STOPPING, Status.FAILED, Status.COMPLETED])
def test_so_is_every_attempt_at_a_job_that_ends(store: JobStore, status: Status) -> None:
    ledger, job = beside(store).uploads, begun(store)
    upload = ledger.note_begun(ledger.intend(job, URI, None), job, "upload-1")
    store.move(job.key, status)
    with pytest.raises(TransitionRefused, match=f"it is {status}"):
        ledger.keep(upload, job, 1, PART)


def test_a_job_that_is_gone_is_told(store: JobStore) -> None:
    ledger, job = beside(store).uploads, begun(store)
    store.move(job.key, Status.FAILED)
    store.delete(job.key)
    with pytest.raises(ResourceNotFound):
        ledger.intend(job, URI, None)


def test_two_intentions_count_two_of_which_nothing_was_heard(store: JobStore) -> None:
    ledger, first = beside(store).uploads, begun(store)
    lost = ledger.intend(first, URI, None)
    second = store.begin(first.key)
    again = ledger.intend(second, URI, None)
    assert (again.id, again.unconfirmed) == (lost.id, 2)
    upload = ledger.note_begun(again, second, "upload-2")
    assert upload.unconfirmed == 1
    ledger.note_unbegun(lost)
    found = ledger.find(second)
    assert found is not None
    assert found.unconfirmed == 0


def test_an_upload_is_awaited_from_its_intention_until_it_is_noted_or_nobody_can(store: JobStore) -> None:
    ledger, first, second = beside(store).uploads, begun(store), begun(store, "second")
    intended = ledger.intend(first, URI, None)
    assert ledger.is_awaited(URI)
    assert not ledger.is_awaited(f"{URI}.other")
    ledger.abandon(intended)
    assert not ledger.is_awaited(URI)
    ledger.note_begun(ledger.intend(second, URI, None), second, "upload-2")
    assert not ledger.is_awaited(URI)
    third = begun(store, "third")
    ledger.intend(third, URI, None)
    assert ledger.is_awaited(URI)
    store.move(third.key, Status.FAILED)
    assert not ledger.is_awaited(URI)


def test_what_is_left_is_of_jobs_that_ended_and_what_was_doomed_long_ago(store: JobStore) -> None:
    ledger = beside(store).uploads
    jobs = {name: begun(store, name) for name in ("runs", "ended", "gone", "abandoned")}
    kept = {name: ledger.note_begun(ledger.intend(job, URI, None), job, name) for name, job in jobs.items()}
    store.move(jobs["ended"].key, Status.COMPLETED)
    store.move(jobs["gone"].key, Status.FAILED)
    store.delete(jobs["gone"].key)
    ledger.abandon(kept["abandoned"], jobs["abandoned"])
    assert {upload.upload_id for upload in ledger.abandoned(10, 3600)} == {"ended", "gone"}
    assert {upload.upload_id for upload in ledger.abandoned(10, -60)} == {"ended", "gone", "abandoned"}
    assert ledger.find(jobs["abandoned"]) is None, "no attempt goes on with it"
    ledger.remove(kept["ended"])
    assert {upload.upload_id for upload in ledger.abandoned(10, 3600)} == {"gone"}


def test_an_upload_of_an_earlier_job_of_the_name_is_not_the_new_ones(store: JobStore) -> None:
    ledger, job = beside(store).uploads, begun(store)
    ledger.note_begun(ledger.intend(job, URI, None), job, "upload-1")
    assert ledger.find(replace(job, created_at=job.created_at + timedelta(milliseconds=1))) is None


def test_an_object_has_an_owner_while_a_job_runs_or_is_completed(store: JobStore) -> None:
    orphans, job, other = beside(store).orphans, begun(store), begun(store, "other")
    assert not orphans.is_owned(URI)
    store.note_output(job.key, URI, attempt=1)
    assert orphans.is_owned(URI)
    assert not orphans.is_owned(URI, besides=job.key)
    assert orphans.is_owned(URI, besides=other.key)
    store.move(job.key, Status.COMPLETED)
    assert orphans.is_owned(URI, besides=other.key)


def test_jobs_that_ended_without_their_object_are_unsettled_until_it_is_gone(store: JobStore) -> None:
    orphans, job = beside(store).orphans, begun(store)
    store.note_output(job.key, URI, attempt=1)
    later = datetime.now(UTC) + timedelta(seconds=5)
    assert orphans.unremoved(10, later) == []
    store.move(job.key, Status.FAILED)
    assert orphans.unremoved(10, datetime.now(UTC) - timedelta(seconds=60)) == []
    assert [(each[0], each[1]) for each in orphans.unremoved(10, later)] == [(job.key, URI)]
    orphans.confirm_removed(job.key, URI)
    assert orphans.unremoved(10, later) == []
    assert store.get(job.key).written_uri is None


def test_an_object_that_cannot_be_removed_keeps_no_other_waiting(store: JobStore) -> None:
    orphans = beside(store).orphans
    for name in ("stuck", "other"):
        job = begun(store, name)
        store.note_output(job.key, URI, attempt=1)
        store.move(job.key, Status.FAILED)
    later = datetime.now(UTC) + timedelta(seconds=5)
    seen = {key.name for _ in range(64) for key, _ in orphans.unremoved(1, later)}
    assert seen == {"stuck", "other"}
