"""One chaos test from start to end: a harness, its clients, the faults, and what is found afterwards."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, text

from chaos.checks import Facts, Final, Stored, Violation, violations
from chaos.clients import Clients, Notes, creation
from chaos.expected import ExpectedPackages, object_key, upload_sources
from chaos.harness import Harness, Setup, started
from chaos.plan import JobPlan, Source, plan
from chaos.schedule import ProcessFault, described, schedule
from chaos.stores import PACKAGES
from edgewright.database.connections import open_database
from edgewright.errors import EdgewrightError
from edgewright.packaging import verify
from edgewright.worker.engine import engine_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

STUCK_SECONDS = 90.0
"""A job is stuck when none has ended for so long after the last fault."""
CLEANUP_SECONDS = 60.0
"""How long the workers' cleanup may take."""
PENDING_CLEANUP = (
    "SELECT count(*) FROM uploads",
    "SELECT count(*) FROM packaging_jobs WHERE status IN ('FAILED', 'STOPPED') AND written_uri IS NOT NULL",
)
RUNS_JOBS = ("worker", "serve", "database")
"""Processes whose end interrupts an attempt at a job."""
LAST_JOB = JobPlan("last-job", "9.9", Source.SMALL, 0.0)
"""A job that is created at the end: the service works, and its writes remove what killed processes have left."""


@dataclass
class Outcome:
    """What came of a chaos test.

    Attributes:
        faults: the schedule.
        timeline: what happened, each line with its seconds since the start.
        facts: what was found at the end.
        violations: what does not hold; a good run has none.
        unexpected_exits: processes that ended by themselves, or not as asked.
        seconds: the test itself, and what the jobs took afterwards.
        attempts: how often each job was begun.
    """

    faults: Sequence[ProcessFault]
    facts: Facts
    violations: list[Violation]
    unexpected_exits: list[str]
    seconds: tuple[float, float]
    timeline: list[str] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ChaosRun:
    """So many jobs over so many seconds, on a harness of this setup.

    Attributes:
        setup: what the harness starts.
        jobs: how many are created.
        seconds: for how long.
        faults: the schedule; None derives it from the seed.
    """

    setup: Setup
    jobs: int
    seconds: float
    faults: Sequence[ProcessFault] | None = None

    def run(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> Outcome:
        """Run it, in a folder that does not exist yet.

        Args:
            folder: databases, objects and logs; it is left as it is.
            say: called with each line of the timeline as it happens.
        """
        notes, timeline = Notes(), _Timeline(say)
        with started(self.setup, folder, timeline.add) as harness:
            faults = self.faults or schedule(self.setup.seed, harness.targets, self.seconds)
            fault_times = [fault.at for fault in faults if fault.process.startswith(RUNS_JOBS)]
            plans = plan(self.setup.seed, self.jobs, self.seconds, fault_times)
            upload_sources(harness, sorted({each.source for each in [*plans, LAST_JOB]}))
            harness.await_servers()
            timeline.begin = notes.begun = time.monotonic()
            clients = Clients(harness, plans, notes)
            clients.start()
            try:
                _inject(harness, faults, timeline)
                clients.await_requests()
                ended = notes.now()
                timeline.add("no more faults are injected")
                _await_ends(clients, timeline)
            finally:
                clients.finish()
            after = notes.now()
            return _judged(harness, plans, notes, timeline, Outcome(faults, _NOTHING, [], [], (ended, after - ended)))


_NOTHING = Facts(Notes(), {}, {}, {})


class _Timeline:
    def __init__(self, say: Callable[[str], None]) -> None:
        self.begin = time.monotonic()
        self.lines: list[str] = []
        self._say = say

    def add(self, line: str) -> None:
        self.lines.append(f"{time.monotonic() - self.begin:7.2f} s  {line}")
        self._say(self.lines[-1])


def _inject(harness: Harness, faults: Sequence[ProcessFault], timeline: _Timeline) -> None:
    """Inject the faults, and add each to the timeline when it happens."""
    begun = time.monotonic()

    def narrate() -> None:
        for fault in faults:
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            timeline.add(described(fault))

    narrator = threading.Thread(target=narrate, name="timeline")
    narrator.start()
    harness.supervisor.inject(faults)
    narrator.join()


def _await_ends(clients: Clients, timeline: _Timeline) -> None:
    """Wait until every accepted job was seen in an end; give up when nothing happens any more."""
    left, since = clients.unfinished(), time.monotonic()
    while left and time.monotonic() < since + STUCK_SECONDS:
        time.sleep(0.2)
        now = clients.unfinished()
        if len(now) != len(left):
            left, since = now, time.monotonic()
    timeline.add(f"{len(left)} jobs are stuck: {', '.join(left)}" if left else "every job has ended")


def _judged(harness: Harness, plans: Sequence[JobPlan], notes: Notes, timeline: _Timeline, outcome: Outcome) -> Outcome:
    harness.await_servers()
    _run_last_job(harness, notes)
    _await_cleanup(harness)
    client, greengrass = harness.client(harness.urls[0]), harness.client(harness.urls[0], "greengrassv2")
    finals, components = _finals(client), _components(greengrass)
    harness.supervisor.stop()
    codes = harness.supervisor.end([*harness.workers, *harness.servers])
    exits = [f"{name} was asked to end, and gave exit code {code}" for name, code in codes.items() if code != 0]
    timeline.add(f"{len(codes)} processes were asked to end: exit codes {sorted(codes.values(), key=str)}")
    facts = Facts(
        notes=notes,
        finals=finals,
        expected=_expected([*plans, LAST_JOB], finals, ExpectedPackages(harness.signer)),
        objects={key: _stored(harness, key) for key in harness.objects.keys(PACKAGES)},
        unfinished=harness.objects.unfinished(),
        components=components,
        orphans=_orphans(harness),
        store_fails=harness.setup.store != "directory",
        plans={each.name: each for each in [*plans, LAST_JOB]},
    )
    outcome.facts, outcome.violations = facts, violations(facts)
    outcome.attempts = _attempts(harness)
    outcome.unexpected_exits, outcome.timeline = harness.supervisor.unexpected_exits + exits, timeline.lines
    return outcome


def _run_last_job(harness: Harness, notes: Notes) -> None:
    client = harness.client(harness.urls[-1])
    client.create_edge_packaging_job(**creation(LAST_JOB, LAST_JOB.version))
    notes.accepted[LAST_JOB.name] = notes.now()
    until = time.monotonic() + STUCK_SECONDS
    while time.monotonic() < until:
        status = client.describe_edge_packaging_job(EdgePackagingJobName=LAST_JOB.name)["EdgePackagingJobStatus"]
        if status not in {"STARTING", "INPROGRESS"}:
            return
        time.sleep(0.1)


def _await_cleanup(harness: Harness) -> None:
    """Wait until the workers have cleaned up: then nothing may be left."""
    time.sleep(harness.setup.rates.stall_seconds)  # a request of a killed process may be under way for so long
    until = time.monotonic() + CLEANUP_SECONDS
    database = open_database(harness.settings.sqlalchemy_url)
    try:
        while time.monotonic() < until and (harness.objects.unfinished() or _cleanup_is_pending(database)):
            time.sleep(0.2)
    finally:
        database.dispose()


def _cleanup_is_pending(database: Engine) -> bool:
    """Whether the program still has an upload to abort, or an object to look for that may have appeared too late."""
    with database.connect() as connection:
        return any(connection.execute(text(query)).scalar_one() for query in PENDING_CLEANUP)


def _finals(client: Any) -> dict[str, Final]:
    finals = {}
    for page in client.get_paginator("list_edge_packaging_jobs").paginate():
        for listed in page["EdgePackagingJobSummaries"]:
            job = client.describe_edge_packaging_job(EdgePackagingJobName=listed["EdgePackagingJobName"])
            preset = job.get("PresetDeploymentOutput", {})
            finals[job["EdgePackagingJobName"]] = Final(
                status=job["EdgePackagingJobStatus"],
                message=job["EdgePackagingJobStatusMessage"],
                version=job["ModelVersion"],
                artifact=job.get("ModelArtifact"),
                component=preset.get("Artifact"),
                component_status=preset.get("Status"),
            )
    return finals


def _components(greengrass: Any) -> set[str]:
    """Every component version's ARN."""
    found = set()
    for page in greengrass.get_paginator("list_components").paginate(scope="PRIVATE"):
        for component in page["components"]:
            for versions in greengrass.get_paginator("list_component_versions").paginate(arn=component["arn"]):
                found |= {version["arn"] for version in versions["componentVersions"]}
    return found


def _expected(
    plans: Sequence[JobPlan], finals: dict[str, Final], packages: ExpectedPackages
) -> dict[str, tuple[str, str]]:
    """The one object of each job. Only that of a COMPLETED job is packaged again."""
    found = {}
    for each in plans:
        final = finals.get(each.name)
        if final is None:
            continue
        good = final.status == "COMPLETED" and each.source not in {Source.MISSING, Source.TORN}
        digest = packages.sha256(each.source, final.version) if good else "none"
        found[each.name] = (object_key(each.source, final.version), digest)
    return found


def _stored(harness: Harness, key: str) -> Stored:
    content = harness.objects.get(PACKAGES, key) or b""
    try:
        verify([content], [harness.signer.public_key], model_name="chaos")
    except EdgewrightError as error:
        return Stored(hashlib.sha256(content).hexdigest(), error.message)
    return Stored(hashlib.sha256(content).hexdigest())


def _attempts(harness: Harness) -> list[int]:
    database = open_database(harness.settings.sqlalchemy_url)
    with database.connect() as connection:
        found = [int(row[0]) for row in connection.execute(text("SELECT attempt FROM packaging_jobs"))]
    database.dispose()
    return found


def _orphans(harness: Harness) -> list[str]:
    """What the engine and the registry hold when every process has ended normally."""
    url = harness.settings.sqlalchemy_url
    jobs, engine = open_database(url), _opened(engine_url(url))
    schema = "dbos." if harness.setup.database == "postgresql" else ""
    asked = {
        "jobs that were not handed to the engine": (jobs, "SELECT name FROM packaging_jobs WHERE NOT handed"),
        "workers that are still registered": (jobs, "SELECT id FROM workers"),
        "work that the engine has not done": (
            engine,
            f"SELECT workflow_uuid, status FROM {schema}workflow_status WHERE status IN ('PENDING', 'ENQUEUED')",
        ),
    }
    found = []
    for what, (database, query) in asked.items():
        with database.connect() as connection:
            found += [f"{what}: {', '.join(map(str, row))}" for row in connection.execute(text(query))]
    for database in (jobs, engine):
        database.dispose()
    return found


def _opened(url: str) -> Engine:
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
