"""What is cleaned up, and by whose clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from edgewright.jobs import Status
from edgewright.persistence import Persistence
from edgewright.stores import S3Uri
from edgewright.worker.cleanup import clean_up, delete_old_jobs
from migrated import set_clock

if TYPE_CHECKING:
    from unit.worker.conftest import Harness

LATE = S3Uri("out", "packages/late.tar.gz")


@pytest.mark.parametrize(("days", "deleted"), [(-1, 0), (1, 1)])
def test_old_jobs_are_told_by_the_databases_clock(harness: Harness, days: int, deleted: int) -> None:
    """A worker whose own clock is ahead would delete young ones."""
    set_clock(harness.jobs._engine, timedelta(days=days))
    age = timedelta(days=30)
    ended = datetime.now(UTC) - age + days * timedelta(hours=12)  # on the other side by this host's clock
    key = harness.packaging(created_at=ended, modified_at=ended)
    Persistence.on(harness.jobs._engine, lambda: ended).jobs.move(key, Status.FAILED)
    assert delete_old_jobs(harness.context, age) == deleted


@pytest.mark.parametrize(("days", "is_there"), [(-1, True), (1, False)])
def test_late_objects_are_told_by_the_databases_clock(harness: Harness, days: int, *, is_there: bool) -> None:
    set_clock(harness.jobs._engine, timedelta(days=days))
    key = harness.packaging()
    job = harness.jobs.begin(key)
    harness.jobs.note_output(key, str(LATE), attempt=job.attempt)
    harness.jobs.move(key, Status.FAILED)
    harness.objects.memory.write(LATE, [b"late"])
    clean_up(harness.context, timedelta(hours=12).total_seconds() * days)
    assert harness.objects.exists(LATE) is is_there
