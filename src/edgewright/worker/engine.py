"""The engine: DBOS, durable workflows in SQLite or PostgreSQL. Only this file and `dbos_internals` name it.

One workflow, `job`, on one queue, `jobs`; its identity is a `Ticket`, its arguments are plain JSON. What DBOS knows of
a job is which of its steps are done; everything that clients see is in the jobs' own tables.

What DBOS 3.4 leaves to its users, and is done here or in `worker`:
- It recovers the workflows of one executor id, when that very id starts again. Here every worker has an id of its own,
  and any worker recovers those of the dead.
- A claim whose answer was lost is never begun: the executor looks for claims of its own that it does not run, and
  cancels them; their jobs are enqueued again as new work.
- A version of the application that changes with the code would strand workflows of the version before: it is constant.
- Its default serializer is pickle: anyone who can write to the database could run code here. JSON is used instead.
- Its SQLite engine does not set the write-ahead log, and its PostgreSQL connections have no timeout: it is given ours.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, WorkflowStatus, error
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from edgewright.database.connections import open_database
from edgewright.errors import DatabaseUnavailable, EngineUnavailable
from edgewright.telemetry.tracing import tracing
from edgewright.worker import dbos_internals
from edgewright.worker.wakeable_event import WakeableEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from sqlalchemy import Engine

    from edgewright.jobs import JobKey, JobQueue, Ticket
    from edgewright.settings import Settings
    from edgewright.worker.context import Json

APPLICATION = "edgewright"
VERSION = "1"
"""Raised only when workflows of an older one could not be finished by this one's code."""
QUEUE = "jobs"
WORKFLOW = "job"
IDLE_POLL_SECONDS = 2.0
"""How often the queue is polled when nothing wakes the poll."""
KEPT_SECONDS = 3600.0
"""How long a finished workflow is kept; its job says the rest."""
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


class Enqueuer:
    """Gives jobs to the engine, from any process. It runs nothing itself.

    Raises:
        EngineUnavailable: the engine's tables cannot be reached or made.
    """

    def __init__(self, settings: Settings, queue: JobQueue) -> None:
        self._queue = queue
        url = engine_url(settings.sqlalchemy_url)
        _prepare(url)
        self._engine = open_database(url, settings.engine_pool)
        self._client = _client(url, self._engine)

    def __call__(self, key: JobKey) -> None:
        """Enqueue the job's work. Doing so twice is doing it once.

        Raises:
            EngineUnavailable: the engine did not take it; a worker enqueues it later.
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
            raise EngineUnavailable(f"{key.arn} was not enqueued: {_first_line(cause)}") from cause

    def close(self) -> None:
        """Close the connections."""
        self._client.destroy()
        self._engine.dispose()


class Executor:
    """DBOS in this process: takes work from the queue and runs it. One in a process.

    Args:
        url: as `engine_url` gives it.
        executor_id: unlike any other that ever was.
        run: does the work of one ticket: its ARN, its creation time in milliseconds, and the `traceparent` of the
            request that asked for it, if there is one.
        pool: connections to the database, beside one for each work that runs.
        may_take: asked before work is taken from the queue.
    """

    def __init__(
        self,
        url: str,
        executor_id: str,
        run: Callable[[str, int, str | None], None],
        pool: int,
        may_take: Callable[[], bool] = lambda: True,
    ) -> None:
        self._url = url
        self._id = executor_id
        self._run = run
        self._pool = pool
        self._engine: Engine | None = None
        self._stop = WakeableEvent(may_take)
        self._begun: set[str] = set()

    def launch(self, concurrency: int) -> None:
        """Start taking work.

        Args:
            concurrency: works that run at a time.
        """
        _prepare(self._url)
        self._engine = open_database(self._url, concurrency + self._pool)
        self._instance = DBOS(config=self._config(self._engine))
        # No limit of DBOS's on attempts: a job that reached it would never end. `attempts` has one that ends the job.
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(self._workflow())
        DBOS.listen_queues([])  # ours is polled by `dbos_internals`
        DBOS.launch()
        queue = DBOS.register_queue(
            QUEUE, worker_concurrency=concurrency, polling_interval_sec=IDLE_POLL_SECONDS, on_conflict="always_update"
        )
        dbos_internals.poll_queue(self._stop, self._instance, queue)

    def poll(self) -> None:
        """Poll the queue now."""
        self._stop.wake()

    def step(self, name: str, work: Callable[[], Json], /) -> Json:
        """Run a durable step of the work that the calling thread runs.

        Where the work has meanwhile gone to another executor, the result is not kept, but returned all the same: the
        guarded update behind it will be refused, and clean up.
        """
        made: list[Json] = []

        def once() -> Json:
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
        for workflow in _listed(status="PENDING"):
            if workflow.executor_id is not None:
                held.setdefault(workflow.executor_id, set()).add(workflow.workflow_id)
        return held

    def unbegun(self, held: set[str]) -> set[str]:
        """Of the work that this executor holds, what does not run here: it is about to begin, or never will.

        Where the database breaks off while a claim is made, the claim may stand and its answer be lost. Then this
        executor never heard of the work, and to the others it belongs to one that lives.
        """
        return held - self._begun

    def drop(self, workflow_ids: Collection[str]) -> None:
        """Cancel work that this executor holds and never began: its job is enqueued again as work that was lost."""
        DBOS.cancel_workflows(list(workflow_ids))

    def recover(self, executor_ids: Collection[str]) -> int:
        """Put the work of dead executors back on the queue; how much it was."""
        return dbos_internals.recover(executor_ids)

    def lost(self, tickets: Sequence[Ticket]) -> list[Ticket]:
        """Those of whose work the engine knows nothing, or only that it is over."""
        if not tickets:
            return []
        names = [ticket.workflow_id for ticket in tickets]
        known = _listed(workflow_ids=names, status=["PENDING", "ENQUEUED", "DELAYED"])
        alive = {workflow.workflow_id for workflow in known}
        return [ticket for ticket in tickets if ticket.workflow_id not in alive]

    def purge(self, before: str) -> int:
        """Delete work that was over before a time (ISO 8601); how much it was, at most 500."""
        over = _listed(status=["SUCCESS", "ERROR", "CANCELLED"], completed_before=before, limit=PURGED_AT_ONCE)
        if over:
            DBOS.delete_workflows([workflow.workflow_id for workflow in over])
        return len(over)

    def take_no_more(self) -> None:
        """Take no more work from the queue; what runs goes on."""
        self._stop.set()
        dbos_internals.take_no_more(self._instance)

    def shut_down(self) -> None:
        """End DBOS, without waiting for work."""
        DBOS.destroy(destroy_registry=True)
        if self._engine is not None:
            self._engine.dispose()

    def _workflow(self) -> Callable[..., None]:
        """The workflow as a plain function: DBOS marks what it registers, and a bound method takes no marks."""

        def job(arn: str, created_ms: int, traceparent: str | None = None) -> None:
            workflow_id = str(DBOS.workflow_id)
            self._begun.add(workflow_id)
            try:
                self._run(arn, created_ms, traceparent)
            finally:
                self._begun.discard(workflow_id)

        return job

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


def _listed(**filters: Any) -> list[WorkflowStatus]:
    """Workflows, without what goes into them and what comes out."""
    return DBOS.list_workflows(load_input=False, load_output=False, **filters)


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
    _quiet()
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
