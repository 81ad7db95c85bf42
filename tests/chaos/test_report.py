"""The report says what happened, and its last line whether everything holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chaos.checks import Breach, Facts, Final, Violation
from chaos.clients import Notes
from chaos.harness import Setup
from chaos.plan import JobPlan, Source
from chaos.report import logged, proxied, report, verdict
from chaos.run import ChaosRun, Outcome
from chaos.schedule import FaultKind, ProcessFault
from faulty_proxy import Rates

if TYPE_CHECKING:
    from pathlib import Path

RUN = ChaosRun(Setup("postgresql", "s3", 7, Rates()), jobs=2, seconds=10)


def outcome(*violations: Violation) -> Outcome:
    finals = {"a": Final("COMPLETED", "", "1"), "b": Final("FAILED", "ClientError: gone", "2")}
    plans = {"a": JobPlan("a", "1", Source.TINY, 0), "b": JobPlan("b", "2", Source.MISSING, 0)}
    facts = Facts(Notes(), finals, {}, {}, plans=plans)
    faults = [ProcessFault(1.0, "api-1", FaultKind.KILL, 1.0), ProcessFault(5.0, "api-1", FaultKind.KILL, 1.0)]
    return Outcome(faults, facts, list(violations), ["worker-1 ended by itself"], (10.0, 1.0), attempts=[1, 3])


def test_a_good_report(tmp_path: Path) -> None:
    text = report(RUN, outcome(), tmp_path)
    assert text.startswith("seed 7: 2 jobs, postgresql, objects in s3\n")
    for line in (
        "  2 faults: 2 api-1 SIGKILL",
        "  jobs: 1 COMPLETED, 1 FAILED; 0 Stops taken, 0 refused",
        "  jobs that took more than one attempt: 1; 1 took 3",
        "  failures: 1 ClientError: gone",
        "  1 jobs were made of sources that cannot be packaged",
        "  1 times: worker-1 ended by itself",
    ):
        assert line in text.splitlines()
    assert text.endswith("\n0 lost, 0 doubled, 0 stuck, 0 wrong, 0 backwards, 0 left behind: everything holds")


def test_findings_come_last() -> None:
    text = verdict(outcome(Violation(Breach.LOST, "a is gone"), Violation(Breach.LEFT, "an upload")))
    assert text.splitlines() == [
        "  lost         a is gone",
        "  left behind  an upload",
        "1 lost, 0 doubled, 0 stuck, 0 wrong, 0 backwards, 1 left behind: FAILED",
    ]


def test_what_was_logged_and_what_passed_the_proxy(tmp_path: Path) -> None:
    (tmp_path / "proxy.log").write_text("listening on http://127.0.0.1:1\npassed GET /a\npassed GET /b\nlost PUT /a\n")
    lines = [{"level": "info", "event": "fine"}, {"level": "warning", "event": "broke\noff"}]
    (tmp_path / "api-1.log").write_text("\n".join([*map(json.dumps, lines), "edgewright is ready at x", "a trace"]))
    assert proxied(tmp_path) == {"passed": 2, "lost": 1}
    assert list(logged(tmp_path)) == ["api: warning: broke", "api: a trace"]
    assert proxied(tmp_path / "nowhere") == {}
