"""A chaos test's report, for people. Pure but for reading logs."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from chaos.plan import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from chaos.run import ChaosRun, Outcome

MOST_LINES = 12


def report(run: ChaosRun, outcome: Outcome, logs: Path) -> str:
    """The whole report, without its timeline."""
    return "\n".join([*_lines(run, outcome, logs), verdict(outcome)])


def verdict(outcome: Outcome) -> str:
    """The last lines: what does not hold, or that everything does."""
    counts = Counter(violation.kind.value for violation in outcome.violations)
    summed = ", ".join(f"{counts[fault]} {fault}" for fault in ("lost", "doubled", "stuck", "wrong", "backwards"))
    lines = [f"  {violation.kind:<12} {violation.what}" for violation in outcome.violations]
    return "\n".join(
        [*lines, f"{summed}, {counts['left behind']} left behind: {'FAILED' if lines else 'everything holds'}"]
    )


def _lines(run: ChaosRun, outcome: Outcome, logs: Path) -> Iterator[str]:
    setup, notes = run.setup, outcome.facts.notes
    yield f"seed {setup.seed}: {run.jobs} jobs, {setup.database}, objects in {setup.store}"
    yield f"  faults for {outcome.seconds[0]:.1f} s, then {outcome.seconds[1]:.1f} s until every job had ended"
    faults = Counter(f"{fault.process} {fault.kind}" for fault in outcome.faults)
    yield f"  {len(outcome.faults)} faults: {_counted(faults)}"
    ends = Counter(final.status for final in outcome.facts.finals.values())
    yield f"  jobs: {_counted(ends)}; {len(notes.stops_taken)} Stops taken, {len(notes.stops_refused)} refused"
    again = Counter(attempts for attempts in outcome.attempts if attempts > 1)
    yield f"  jobs that took more than one attempt: {sum(again.values())}; " + (
        ", ".join(f"{times} took {attempts}" for attempts, times in sorted(again.items())) or "none"
    )
    reasons = Counter(final.message[:90] for final in outcome.facts.finals.values() if final.status == "FAILED")
    yield f"  failures: {_counted(reasons) or 'none'}"
    bad = [plan for plan in outcome.facts.plans.values() if plan.source in {Source.MISSING, Source.TORN}]
    yield f"  {len(bad)} jobs were made of sources that cannot be packaged"
    observed = sum(map(len, notes.observations.values()))
    yield f"  {observed} observations of jobs, {notes.verified} objects verified meanwhile"
    yield f"  errors that clients saw behind their SDK's retries: {_counted(notes.errors) or 'none'}"
    yield f"  requests through the proxy: {_counted(proxied(logs)) or 'none'}"
    for what, times in _counts(outcome.unexpected_exits):
        yield f"  {times} times: {what}"
    for what, times in Counter(logged(logs)).most_common(MOST_LINES):
        yield f"  logged {times} times: {what}"


def _counts(lines: Iterable[str]) -> list[tuple[str, int]]:
    return Counter(lines).most_common()


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{times} {what}" for what, times in sorted(counts.items(), key=lambda item: -item[1]))


def proxied(logs: Path) -> dict[str, int]:
    """How many requests through the proxy met which fault."""
    path = logs / "proxy.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return Counter(line.partition(" ")[0] for line in lines if not line.startswith("listening"))


def logged(logs: Path) -> Iterator[str]:
    """Warnings and errors that the program logged, and every line that is no log line at all."""
    for path in sorted(logs.glob("*.log")):
        if path.name == "proxy.log":
            continue
        for line in path.read_text(errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                if not line.startswith("edgewright is ready"):
                    yield f"{path.stem.partition('-')[0]}: {line[:150]}"
                continue
            if entry.get("level") not in {"info", "debug"}:
                event = str(entry.get("event")).partition("\n")[0]
                yield f"{path.stem.partition('-')[0]}: {entry.get('level')}: {event[:120]}"
