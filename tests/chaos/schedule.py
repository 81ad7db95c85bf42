"""The schedule of faults: which process is hit when, and how. Pure; the seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FaultKind(StrEnum):
    """What is done to a process."""

    KILL = "SIGKILL"
    """Killed, and started again after a while."""
    PAUSE = "SIGSTOP"
    """Stopped, and continued after a while."""
    DEADLY_PAUSE = "SIGSTOP, SIGKILL"
    """Stopped, killed while it is, and started again."""
    END = "SIGTERM"
    """Asked to end, waited for, and started again after a while."""
    ABORT_UPLOADS = "aborts uploads"
    """Every upload that is begun is aborted, as a lifecycle rule of the bucket does."""


@dataclass(frozen=True, slots=True)
class Target:
    """The faults of one process.

    Attributes:
        kinds: the faults that may hit it, each as often as it stands here.
        longest: seconds that it is gone or stopped at most.
        every: seconds between two faults, on average.
    """

    kinds: Sequence[FaultKind]
    longest: float
    every: float


@dataclass(frozen=True, slots=True, order=True)
class ProcessFault:
    """One fault: seconds from the start, the process, and how many seconds it is gone or stopped."""

    at: float
    process: str
    kind: FaultKind
    seconds: float


def schedule(seed: int, targets: Mapping[str, Target], seconds: float) -> list[ProcessFault]:
    """All faults in order of time. No process is hit again before it has run for a second.

    Args:
        seed: the same seed gives the same faults.
        targets: the processes by name.
        seconds: no process is gone or stopped later.
    """
    faults: list[ProcessFault] = []
    for name, target in targets.items():
        dice = random.Random(f"{seed}/{name}")
        at = dice.uniform(0.2, 1.0) * target.every
        while True:
            gone = round(dice.uniform(0.1, 1.0) * target.longest, 2)
            if at + gone > seconds:
                break
            faults.append(ProcessFault(round(at, 2), name, dice.choice(target.kinds), gone))
            at += gone + 1.0 + dice.expovariate(1 / target.every)
    return sorted(faults)


def described(fault: ProcessFault) -> str:
    """One line of the timeline."""
    if fault.kind is FaultKind.ABORT_UPLOADS:
        return f"{fault.process:<10} {fault.kind}"
    verb = "continued" if fault.kind is FaultKind.PAUSE else "started again"
    return f"{fault.process:<10} {fault.kind:<16} {verb} after {fault.seconds:.1f} s"
