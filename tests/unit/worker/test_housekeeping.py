"""Sweeps and purges go on while there is more, and are bounded by the heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from edgewright.jobs import JobKey, Status
from edgewright.sections import WorkerSettings
from edgewright.settings import Settings
from edgewright.worker.housekeeping import BATCH, Housekeeping, ThisWorker
from edgewright.worker.liveness import Liveness
from migrated import beside

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.worker.engine import Executor
    from unit.worker.conftest import Harness


class Purging:
    """The part of an executor that a purge needs."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def lost(self, tickets: object) -> list[object]:
        return []

    def purge(self, before: str) -> int:
        deleted = min(self.rows, 500)
        self.rows -= deleted
        return deleted


def housekeeping(harness: Harness, tmp_path: Path, enqueued: list[JobKey], executor: Purging) -> Housekeeping:
    queue = beside(harness.jobs).queue

    def enqueue(key: JobKey) -> None:
        enqueued.append(key)
        queue.mark_enqueued(queue.ticket(key))

    this = ThisWorker(Liveness(tmp_path / "locks", "tester"), set())
    # A sweep goes on while half a heartbeat has not passed: long, since a busy machine is slow.
    settings = Settings(data_dir=tmp_path, worker=WorkerSettings(heartbeat_seconds=120, liveness_timeout_seconds=360))
    return Housekeeping(settings, harness.context, cast("Executor", executor), enqueue, this)


def test_one_sweep_enqueues_and_ends_all_that_waits_for_it(harness: Harness, tmp_path: Path) -> None:
    stopped = [harness.packaging(f"stopped-{number}") for number in range(BATCH + 5)]
    for key in stopped:
        harness.stop(key)
    waiting = [harness.packaging(f"waiting-{number}") for number in range(BATCH + 5)]
    enqueued: list[JobKey] = []
    housekeeping(harness, tmp_path, enqueued, Purging(0))._sweep()
    assert {harness.jobs.get(key).status for key in stopped} == {Status.STOPPED}
    assert set(waiting) <= set(enqueued)
    assert beside(harness.jobs).queue.not_enqueued(1) == []


def test_one_audit_purges_all_that_is_old(harness: Harness, tmp_path: Path) -> None:
    executor = Purging(1700)
    housekeeping(harness, tmp_path, [], executor)._audit()
    assert executor.rows == 0
