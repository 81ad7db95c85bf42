"""Short chaos tests of real processes; `make chaos` runs long ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from chaos.__main__ import RATES, STORES
from chaos.harness import SHORTEST_TIMES, Setup
from chaos.report import report
from chaos.run import ChaosRun
from chaos.schedule import FaultKind, ProcessFault
from contract.s3_servers import skip_without_programs

if TYPE_CHECKING:
    from pathlib import Path

FAULTS = (
    ProcessFault(1.0, "proxy", FaultKind.KILL, 0.4),
    ProcessFault(1.5, "worker-1", FaultKind.KILL, 0.3),
    ProcessFault(2.0, "lifecycle", FaultKind.ABORT_UPLOADS, 0.0),
    ProcessFault(2.5, "api-1", FaultKind.KILL, 0.3),
    ProcessFault(3.0, "worker-2", FaultKind.PAUSE, 2.5),  # longer than its heartbeat is valid: its jobs are taken over
    ProcessFault(4.5, "database", FaultKind.KILL, 0.5),
    ProcessFault(6.0, "api-2", FaultKind.PAUSE, 1.0),
    ProcessFault(6.5, "worker-1", FaultKind.KILL, 0.2),
    ProcessFault(7.2, "database", FaultKind.PAUSE, 1.0),
    ProcessFault(7.5, "worker-2", FaultKind.END, 0.1),
)


@pytest.mark.timeout(300)
def test_nine_seconds_of_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """One fault of each kind, on the database and the store that scale out."""
    rates = replace(RATES, stall_seconds=1.0)
    setup = Setup("postgresql", "s3", seed=277, rates=rates, workers=2, times=SHORTEST_TIMES)
    _holds(ChaosRun(setup, jobs=16, seconds=8.0, faults=FAULTS), tmp_path / "harness")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("database", "store"), [*STORES.items(), ("postgresql", "rclone"), ("postgresql", "ceph"), ("sqlite", "ceph")]
)
def test_a_short_run_loses_nothing_and_doubles_nothing(database: str, store: str, tmp_path: Path) -> None:
    """Fifteen seconds, in which every process is hit about twice."""
    skip_without_programs(store)
    setup = Setup(database, store, seed=5, rates=RATES, pace=0.3)
    _holds(ChaosRun(setup, jobs=30, seconds=15), tmp_path / "harness")


def _holds(run: ChaosRun, folder: Path) -> None:
    outcome = run.run(folder)
    text = "\n".join([*outcome.timeline, report(run, outcome, folder / "logs")])
    print(text)
    assert not outcome.violations, text
    assert len(outcome.faults) > 5, text
    assert outcome.facts.notes.accepted.keys() == outcome.facts.finals.keys(), text
    assert Counter(final.status for final in outcome.facts.finals.values())["COMPLETED"] > run.jobs / 2, text
