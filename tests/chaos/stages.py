"""The stages of a job at which a worker can be killed, as seen in the database and the object store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Engine, text

if TYPE_CHECKING:
    from collections.abc import Callable


class Stage(IntEnum):
    """How far a job has come, in the order in which a job goes through them."""

    WAITING = 0
    """No worker has claimed it."""
    CLAIMED = 1
    """A worker has claimed it, and not begun."""
    BEGUN = 2
    """It is INPROGRESS, and nothing of its package is written."""
    STREAMING = 3
    """Some of its package is written, and nobody can see it yet."""
    NOTED = 4
    """Its object is about to become visible."""
    STORED = 5
    """Its object is there, and the step is not recorded as done."""
    PACKAGED = 6
    """The step is recorded as done, and there is no component."""
    COMPONENT = 7
    """Its component is there, and the step is not recorded as done."""
    MADE = 8
    """That step is recorded as done too, and the job is INPROGRESS."""
    COMPLETED = 9
    """It is COMPLETED, and the engine's work is not recorded as done."""
    OVER = 10
    """Nothing more happens to it."""


class Seen(NamedTuple):
    """A job's stage, how far any attempt at it has come, and the process that holds its work, if one does."""

    stage: Stage
    reached: Stage
    pid: int | None


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What can be seen of a job.

    Attributes:
        status: of its row.
        noted: the object that its row names.
        components: how many components have its name.
        steps: how many are recorded as done.
        stored: whether its object is there.
        held: whether a worker has claimed its work.
        staged: whether that worker has a file open that has bytes and is no object yet.
    """

    status: str
    noted: str | None = None
    components: int = 0
    steps: int = 0
    stored: bool = False
    held: bool = True
    staged: bool = False


class Watcher:
    """Reads a job's stage, as quickly as the database answers.

    Args:
        jobs: the database of jobs.
        engine: the engine's database.
        stored: whether a job's object is there, by its name.
        staged: whether a process has a file open that has bytes and is no object yet. What it writes is of the job that
            it holds, where it does one job at a time.
    """

    def __init__(
        self, jobs: Engine, engine: Engine, stored: Callable[[str], bool], staged: Callable[[int], bool]
    ) -> None:
        self._jobs = jobs.execution_options(isolation_level="AUTOCOMMIT")
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._schema = "dbos." if engine.dialect.name == "postgresql" else ""
        self._stored = stored
        self._staged = staged

    def seen(self, name: str) -> Seen:
        """The job's stage."""
        with self._engine.connect() as connection:
            state, executor, steps = connection.execute(text(self._work()), {"name": f"%/{name}@%"}).one()
        with self._jobs.connect() as connection:
            job = connection.execute(text(JOB), {"name": name, "component": f"chaos.{name}"}).one()
        pid = int(executor.rsplit("-", 2)[1]) if state == "PENDING" and executor else None
        facts = JobFacts(
            status=job.status,
            noted=job.written_uri,
            components=job.components,
            steps=steps,
            stored=self._stored(name),
            held=state == "PENDING",
            staged=pid is not None and job.written_uri is None and self._staged(pid),
        )
        return Seen(stage(facts), reached(facts), pid)

    def _work(self) -> str:
        return (
            f"SELECT w.status, w.executor_id, (SELECT count(*) FROM {self._schema}operation_outputs o "
            f"WHERE o.workflow_uuid = w.workflow_uuid) FROM {self._schema}workflow_status w "
            "WHERE w.workflow_uuid LIKE :name"
        )


JOB = (
    "SELECT status, written_uri, (SELECT count(*) FROM components c WHERE c.name = :component) AS components "
    "FROM packaging_jobs WHERE name = :name"
)
STEPS = 2
"""The steps of a job that asks for a component."""


def stage(facts: JobFacts) -> Stage:
    """How far a job has come. Pure."""
    if facts.status in {"COMPLETED", "FAILED", "STOPPED"}:
        return Stage.COMPLETED if facts.held else Stage.OVER
    return reached(facts) if facts.held else Stage.WAITING


def reached(facts: JobFacts) -> Stage:
    """How far any attempt at a job has come, which the next attempt finds. Pure."""
    if facts.status == "STARTING":
        return Stage.CLAIMED if facts.held else Stage.WAITING
    if facts.status != "INPROGRESS":
        return stage(facts)
    further = (
        (facts.steps >= STEPS, Stage.MADE),
        (facts.components > 0, Stage.COMPONENT),
        (facts.steps > 0, Stage.PACKAGED),
        (facts.stored, Stage.STORED),
        (facts.noted is not None, Stage.NOTED),
        (facts.staged, Stage.STREAMING),
    )
    return next((found for so, found in further if so), Stage.BEGUN)
