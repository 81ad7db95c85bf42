"""A worker: a process that runs jobs, tells that it lives, and looks after what others left undone."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from edgewright.errors import EdgewrightError, ResourceNotFound
from edgewright.greengrass.publishing import open_publisher
from edgewright.jobs import JobKey, Kind
from edgewright.logs import JOB
from edgewright.roles import open_roles
from edgewright.signing import keys
from edgewright.stores import open_store
from edgewright.telemetry.tracing import tracing
from edgewright.worker import cleanup
from edgewright.worker.attempts import end_unbegun
from edgewright.worker.compilation import compile_job
from edgewright.worker.context import Leaving, Recipe, WorkerContext, insist
from edgewright.worker.engine import KEPT_SECONDS, Bell, Executor, Handover, engine_url
from edgewright.worker.liveness import Presence
from edgewright.worker.packaging import package_job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.persistence import Persistence
    from edgewright.settings import Settings

log = structlog.get_logger(__name__)

RECIPES: Mapping[Kind, Recipe] = {Kind.PACKAGING: package_job, Kind.COMPILATION: compile_job}

SWEPT_AT_ONCE = 50
"""Jobs that one sweep hands over, so that the heartbeat behind it is not late."""

WHOLE_ROUND = 10
"""While no job is unfinished, every tenth look for the dead asks the engine too; its answer takes 3 ms."""
LEAVING_SECONDS = 2.0
"""What a job may take to notice that its worker leaves, once the grace time is over."""
ENDING_SECONDS = 8.0
"""The most that a worker takes to end beyond its grace time; whoever kills what does not end should wait longer."""
STRANDED_SECONDS = 3.0
"""How long a claim may not have begun before it is put back: a claim begins at once, unless its answer was lost."""
ASKED_SECONDS = 0.5
"""How often the main thread looks whether a signal came."""


class Worker:
    """Runs jobs from `start` to `stop`. One in a process.

    Args:
        settings: database, concurrency, times, and the data folder under which the worker keeps its own.
        context: what recipes get; its `step`, `leaving` and `work_dir` are the worker's to fill in.
        recipes: how each kind of job is done.
    """

    def __init__(self, settings: Settings, context: WorkerContext, recipes: Mapping[Kind, Recipe] = RECIPES) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings = settings
        self._recipes = recipes
        self._times = settings.worker
        self._queue = context.queue
        self._presence = Presence(settings.data_dir / "work", self.id)
        self._registry = context.workers
        self._ending, self._leaving = Bell(), threading.Event()
        url, freed = engine_url(settings.sqlalchemy_url), self._ending.ring
        self._executor = Executor(url, self.id, self._run, freed, settings.engine_pool)
        self._running: set[str] = set()
        self._stranded: dict[str, float] = {}
        self._context = replace(
            context,
            step=tracing.stepping(self._executor.step),
            leaving=self._leaving.is_set,
            work_dir=self._presence.folder,
        )
        self._rounds = 0
        self._tidying: threading.Thread | None = None
        self._keeper = threading.Thread(target=self._keep, name="edgewright-keeper", daemon=True)

    def start(self) -> None:
        """Take part: from here on jobs are run.

        Raises:
            DatabaseUnavailable, EngineUnavailable: the database cannot be used.
        """
        self._presence.enter()
        self._tell()  # before the engine may hold work under this id
        self._hand_over = Handover(self._settings, self._queue)
        self._executor.launch(self._settings.worker_concurrency)
        self._keeper.start()
        log.info("worker runs", worker=self.id, concurrency=self._settings.worker_concurrency)

    def stop(self) -> bool:
        """Finish the running jobs within the grace time, and hand those back to other workers that do not.

        Returns:
            Whether all work has left this process. Where it has not, only ending the process ends it.
        """
        self._executor.take_no_more()
        self._await_idle(self._times.grace_seconds)
        self._leaving.set()
        idle = self._await_idle(LEAVING_SECONDS)
        self._ending.set()
        self._keeper.join()
        self._hand_back()
        self._executor.shut()
        self._hand_over.close()
        self._presence.leave()
        return idle

    def _hand_back(self) -> None:
        """Put what this worker still holds on the queue, for any other to take at once."""
        try:
            returned = self._executor.recover({self.id})
            self._registry.remove(self.id)
        except Exception as error:  # noqa: BLE001 - the worker ends all the same; its heartbeat tells the others
            log.warning("jobs not handed back: others have them when the heartbeat lapses", reason=_first_line(error))
        else:
            log.info("worker ended", worker=self.id, jobs_handed_back=returned)

    def _await_idle(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            time.sleep(0.05)
        return not self._running

    def _run(self, arn: str, created_ms: int, traceparent: str | None) -> None:
        """Do one ticket's work; the engine calls it in a thread of its own."""
        if self._leaving.is_set():
            raise Leaving
        self._running.add(arn)
        JOB.set(arn)
        try:
            key = JobKey.parse_arn(arn)
            if self._is_for(key, created_ms):
                with tracing.span("job", "CONSUMER", traceparent, job_arn=arn, job_worker=self.id):
                    self._recipes[key.kind](key, self._context)
        except Exception:
            log.exception("work broke down; the job is looked at again later", job=arn)
            raise
        finally:
            self._running.discard(arn)
            JOB.set(None)

    def _is_for(self, key: JobKey, created_ms: int) -> bool:
        """Whether the ticket is for the job that has the name now: a job can be deleted, and its name used again."""
        try:
            return insist(self._context, lambda: self._queue.ticket(key)).created_ms == created_ms
        except ResourceNotFound:
            return False

    def _keep(self) -> None:
        """Look after things until the worker ends. One failure is logged, and the next round tries again."""
        times = self._times
        look = _Duty(times.poll_seconds, self._look)
        duties = [
            look,
            _Duty(times.heartbeat_seconds, self._beat),
            _Duty(times.takeover_seconds, self._take_over),
            _Duty(times.sweep_seconds, self._sweep),
            _Duty(times.audit_seconds, self._audit),
            _Duty(times.cleanup_seconds, self._tidy),
        ]
        while not self._ending.wait(max(0.0, min(duty.due for duty in duties) - time.monotonic())):
            look.due = 0.0  # either it is time for something, or there is room for another job
            for duty in duties:
                duty.do_if_due()

    def _tell(self) -> bool:
        """One heartbeat; False where the worker had no row."""
        return self._registry.beat(
            self.id, socket.gethostname(), tuple(self._running), self._settings.worker_concurrency
        )

    def _look(self) -> None:
        if len(self._running) < self._settings.worker_concurrency and self._queue.waiting():
            self._executor.ring()

    def _beat(self) -> None:
        if not self._tell():
            log.warning("this worker was taken for dead; others have its jobs now", worker=self.id)

    def _take_over(self) -> None:
        """Put the work of dead workers back on the queue: any worker does, and doing it twice is doing it once."""
        ended_here = self._presence.dead()
        self._rounds += 1
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        if ended_here or self._rounds % WHOLE_ROUND == 1 or self._queue.unfinished(1, tomorrow):
            self._recover(ended_here)

    def _recover(self, ended_here: set[str]) -> None:
        alive = self._registry.live(self._times.liveness_timeout_seconds) - ended_here
        held = self._executor.held()
        gone = held.keys() - alive - {self.id}
        if gone:
            log.warning("taking over from dead workers", workers=sorted(gone), jobs=self._executor.recover(gone))
            self._executor.ring()
        for worker_id in ended_here:
            self._registry.remove(worker_id)
            self._presence.bury(worker_id)
        self._registry.remove_lapsed(self._times.liveness_timeout_seconds)
        self._put_back_stranded(held.get(self.id, set()))

    def _put_back_stranded(self, held: set[str]) -> None:
        """Put back what this worker holds and does not run, once it has not begun for a while."""
        now = time.monotonic()
        seen = self._stranded
        self._stranded = {work: seen.get(work, now) for work in self._executor.stranded(held)}
        never = [work for work, since in self._stranded.items() if now - since >= STRANDED_SECONDS]
        if never:
            log.warning("putting back work that was claimed and never begun", jobs=self._executor.put_back(never))
            self._executor.ring()

    def _sweep(self) -> None:
        for key in self._queue.not_enqueued(SWEPT_AT_ONCE):
            self._hand_over(key)
        for key in self._queue.stopped_before_start(SWEPT_AT_ONCE):
            end_unbegun(self._context, key)

    def _audit(self) -> None:
        """Hand over again what the engine has lost, as after its tables were restored from an older copy."""
        now = datetime.now(UTC)
        tickets = self._queue.unfinished(SWEPT_AT_ONCE, now - timedelta(seconds=self._times.audit_age_seconds))
        for ticket in self._executor.lost(tickets):
            if self._queue.requeue(ticket):
                log.warning("the engine had lost a job; handing it over again", job=ticket.key.arn)
        self._executor.purge((now - timedelta(seconds=KEPT_SECONDS)).isoformat())

    def _tidy(self) -> None:
        """On a thread of its own: the object store may keep it waiting, and a heartbeat must not wait."""
        if self._tidying is None or not self._tidying.is_alive():
            duty = _Duty(0.0, lambda: cleanup.tidy(self._context, self._times.final_cleanup_seconds))
            self._tidying = threading.Thread(target=duty.do_if_due, name="edgewright-tidying", daemon=True)
            self._tidying.start()


class _Duty:
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
                log.warning("a worker's upkeep fails; it is tried again", reason=_first_line(error))
            self._failed = True
        except Exception:  # the worker's boundary: upkeep must not end
            log.exception("a worker's upkeep fails by a fault of ours")
        self.due = time.monotonic() + self._seconds


def _first_line(error: Exception) -> str:
    """What an error says first; a driver's go on for a page."""
    return str(error).strip().partition("\n")[0]


def work(
    settings: Settings,
    kept: Persistence,
    *,
    recipes: Mapping[Kind, Recipe] = RECIPES,
) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Args:
        settings: what the operator chose.
        kept: the stores on the database, which is at its newest migration.
        recipes: how each kind of job is done.
    """
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    worker = Worker(settings, worker_context(settings, kept), recipes)
    worker.start()
    # With a time-out: a signal that reaches a process which is just being continued may be given to another thread, and
    # Python calls its handler only when this one runs again.
    while not asked.wait(ASKED_SECONDS):
        pass
    _end_within(settings.worker.grace_seconds + ENDING_SECONDS)
    if not worker.stop():
        log.warning("some work does not end; it was handed back, and this process ends now")
        os._exit(0)


def _end_within(seconds: float) -> None:
    """End the process by then, should a database that does not answer hold it: its jobs are taken over."""

    def end() -> None:
        log.error("the worker could not end in time; this process ends now, and others take its jobs over")
        os._exit(1)

    last = threading.Timer(seconds, end)
    last.daemon = True
    last.start()


def worker_context(settings: Settings, kept: Persistence) -> WorkerContext:
    """The context that the settings name."""
    objects = open_store(settings)
    return WorkerContext(
        jobs=kept.jobs,
        queue=kept.queue,
        components=kept.components,
        uploads=kept.uploads,
        orphans=kept.orphans,
        workers=kept.workers,
        objects=objects,
        signer=keys.load_or_create(settings.keys_dir),
        limits=settings.limits,
        work_dir=settings.data_dir / "work",
        publisher=open_publisher(settings),
        roles=open_roles(settings, objects),
    )
