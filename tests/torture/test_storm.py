"""A short storm over real processes; `make torture` runs long ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from torture.__main__ import RATES, STORES
from torture.house import Shape
from torture.report import report
from torture.storm import Storm

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_short_storm_loses_nothing_and_doubles_nothing(database: str, tmp_path: Path) -> None:
    """Fifteen seconds, in which every process is struck about twice."""
    storm = Storm(Shape(database, STORES[database], seed=5, rates=RATES, pace=0.3), jobs=30, seconds=15)
    outcome = storm.run(tmp_path / "house")
    told = "\n".join([*outcome.timeline, report(storm, outcome, tmp_path / "house" / "logs")])
    assert not outcome.findings, told
    assert len(outcome.strikes) > 5, told
    assert outcome.facts.notes.accepted.keys() == outcome.facts.finals.keys(), told
