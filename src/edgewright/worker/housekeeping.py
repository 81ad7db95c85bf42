"""What every worker does beside its jobs: heartbeat, polling, takeover of dead workers' jobs, sweeps and cleanup.

Each task is idempotent, and any worker does it: doing it twice is doing it once. A task that fails is logged, and done
again at its next time.
"""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from edgewright.errors import EdgewrightError
from edgewright.jobs import JobKey, Ticket
from edgewright.worker import cleanup
from edgewright.worker.attempts import end_unbegun
from edgewright.worker.engine import KEPT_SECONDS, PURGED_AT_ONCE, Executor
from edgewright.worker.wakeable_event import WakeableEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from edgewright.settings import Settings
    from edgewright.worker.context import WorkerContext
    from edgewright.worker.liveness import Liveness

log = structlog.get_logger(__name__)

BATCH = 50
AUDITED = 10_000
"""Unfinished jobs whose work one audit looks for, the oldest."""
"""Jobs that a sweep reads at a time."""
WHOLE_ROUND = 10
"""While no job is unfinished, every tenth look for dead workers asks the engine too; its answer takes 3 ms."""
UNBEGUN_SECONDS = 3.0
"""How long a claim may not have begun before it is dropped: a claim begins at once, unless its answer was lost."""
RETENTION_SECONDS = 3600.0
"""Between two looks for jobs that are older than `jobs_days`."""


@dataclass(frozen=True, slots=True)
class ThisWorker:
    """This worker.

    Attributes:
        liveness: its lock on its host, and a look at the others'.
        running: the ARNs of the jobs that run here now.
    """

    liveness: Liveness
    running: Collection[str]


class Housekeeping:
    """The tasks of one worker, in a thread of their own from `start` to `stop`.

    Args:
        settings: their intervals, and how long things are kept.
        context: the stores.
        executor: the engine in this process.
        enqueue: gives a job to the engine.
        this: this worker.
    """

    def __init__(
        self,
        settings: Settings,
        context: WorkerContext,
        executor: Executor,
        enqueue: Callable[[JobKey], None],
        this: ThisWorker,
    ) -> None:
        self._settings, self._times = settings, settings.worker
        self._context, self._queue, self._workers = context, context.queue, context.workers
        self._executor, self._enqueue = executor, enqueue
        self._liveness, self._running = this.liveness, this.running
        self._ending = WakeableEvent()
        self._rounds = 0
        self._unbegun: dict[str, float] = {}
        self._retention_due = time.monotonic()
        self._cleanup: threading.Thread | None = None
        self._thread = threading.Thread(target=self._run, name="edgewright-housekeeping", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def poll(self) -> None:
        """Look for a job now: there is room for one."""
        self._ending.wake()

    def stop(self) -> None:
        """End, after what is being done."""
        self._ending.set()
        self._thread.join()

    def beat(self) -> bool:
        """One heartbeat; False where the worker had no row."""
        running, concurrency = tuple(self._running), self._settings.worker_concurrency
        return self._workers.beat(self._liveness.worker_id, socket.gethostname(), running, concurrency)

    def _run(self) -> None:
        times = self._times
        poll = _Task(times.poll_seconds, self._poll)
        tasks = [
            poll,
            _Task(times.heartbeat_seconds, self._heartbeat),
            _Task(times.takeover_seconds, self._take_over),
            _Task(times.sweep_seconds, self._sweep),
            _Task(times.audit_seconds, self._audit),
            _Task(times.cleanup_seconds, self._clean_up),
        ]
        while not self._ending.wait(max(0.0, min(task.due for task in tasks) - time.monotonic())):
            poll.due = 0.0  # either it is time for a task, or there is room for another job
            for task in tasks:
                task.do_if_due()

    def _poll(self) -> None:
        if len(self._running) < self._settings.worker_concurrency and self._queue.waiting():
            self._executor.poll()

    def _heartbeat(self) -> None:
        if not self.beat():
            log.warning("this worker was taken for dead; others have its jobs now", worker=self._liveness.worker_id)

    def _take_over(self) -> None:
        """Put the work of dead workers back on the queue."""
        ended_here = self._liveness.dead()
        self._rounds += 1
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        if ended_here or self._rounds % WHOLE_ROUND == 1 or self._queue.unfinished(1, tomorrow):
            self._recover(ended_here)

    def _recover(self, ended_here: set[str]) -> None:
        timeout = self._times.liveness_timeout_seconds
        alive = self._workers.live(timeout) - ended_here
        held = self._executor.held()
        gone = held.keys() - alive - {self._liveness.worker_id}
        if gone:
            log.warning("taking over from dead workers", workers=sorted(gone), jobs=self._executor.recover(gone))
            self._executor.poll()
        for worker_id in ended_here:
            self._workers.remove(worker_id)
            self._liveness.reap(worker_id)
        self._workers.remove_dead(timeout)
        self._drop_unbegun(held.get(self._liveness.worker_id, set()))

    def _drop_unbegun(self, held: set[str]) -> None:
        """Drop what this worker claimed and does not run, once it has not begun for a while; enqueue its jobs again."""
        now, seen = time.monotonic(), self._unbegun
        self._unbegun = {work: seen.get(work, now) for work in self._executor.unbegun(held)}
        never = [work for work, since in self._unbegun.items() if now - since >= UNBEGUN_SECONDS]
        if never:
            log.warning("enqueueing jobs again that were claimed and never begun", jobs=len(never))
            self._executor.drop(never)
            for work in never:
                self._queue.requeue(Ticket.parse(work))

    def _sweep(self) -> None:
        """Enqueue what an API server did not, and end what was stopped before it began."""
        queue, end = self._queue, partial(end_unbegun, self._context)
        self._repeat(lambda: _batch(queue.not_enqueued, self._enqueue), BATCH)
        self._repeat(lambda: _batch(queue.stopped_before_start, end), BATCH)

    def _audit(self) -> None:
        """Enqueue again what the engine has lost, as after its tables were restored from an older copy; purge it."""
        now = self._workers.now()
        tickets = self._queue.unfinished(AUDITED, now - timedelta(seconds=self._times.audit_age_seconds))
        for begin in range(0, len(tickets), BATCH):
            for ticket in self._executor.lost(tickets[begin : begin + BATCH]):
                if self._queue.requeue(ticket):
                    log.warning("the engine had lost a job; enqueueing it again", job=ticket.key.arn)
        before = (now - timedelta(seconds=KEPT_SECONDS)).isoformat()
        self._repeat(lambda: self._executor.purge(before), PURGED_AT_ONCE)

    def _repeat(self, batch: Callable[[], int], size: int) -> None:
        """Do a batch again as long as it is full, and a heartbeat can wait."""
        until = time.monotonic() + self._times.heartbeat_seconds / 2
        while batch() == size and time.monotonic() < until and not self._ending.is_set():
            pass

    def _clean_up(self) -> None:
        """On a thread of its own: the object store may keep it waiting, and a heartbeat must not wait."""
        if self._cleanup is None or not self._cleanup.is_alive():
            task = _Task(0.0, self._clean_up_now)
            self._cleanup = threading.Thread(target=task.do_if_due, name="edgewright-cleanup", daemon=True)
            self._cleanup.start()

    def _clean_up_now(self) -> None:
        cleanup.clean_up(self._context, self._times.final_cleanup_seconds)
        days = self._settings.jobs_days
        if days is not None and time.monotonic() >= self._retention_due:
            self._retention_due = time.monotonic() + RETENTION_SECONDS
            deleted = cleanup.delete_old_jobs(self._context, timedelta(days=days))
            log.info("old jobs deleted", jobs=deleted, older_than_days=days)


def _batch(find: Callable[[int], Sequence[JobKey]], work: Callable[[JobKey], None]) -> int:
    """Do the work for some jobs; how many."""
    keys = find(BATCH)
    for key in keys:
        work(key)
    return len(keys)


class _Task:
    """Something that is done again and again."""

    def __init__(self, seconds: float, work: Callable[[], None]) -> None:
        self._seconds = seconds
        self._work = work
        self._failed = False
        self.due = time.monotonic()

    def do_if_due(self) -> None:
        if time.monotonic() < self.due:
            return
        try:
            self._work()
            self._failed = False
        except (EdgewrightError, SQLAlchemyError) as error:
            if not self._failed:  # once for each time that it begins to fail
                reason = str(error).strip().partition("\n")[0]  # a driver's errors go on for a page
                log.warning("a worker's housekeeping fails; it is tried again", reason=reason)
            self._failed = True
        except Exception:  # the worker's boundary: housekeeping must not end
            log.exception("a worker's housekeeping fails: an internal error")
        self.due = time.monotonic() + self._seconds
