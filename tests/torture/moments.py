"""The moments of a job at which a worker can be killed: seen from outside, in the database and the object store."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Engine, text

if TYPE_CHECKING:
    from collections.abc import Callable


class Moment(StrEnum):
    """How far a job has come, in the order in which a job goes through them."""

    WAITING = "waiting"
    """No worker has claimed it."""
    CLAIMED = "claimed"
    """A worker has claimed it, and not begun."""
    BEGUN = "begun"
    """It is INPROGRESS, and nothing of the source was reported as read."""
    STREAMING = "streaming"
    """Some of the source was read."""
    NOTED = "noted"
    """Its object is about to become visible."""
    STORED = "stored"
    """Its object is there, and the step is not recorded as done."""
    PACKAGED = "packaged"
    """The step is recorded as done, and there is no component."""
    COMPONENT = "component"
    """Its component is there."""
    COMPLETED = "completed"
    """It is COMPLETED, and the engine's work is not recorded as done."""
    OVER = "over"
    """Nothing more happens to it."""


class Seen(NamedTuple):
    """A job's moment, and the process that holds its work, if one does."""

    moment: Moment
    pid: int | None


class Watcher:
    """Looks at one job after the other, as quickly as the database answers.

    Args:
        jobs: the database of jobs.
        engine: the engine's database.
        stored: whether a job's object is there, by its name.
    """

    def __init__(self, jobs: Engine, engine: Engine, stored: Callable[[str], bool]) -> None:
        self._jobs = jobs.execution_options(isolation_level="AUTOCOMMIT")
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._schema = "dbos." if engine.dialect.name == "postgresql" else ""
        self._stored = stored

    def look(self, name: str) -> Seen:
        """Where the job stands."""
        with self._engine.connect() as connection:
            status, executor, steps = connection.execute(text(self._work()), {"name": f"%/{name}@%"}).one()
        with self._jobs.connect() as connection:
            job = connection.execute(text(JOB), {"name": name, "component": f"torture.{name}"}).one()
        held = status == "PENDING"
        pid = int(executor.rsplit("-", 2)[1]) if held and executor else None
        return Seen(moment(job, held=held, packaged=steps > 0, stored=self._stored(name)), pid)

    def _work(self) -> str:
        return (
            f"SELECT w.status, w.executor_id, (SELECT count(*) FROM {self._schema}operation_outputs o "  # noqa: S608 - our own words
            f"WHERE o.workflow_uuid = w.workflow_uuid) FROM {self._schema}workflow_status w "
            "WHERE w.workflow_uuid LIKE :name"
        )


JOB = (
    "SELECT status, bytes_done, written_uri, (SELECT count(*) FROM components c WHERE c.name = :component) "
    "FROM packaging_jobs WHERE name = :name"
)


def moment(job: tuple[str, int, str | None, int], *, held: bool, packaged: bool, stored: bool) -> Moment:
    """How far a job has come. Pure.

    Args:
        job: its status, bytes read, noted object and number of components.
        held: whether a worker has claimed its work.
        packaged: whether the step is recorded as done.
        stored: whether its object is there.
    """
    status, done, noted, components = job
    if status in {"COMPLETED", "FAILED", "STOPPED"}:
        return Moment.COMPLETED if held else Moment.OVER
    if not held:
        return Moment.WAITING
    if status == "STARTING":
        return Moment.CLAIMED
    further = (
        (components > 0, Moment.COMPONENT),
        (packaged, Moment.PACKAGED),
        (stored, Moment.STORED),
        (noted is not None, Moment.NOTED),
        (done > 0, Moment.STREAMING),
    )
    return next((reached for so, reached in further if so), Moment.BEGUN)
