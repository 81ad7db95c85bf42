"""A worker: a process that runs jobs, and does the housekeeping beside them."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from edgewright.errors import DatabaseUnavailable, KeyUnusable, ResourceNotFound
from edgewright.greengrass.publishing import open_publisher
from edgewright.jobs import JobKey, Kind
from edgewright.keys.opening import SigningKey
from edgewright.logs import JOB
from edgewright.roles import open_roles
from edgewright.stores import open_store
from edgewright.telemetry.tracing import tracing
from edgewright.worker.compilation import compile_job
from edgewright.worker.context import Recipe, ShuttingDown, WorkerContext, until_database_answers
from edgewright.worker.engine import Enqueuer, Executor, engine_url
from edgewright.worker.housekeeping import Housekeeping, ThisWorker
from edgewright.worker.liveness import Liveness
from edgewright.worker.packaging import package_job
from edgewright.worker.sandboxing import sandbox_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from edgewright.persistence import Persistence
    from edgewright.settings import Settings

log = structlog.get_logger(__name__)

RECIPES: Mapping[Kind, Recipe] = {Kind.PACKAGING: package_job, Kind.COMPILATION: compile_job}

NOTICE_SECONDS = 2.0
"""What a job may take to notice that its worker shuts down, once the grace period is over."""
ENDING_SECONDS = 8.0
"""The most that a worker takes to end beyond its grace period; a process that kills it should wait longer."""
ASKED_SECONDS = 0.5
"""How often the main thread looks whether a signal came."""


class Worker:
    """Runs jobs from `start` to `stop`. One in a process.

    Args:
        settings: database, concurrency, times, and the data folder under which the worker keeps its own.
        context: what recipes get; its `step`, `shutting_down` and `work_dir` are the worker's to fill in.
        recipes: how each kind of job is done.
    """

    def __init__(self, settings: Settings, context: WorkerContext, recipes: Mapping[Kind, Recipe] = RECIPES) -> None:
        self.id = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._settings = settings
        self._recipes = recipes
        self._queue, self._workers = context.queue, context.workers
        self._liveness = Liveness(settings.data_dir / "work", self.id)
        self._shutting_down = threading.Event()
        url, pool = engine_url(settings.sqlalchemy_url), settings.engine_pool
        self._executor = Executor(url, self.id, self._run, pool, self._may_take)
        self._waits_for = ""
        self._running: set[str] = set()
        self._context = replace(
            context,
            step=tracing.stepping(self._executor.step),
            shutting_down=self._shutting_down.is_set,
            work_dir=self._liveness.folder,
        )

    def start(self) -> None:
        """Take part: from here on jobs are run.

        Raises:
            DatabaseUnavailable, EngineUnavailable: the database cannot be used.
        """
        self._liveness.enter()
        self._enqueue = Enqueuer(self._settings, self._queue)
        this = ThisWorker(self._liveness, self._running)
        self._housekeeping = Housekeeping(self._settings, self._context, self._executor, self._enqueue, this)
        self._housekeeping.beat()  # before the engine may hold work under this id
        self._executor.launch(self._settings.worker_concurrency)
        self._housekeeping.start()
        log.info("worker runs", worker=self.id, concurrency=self._settings.worker_concurrency)

    def stop(self) -> bool:
        """Finish the running jobs within the grace period, and return those to the queue that do not.

        Returns:
            Whether all work has left this process. Where it has not, only ending the process ends it.
        """
        self._executor.take_no_more()
        self._await_idle(self._settings.worker.grace_seconds)
        self._shutting_down.set()
        idle = self._await_idle(NOTICE_SECONDS)
        self._housekeeping.stop()
        self._return_jobs()
        self._executor.shut_down()
        self._enqueue.close()
        self._liveness.leave()
        return idle

    def _return_jobs(self) -> None:
        """Put what this worker still holds on the queue, for any other to take at once."""
        try:
            returned = self._executor.recover({self.id})
            self._workers.remove(self.id)
        except Exception as error:  # noqa: BLE001 - the worker ends all the same; its heartbeat shows it to the others
            reason = str(error).strip().partition("\n")[0]
            log.warning("jobs not returned: others have them when the heartbeat times out", reason=reason)
        else:
            log.info("worker ended", worker=self.id, jobs_returned=returned)

    def _await_idle(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            time.sleep(0.05)
        return not self._running

    def _may_take(self) -> bool:
        """Whether this host can sign, as before a rotation: else it would hold up jobs that other hosts can do."""
        try:
            self._context.signer()
        except KeyUnusable as error:
            if error.message != self._waits_for:
                log.warning("no jobs are taken: this host cannot sign", reason=error.message)
            self._waits_for = error.message
            return False
        except DatabaseUnavailable:  # taking a job meets it too, and is tried again
            return True
        self._waits_for = ""
        return True

    def _run(self, arn: str, created_ms: int, traceparent: str | None) -> None:
        """Do one ticket's work; the engine calls it in a thread of its own."""
        if self._shutting_down.is_set():
            raise ShuttingDown
        self._running.add(arn)
        JOB.set(arn)
        try:
            key = JobKey.parse_arn(arn)
            if self._is_for(key, created_ms):
                with tracing.span("job", "CONSUMER", traceparent, job_arn=arn, job_worker=self.id):
                    self._recipes[key.kind](key, self._context)
        except Exception:
            log.exception("work broke off; the job is looked at again later", job=arn)
            raise
        finally:
            self._running.discard(arn)
            JOB.set(None)
            self._housekeeping.poll()

    def _is_for(self, key: JobKey, created_ms: int) -> bool:
        """Whether the ticket is for the job that has the name now: a job can be deleted, and its name used again."""
        try:
            return until_database_answers(self._context, lambda: self._queue.ticket(key)).created_ms == created_ms
        except ResourceNotFound:
            return False


def work(
    settings: Settings,
    kept: Persistence,
    several_accounts: Callable[[], bool],
    *,
    recipes: Mapping[Kind, Recipe] = RECIPES,
) -> None:
    """Run a worker until SIGTERM or SIGINT.

    Args:
        settings: what the operator chose.
        kept: the stores on the database, which is at its newest migration.
        several_accounts: whether more than one account uses the service.
        recipes: how each kind of job is done.
    """
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    worker = Worker(settings, worker_context(settings, kept, several_accounts), recipes)
    worker.start()
    # With a timeout: a signal that reaches a process which is just being continued may be given to another thread, and
    # Python calls its handler only when this one runs again.
    while not asked.wait(ASKED_SECONDS):
        pass
    _end_within(settings.worker.grace_seconds + ENDING_SECONDS)
    if not worker.stop():
        log.warning("some work does not end; it was returned to the queue, and this process ends now")
        os._exit(0)


def _end_within(seconds: float) -> None:
    """End the process by then, should a database that does not answer hold it: its jobs are taken over."""

    def end() -> None:
        log.error("the worker could not end in time; this process ends now, and others take its jobs over")
        os._exit(1)

    last = threading.Timer(seconds, end)
    last.daemon = True
    last.start()


def worker_context(settings: Settings, kept: Persistence, several_accounts: Callable[[], bool]) -> WorkerContext:
    """The context that the settings name.

    Raises:
        KeyUnusable: this host does not have the service's signing key.
    """
    objects = open_store(settings)
    signing_key = SigningKey(settings.signing_key, settings.keys_dir, kept.keys)
    signing_key.begin()
    return WorkerContext(
        jobs=kept.jobs,
        queue=kept.queue,
        components=kept.components,
        uploads=kept.uploads,
        orphans=kept.orphans,
        workers=kept.workers,
        objects=objects,
        signer=signing_key,
        limits=settings.limits,
        work_dir=settings.data_dir / "work",
        sandbox=lambda: sandbox_for(settings.unconfined_compilation, several_accounts),
        publisher=open_publisher(settings),
        roles=open_roles(settings, objects),
    )
