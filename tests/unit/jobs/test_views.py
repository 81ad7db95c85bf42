from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import ResourceNotFound
from edgewright.jobs import JobKey, JobStore, Kind, PackagingJob, Status, View
from edgewright.jobs.rows import COLUMNS
from edgewright.jobs.views import WHOLE
from edgewright.persistence import Persistence
from migrated import open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

KEY = JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "digits")
JOB = PackagingJob(
    key=KEY,
    compilation_job_name="compiled",
    model_name="digits",
    model_version="1.0",
    role_arn="arn:aws:iam::123456789012:role/edge",
    output_config={"S3OutputLocation": "s3://packages/out"},
    created_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    modified_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    source_uri="s3://models/compiled.tar.gz",
)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_migrated(tmp_path / "jobs.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> JobStore:
    store = Persistence.on(engine).jobs
    store.insert(JOB, {})
    return store


def test_a_view_has_the_members_in_the_order_of_its_names(store: JobStore) -> None:
    view = View(Kind.PACKAGING, ("status", "model_artifact", "created_at", "output_config"))
    assert store.members(KEY, view) == [Status.STARTING, None, JOB.created_at, JOB.output_config]


@pytest.mark.parametrize("kind", Kind)
def test_the_whole_view_makes_the_job_again(kind: Kind) -> None:
    assert WHOLE[kind].names == COLUMNS[kind]


def test_each_read_sees_what_was_written_last(store: JobStore) -> None:
    view = View(Kind.PACKAGING, ("status", "status_message"))
    for number in range(3):
        store.begin(KEY, status_message=str(number))
        assert store.members(KEY, view) == [Status.INPROGRESS, str(number)]
        assert store.get(KEY).status is Status.INPROGRESS


def test_there_is_nothing_to_see_of_a_job_that_is_not_there(store: JobStore) -> None:
    with pytest.raises(ResourceNotFound, match="nobody"):
        store.members(JobKey(Kind.PACKAGING, KEY.account, KEY.region, "nobody"), WHOLE[Kind.PACKAGING])
