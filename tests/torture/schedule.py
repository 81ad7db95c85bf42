"""The schedule of a storm: which process is struck when, and how. Pure; the seed decides."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Blow(StrEnum):
    """What is done to a process."""

    KILL = "SIGKILL"
    """Killed, and started again after a while."""
    PAUSE = "SIGSTOP"
    """Stopped, and continued after a while."""
    DEADLY_PAUSE = "SIGSTOP, SIGKILL"
    """Stopped, killed while it is, and started again."""
    END = "SIGTERM"
    """Asked to end, waited for, and started again after a while."""


@dataclass(frozen=True, slots=True)
class Target:
    """How one process is treated.

    Attributes:
        blows: those that it is struck with, each as often as it stands here.
        longest: seconds that it is gone or stopped at most.
        every: seconds between two blows, on average.
    """

    blows: Sequence[Blow]
    longest: float
    every: float


@dataclass(frozen=True, slots=True, order=True)
class Strike:
    """One blow: seconds from the storm's begin, and how many seconds its victim is gone or stopped."""

    at: float
    name: str
    blow: Blow
    seconds: float


def schedule(seed: int, targets: Mapping[str, Target], seconds: float) -> list[Strike]:
    """All strikes of a storm in order of time. No process is struck again before it was back for a second.

    Args:
        seed: the same seed gives the same strikes.
        targets: the processes by name.
        seconds: no victim is still gone or stopped after so long.
    """
    strikes: list[Strike] = []
    for name, target in targets.items():
        dice = random.Random(f"{seed}/{name}")
        at = dice.uniform(0.2, 1.0) * target.every
        while True:
            gone = round(dice.uniform(0.1, 1.0) * target.longest, 2)
            if at + gone > seconds:
                break
            strikes.append(Strike(round(at, 2), name, dice.choice(target.blows), gone))
            at += gone + 1.0 + dice.expovariate(1 / target.every)
    return sorted(strikes)


def told(strike: Strike) -> str:
    """One line of the timeline."""
    verb = "continued" if strike.blow is Blow.PAUSE else "started again"
    return f"{strike.name:<10} {strike.blow:<16} {verb} after {strike.seconds:.1f} s"
