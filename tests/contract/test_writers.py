"""Who wrote an object, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from contract.test_job_store import NOON, compilation, packaging
from edgewright.jobs import Status
from edgewright.jobs.writers import Writer, author, overwriter, overwritten
from edgewright.persistence import Persistence

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from edgewright.jobs import Job, JobStore


@pytest.fixture
def store(engine: Engine) -> JobStore:
    return Persistence.on(engine).jobs


URI = "s3://out/put/model-1.tar.gz"
FIRST, SECOND, THIRD = (NOON + timedelta(milliseconds=number) for number in (1, 2, 3))


def made(job: Job, at: datetime | None, sha256: str | None, status: Status = Status.COMPLETED) -> Job:
    digest = {"artifact_digest" if "compilation" in job.key.kind else "package_sha256": sha256}
    return replace(job, written_uri=URI, written_at=at, status=status, **digest)  # type: ignore[arg-type]


def keys(found: tuple[Writer, ...]) -> list[str]:
    return [writer.key.name for writer in found]


class TestWriters:
    def test_jobs_of_every_kind_the_last_first(self, store: JobStore) -> None:
        store.insert(made(packaging("a"), FIRST, "aa"), {})
        store.insert(made(compilation("b"), THIRD, "bb"), {})
        store.insert(made(packaging("c"), SECOND, None, Status.INPROGRESS), {})
        store.insert(made(packaging("failed"), THIRD, None, Status.FAILED), {})
        store.insert(replace(made(packaging("elsewhere"), FIRST, "ee"), written_uri="s3://out/other"), {})
        found = store.writers(URI)
        assert keys(found) == ["b", "c", "a"]
        assert found[0] == Writer(compilation("b").key, Status.COMPLETED, "bb", THIRD)
        assert store.writers("s3://out/none") == ()

    def test_a_job_of_an_earlier_version_counts_from_its_end(self, store: JobStore) -> None:
        store.insert(made(packaging("new"), NOON - timedelta(seconds=2), "aa"), {})
        store.insert(made(packaging("old"), None, None), {})
        assert keys(store.writers(URI)) == ["old", "new"]

    def test_an_attempt_is_noted_with_its_time(self, store: JobStore) -> None:
        store.insert(packaging("a"), {})
        store.begin(packaging("a").key)
        store.note_output(packaging("a").key, URI, attempt=1)
        assert keys(store.writers(URI)) == ["a"]
        written_at = store.get(packaging("a").key).written_at
        assert written_at is not None
        assert store.writers(URI)[0].at == written_at


class TestJudging:
    def writers(self, store: JobStore) -> tuple[Writer, ...]:
        store.insert(made(packaging("a"), FIRST, "aa"), {})
        store.insert(made(packaging("b"), SECOND, "bb"), {})
        store.insert(made(packaging("c"), THIRD, "aa"), {})
        return store.writers(URI)

    def test_the_last_before_a_job_was_overwritten(self, store: JobStore) -> None:
        found = self.writers(store)
        a, b, c = (packaging(name).key for name in "abc")
        assert overwritten(a, "aa", found) is None
        assert [each.key for key in (b, c) if (each := overwritten(key, "..", found))] == [a, b]
        assert overwritten(b, "aa", found) is None, "the same bytes"
        assert overwritten(packaging("unknown").key, "aa", found) is None

    def test_the_last_of_all_is_there(self, store: JobStore) -> None:
        found = self.writers(store)
        a, b, c = (packaging(name).key for name in "abc")
        assert overwriter(a, "aa", found) is None, "its bytes are there again"
        by = overwriter(b, "bb", found)
        assert by is not None
        assert by.key == c
        assert overwriter(c, "aa", found) is None
        assert overwriter(a, None, found) is not None, "a job without a digest has other bytes as far as is known"

    def test_bytes_are_told_by_their_digest(self, store: JobStore) -> None:
        found = self.writers(store)
        by = author("bb", found)
        assert by is not None
        assert (by.seen_from(by.key.account), by.seen_from("999999999999")) == (
            packaging("b").key.arn,
            "a job of another account",
        )
        assert author("cc", found) is None
