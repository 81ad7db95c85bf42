"""Short storms over real processes; `make torture` runs long ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from torture.__main__ import RATES, STORES
from torture.house import BRIEF, Shape
from torture.report import report
from torture.schedule import Blow, Strike
from torture.storm import Storm

if TYPE_CHECKING:
    from pathlib import Path

BLOWS = (
    Strike(1.0, "proxy", Blow.KILL, 0.4),
    Strike(1.5, "worker-1", Blow.KILL, 0.3),
    Strike(2.5, "api-1", Blow.KILL, 0.3),
    Strike(3.0, "worker-2", Blow.PAUSE, 2.5),  # for longer than its heartbeat lasts: it is taken for dead, and wakes
    Strike(4.5, "database", Blow.KILL, 0.5),
    Strike(6.0, "api-2", Blow.PAUSE, 1.0),
    Strike(6.5, "worker-1", Blow.KILL, 0.2),
    Strike(7.2, "database", Blow.PAUSE, 1.0),
    Strike(7.5, "worker-2", Blow.END, 0.1),
)


@pytest.mark.timeout(300)
def test_nine_seconds_of_storm_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """One of each blow, on the database and the store that scale out."""
    rates = replace(RATES, stall_seconds=1.0)
    shape = Shape("postgresql", "s3", seed=277, rates=rates, workers=2, times=BRIEF)
    _holds(Storm(shape, jobs=16, seconds=8.0, strikes=BLOWS), tmp_path / "house")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_short_storm_loses_nothing_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    """Fifteen seconds, in which every process is struck about twice."""
    shape = Shape(database, STORES[database], seed=5, rates=RATES, pace=0.3)
    _holds(Storm(shape, jobs=30, seconds=15), tmp_path / "house")


def _holds(storm: Storm, folder: Path) -> None:
    outcome = storm.run(folder)
    told = "\n".join([*outcome.timeline, report(storm, outcome, folder / "logs")])
    print(told)  # noqa: T201 - pytest shows it where it is asked to
    assert not outcome.findings, told
    assert len(outcome.strikes) > 5, told
    assert outcome.facts.notes.accepted.keys() == outcome.facts.finals.keys(), told
    assert Counter(final.status for final in outcome.facts.finals.values())["COMPLETED"] > storm.jobs / 2, told
