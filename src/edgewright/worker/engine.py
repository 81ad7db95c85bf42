"""The engine: DBOS, durable workflows in SQLite or PostgreSQL. No other file names it.

One workflow, `job`, on one queue, `jobs`; its identity is a `Ticket`, its arguments are plain JSON. What DBOS knows of
a job is which of its steps are done; everything that clients see is in the jobs' own tables.

What DBOS 3.4 leaves to its users, and is done here or in `worker`:
- Its open part recovers the workflows of one executor id, when that very id starts again. Here every worker has an id
  of its own, and any worker recovers those of the dead. `DBOS._recover_pending_workflows` puts a workflow back on its
  queue only while it still belongs to the executor that is named dead, so two recoverers do no harm.
- A claim whose answer was lost is never begun: the executor looks for claims of its own that it does not run, by
  `_active_workflows_set`, and puts them back with `reenqueue_for_recovery`, which is guarded in the same way.
- A version of the application that changes with the code would strand workflows of the version before: it is constant.
- Its default serializer is pickle: whoever can write to the database could run code here. JSON is used instead.
- Its SQLite engine does not set the write-ahead log, and its PostgreSQL connections wait for an answer for ever: it is
  given ours.
- It looks at a queue at fixed times, and one look takes 3 ms of a processor. Its own loop over our queue,
  `queue_worker_thread`, is therefore run here with an event that can be rung: it looks when there is work.
- It tells nobody when work is over and there is room for the next: its register of what runs is one that does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, _workflow_commands, error
from dbos._core import ActiveWorkflowById
from dbos._queue import queue_worker_thread
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from edgewright.database.connections import open_database
from edgewright.errors import DatabaseUnavailable, EngineUnavailable
from edgewright.telemetry.tracing import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import Engine

    from edgewright.jobs import JobKey, JobQueue, Ticket
    from edgewright.settings import Settings
    from edgewright.worker.context import Ending

APPLICATION = "edgewright"
VERSION = "1"
"""Raised only when workflows of an older one could not be finished by this one's code."""
QUEUE = "jobs"
WORKFLOW = "job"
UNRUNG_SECONDS = 2.0
"""How often the queue is looked at when nobody rings."""
KEPT_SECONDS = 3600.0
"""How long a finished workflow is kept; its job tells the rest."""
PURGED_AT_ONCE = 500


def engine_url(database_url: str) -> str:
    """Where the engine's tables are: in a SQLite file beside the jobs' own, or in the same PostgreSQL database.

    A file of its own, because SQLite lets one transaction write to a file at a time, and the engine writes often.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return url.set(drivername="postgresql").render_as_string(hide_password=False)
    path = Path(url.database)
    return f"sqlite:///{path.with_name(f'{path.stem}-engine{path.suffix}')}"


class Handover:
    """Gives jobs to the engine, from any process. It runs nothing itself.

    Raises:
        EngineUnavailable: the engine's tables cannot be reached or made.
    """

    def __init__(self, settings: Settings, queue: JobQueue) -> None:
        self._queue = queue
        url = engine_url(settings.sqlalchemy_url)
        _quiet()
        _prepare(url)
        self._engine = open_database(url, settings.engine_pool)
        self._client = _client(url, self._engine)

    def __call__(self, key: JobKey) -> None:
        """Enqueue the job's work. Doing so twice is doing it once.

        Raises:
            EngineUnavailable: the engine did not take it; the job stays unhanded, and a worker fetches it later.
            ResourceNotFound: no such job.
        """
        try:
            ticket = self._queue.ticket(key)
            self._client.enqueue(
                {"queue_name": QUEUE, "workflow_name": WORKFLOW, "workflow_id": ticket.workflow_id},
                key.arn,
                ticket.created_ms,
                *filter(None, [tracing.carrier()]),
            )
            self._queue.mark_enqueued(ticket)
        except (DatabaseUnavailable, SQLAlchemyError, error.DBOSException) as cause:
            raise EngineUnavailable(f"{key.arn} was not handed over: {_first_line(cause)}") from cause

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()
        self._engine.dispose()


class Bell(Event):
    """An event whose waiters can be woken without setting it."""

    def __init__(self) -> None:
        super().__init__()
        self._rung = Event()

    def ring(self) -> None:
        """Wake who waits, or who will wait next."""
        self._rung.set()

    def set(self) -> None:
        """Set the event, and wake who waits."""
        super().set()
        self._rung.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until rung or set, or for so many seconds; whether it is set."""
        if not self.is_set():
            self._rung.wait(timeout)
            self._rung.clear()
        return self.is_set()


class Running(ActiveWorkflowById):
    """DBOS's register of the work that runs here. It tells when some is over, and there is room for other."""

    def __init__(self, freed: Callable[[], None]) -> None:
        super().__init__()
        self._freed = freed

    def _remove(self, key: str, bucket: tuple[str, str | None] | None) -> None:
        super()._remove(key, bucket)
        self._freed()


class Executor:
    """DBOS in this process: takes work from the queue and runs it. One in a process.

    Args:
        url: as `engine_url` gives it.
        executor_id: unlike any other that ever was.
        run: does the work of one ticket: its ARN, its creation time in milliseconds, and the `traceparent` of the
            request that asked for it, if there is one.
        freed: called when a work is over and there is room for another; it must not raise.
        pool: connections to the database, beside one for each work that runs.
    """

    def __init__(
        self,
        url: str,
        executor_id: str,
        run: Callable[[str, int, str | None], None],
        freed: Callable[[], None],
        pool: int,
    ) -> None:
        self._url = url
        self._id = executor_id
        self._run = run
        self._freed = freed
        self._pool = pool
        self._engine: Engine | None = None
        self._bell = Bell()

    def launch(self, concurrency: int) -> None:
        """Start taking work.

        Args:
            concurrency: works that run at a time.
        """
        _quiet()
        _prepare(self._url)
        self._engine = open_database(self._url, concurrency + self._pool)
        self._instance = DBOS(config=self._config(self._engine))
        self._instance._active_workflows_set = Running(self._freed)  # noqa: SLF001 - see above
        # No limit of DBOS's on attempts: a job that reached it would never end. `attempts` has one that ends the job.
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(_plain(self._run))
        DBOS.listen_queues([])  # ours is looked at below
        # For works with a delay or a deadline, which nothing here has: looking for them each second costs an idle
        # worker a sixth of its time.
        _workflow_commands._BACKGROUND_JOBS_INTERVAL_SEC = 60.0  # noqa: SLF001 - see above
        DBOS.launch()
        # DBOS's own queue, for its schedules and debouncers: the same.
        self._instance._registry.get_internal_queue()._polling_interval_sec = 60.0  # noqa: SLF001
        queue = DBOS.register_queue(
            QUEUE, worker_concurrency=concurrency, polling_interval_sec=UNRUNG_SECONDS, on_conflict="always_update"
        )
        queue.database_backed_queue = False  # else each look reads the queue's own row again, which nobody changes
        arguments = (self._bell, self._instance, queue)
        Thread(target=queue_worker_thread, args=arguments, name="edgewright-queue", daemon=True).start()

    def ring(self) -> None:
        """Look at the queue now."""
        self._bell.ring()

    def step(self, name: str, work: Callable[[], Ending], /) -> Ending:
        """Run a durable step of the work that the calling thread runs.

        Where the work has meanwhile gone to another executor, the result is not kept, but given all the same: the
        guarded update behind it will be refused, and clean up.
        """
        made: list[Ending] = []

        def once() -> Ending:
            made.append(work())
            return made[0]

        try:
            return DBOS.run_step({"name": name}, once)
        except error.DBOSWorkflowConflictIDError:
            if not made:
                raise
            return made[0]

    def held(self) -> dict[str, set[str]]:
        """The work that is claimed and not done, by the executors that hold it, dead or alive."""
        held: dict[str, set[str]] = {}
        for workflow in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False):
            if workflow.executor_id is not None:
                held.setdefault(workflow.executor_id, set()).add(workflow.workflow_id)
        return held

    def stranded(self, held: set[str]) -> set[str]:
        """Of the work that this executor holds, what does not run here: it is about to begin, or never will.

        Where the database breaks off while a claim is made, the claim may stand and its answer be lost. Such work is
        nobody's: this executor never heard of it, and to the others it belongs to one that lives.
        """
        return held - set(self._instance._active_workflows_set.activeList())  # noqa: SLF001 - see above

    def put_back(self, workflow_ids: Collection[str]) -> int:
        """Put work that this executor holds on the queue, for any to take; how much it was."""
        again = self._instance._sys_db.reenqueue_for_recovery  # noqa: SLF001 - see above
        return sum(again(workflow_id, [self._id], QUEUE) for workflow_id in workflow_ids)

    def recover(self, executor_ids: Collection[str]) -> int:
        """Put the work of dead executors back on the queue; how much it was."""
        return len(DBOS._recover_pending_workflows(list(executor_ids))) if executor_ids else 0  # noqa: SLF001 - see above

    def lost(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Those of whose work the engine knows nothing, or only that it is over."""
        if not tickets:
            return []
        known = DBOS.list_workflows(
            workflow_ids=[ticket.workflow_id for ticket in tickets],
            status=["PENDING", "ENQUEUED", "DELAYED"],
            load_input=False,
            load_output=False,
        )
        alive = {workflow.workflow_id for workflow in known}
        return [ticket for ticket in tickets if ticket.workflow_id not in alive]

    def purge(self, before: str) -> int:
        """Forget work that was over before a time (ISO 8601); how much it was, at most 500."""
        over = DBOS.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED"],
            completed_before=before,
            limit=PURGED_AT_ONCE,
            load_input=False,
            load_output=False,
        )
        if over:
            DBOS.delete_workflows([workflow.workflow_id for workflow in over])
        return len(over)

    def take_no_more(self) -> None:
        """Take no more work from the queue; what runs goes on."""
        for event in (self._bell, *self._instance.background_thread_stop_events):
            event.set()

    def shut(self) -> None:
        """End DBOS, without waiting for work."""
        DBOS.destroy(destroy_registry=True)
        if self._engine is not None:
            self._engine.dispose()

    def _config(self, engine: Engine) -> DBOSConfig:
        return {
            "name": APPLICATION,
            "application_version": VERSION,
            "executor_id": self._id,
            "system_database_url": self._url,
            "system_database_engine": engine,
            "serializer": DBOSPortableJSONSerializer(),
            "run_migrations": False,  # `_prepare` did
            "log_level": "WARNING",
        }


def _plain(run: Callable[[str, int, str | None], None]) -> Callable[..., None]:
    """The same as a plain function: DBOS marks what it registers, and a bound method takes no marks."""

    def job(arn: str, created_ms: int, traceparent: str | None = None) -> None:
        run(arn, created_ms, traceparent)

    return job


def _client(url: str, engine: Engine) -> DBOSClient:
    return DBOSClient(
        system_database_url=url,
        system_database_engine=engine,
        serializer=DBOSPortableJSONSerializer(),
        application_name=APPLICATION,
        lazy=True,
        retry_connection_errors=False,
    )


def _prepare(url: str) -> None:
    """Make the engine's tables, or bring them to this DBOS's version."""
    try:
        if url.startswith("sqlite"):
            engine = open_database(url)
            with engine.connect():  # sets the write-ahead log, which the file remembers
                pass
            engine.dispose()
        DBOS.migrate(url)
    except (SQLAlchemyError, error.DBOSException) as cause:
        raise EngineUnavailable(f"The engine's tables cannot be made: {_first_line(cause)}") from cause


def _quiet() -> None:
    """Let DBOS's warnings go where all logs go; it would write everything to standard error in a form of its own."""
    logger: Any = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.WARNING)


def _first_line(cause: Exception) -> str:
    return str(cause).strip().partition("\n")[0]
