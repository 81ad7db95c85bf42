"""What the clients do: which jobs they create and stop, of which models, and when. The seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KIB, MIB = 1024, 1024**2


class Source(StrEnum):
    """The compiled models that jobs are made of, each named as its object is."""

    TINY = "tiny"
    SMALL = "small"
    MEGABYTE = "megabyte"
    MEDIUM = "medium"
    LARGE = "large"
    MISSING = "missing"
    """There is no such object."""
    TORN = "torn"
    """An archive that ends in its middle."""


SIZES = {
    Source.TINY: 20 * KIB,
    Source.SMALL: 200 * KIB,
    Source.MEGABYTE: MIB,
    Source.MEDIUM: 12 * MIB,
    Source.LARGE: 40 * MIB,
    Source.TORN: 2 * MIB,
}
"""Bytes of each source's one file; they do not compress."""

SHARES = {
    Source.TINY: 20,
    Source.SMALL: 22,
    Source.MEGABYTE: 24,
    Source.MEDIUM: 20,
    Source.LARGE: 8,
    Source.MISSING: 3,
    Source.TORN: 3,
}
"""How many jobs of a hundred are made of each."""

NEAR = 2 / 3
NEAR_SECONDS = 0.2
"""A job that is created so long before a fault is under way when the fault comes."""

REFUSED = {
    Source.MISSING: "ClientError: S3 object does not exist.",
    Source.TORN: "ClientError: ",
}
"""What the status message of a job that cannot succeed begins with."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """One job.

    Attributes:
        name: the job's name.
        version: the model's version; every job has another, and so another object.
        source: what it is made of.
        create_at: seconds from the start.
        stop_after: seconds after it was accepted when Stop is asked for; None for a job that is left to its end.
        component: whether it asks for a Greengrass component too.
        rival: whether a second client creates a job of the same name at the same time, of another version.
    """

    name: str
    version: str
    source: Source
    create_at: float
    stop_after: float | None = None
    component: bool = False
    rival: bool = False

    @property
    def rival_version(self) -> str:
        """The model version that the rival asks for."""
        return f"{self.version}.1"


def plan(seed: int, jobs: int, seconds: float, fault_times: Sequence[float] = ()) -> list[JobPlan]:
    """So many jobs in order of creation, spread over so many seconds.

    One in five is stopped, early or late; one in five asks for a component; one in twenty has a rival.

    Args:
        seed: the same seed gives the same jobs.
        jobs: how many.
        seconds: none is created later.
        fault_times: when processes are hit. Most jobs take a fraction of a second, so two in three come just before.
    """
    dice, near = random.Random(f"{seed}/plan"), random.Random(f"{seed}/near")
    times = [dice.uniform(0, seconds) for _ in range(jobs)]
    if fault_times:
        times = [_just_before(near.choice(fault_times), near) if near.random() < NEAR else at for at in times]
    return [_job(number, at, dice) for number, at in enumerate(sorted(times))]


def _just_before(fault_time: float, near: random.Random) -> float:
    return max(0.0, fault_time - near.uniform(0, NEAR_SECONDS))


def _job(number: int, at: float, dice: random.Random) -> JobPlan:
    (source,) = dice.choices(list(SHARES), weights=list(SHARES.values()))
    stop = dice.choice([0.0, dice.uniform(0, 1), dice.uniform(0, 10)]) if dice.random() < 0.2 else None
    return JobPlan(
        name=f"job-{number:04}",
        version=f"1.{number}",
        source=source,
        create_at=round(at, 2),
        stop_after=None if stop is None else round(stop, 2),
        component=dice.random() < 0.2,
        rival=dice.random() < 0.05,
    )
