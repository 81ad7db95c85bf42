"""One storm from begin to end: a house, its clients, the strikes, and the facts that are left."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, text

from edgewright.database.connections import open_database
from edgewright.errors import EdgewrightError
from edgewright.packaging import verify
from edgewright.worker.engine import engine_url
from torture.checks import Facts, Final, Finding, Stored, findings
from torture.clients import Clients, Notes, creation
from torture.house import House, Shape, built
from torture.oracle import Oracle, furnish, object_key
from torture.plan import JobPlan, Source, plan
from torture.schedule import Strike, schedule, told
from torture.shelves import PACKAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

STILL_SECONDS = 90.0
"""So long may nothing happen after the storm before jobs are said to stand still."""
SETTLE_SECONDS = 60.0
"""What the workers may take to tidy up."""
UNTIDY = (
    "SELECT count(*) FROM uploads",
    "SELECT count(*) FROM packaging_jobs WHERE status IN ('FAILED', 'STOPPED') AND written_uri IS NOT NULL",
)
RUNS_JOBS = ("worker", "serve", "database")
"""Whose end ends an attempt at a job."""
CALM = JobPlan("calm-after-the-storm", "9.9", Source.SMALL, 0.0)
"""A job that is created when everything is over: the service works, and its writes sweep what the dead have left."""


@dataclass
class Outcome:
    """What came of a storm.

    Attributes:
        strikes: the schedule.
        timeline: what happened, each line with its seconds since the begin.
        facts: what was found at the end.
        findings: what does not hold; none is wanted.
        unasked: processes that ended by themselves, or not as asked.
        seconds: the storm itself, and what the jobs took afterwards.
        attempts: how often each job was begun.
    """

    strikes: Sequence[Strike]
    facts: Facts
    findings: list[Finding]
    unasked: list[str]
    seconds: tuple[float, float]
    timeline: list[str] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Storm:
    """What is to be done: so many jobs over so many seconds, on a house of this shape.

    Attributes:
        shape: the house.
        jobs: how many are created.
        seconds: for how long.
        strikes: what befalls the house; None leaves it to the seed.
    """

    shape: Shape
    jobs: int
    seconds: float
    strikes: Sequence[Strike] | None = None

    def run(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> Outcome:
        """Do it, in a folder that does not exist yet.

        Args:
            folder: databases, objects and logs; it is left as it is.
            say: told of everything as it happens.
        """
        notes, timeline = Notes(), _Timeline(say)
        with built(self.shape, folder, timeline.add) as house:
            strikes = self.strikes or schedule(self.shape.seed, house.targets, self.seconds)
            blows = [strike.at for strike in strikes if strike.name.startswith(RUNS_JOBS)]
            plans = plan(self.shape.seed, self.jobs, self.seconds, blows)
            furnish(house, sorted({each.source for each in [*plans, CALM]}))
            house.await_servers()
            timeline.begin = notes.begun = time.monotonic()
            clients = Clients(house, plans, notes)
            clients.start()
            try:
                _carry_out(house, strikes, timeline)
                clients.await_requests()
                calm = notes.now()
                timeline.add("the storm is over")
                _await_ends(clients, timeline)
            finally:
                clients.finish()
            after = notes.now()
            return _judged(house, plans, notes, timeline, Outcome(strikes, _NOTHING, [], [], (calm, after - calm)))


_NOTHING = Facts(Notes(), {}, {}, {})


class _Timeline:
    def __init__(self, say: Callable[[str], None]) -> None:
        self.begin = time.monotonic()
        self.lines: list[str] = []
        self._say = say

    def add(self, line: str) -> None:
        self.lines.append(f"{time.monotonic() - self.begin:7.2f} s  {line}")
        self._say(self.lines[-1])


def _carry_out(house: House, strikes: Sequence[Strike], timeline: _Timeline) -> None:
    """Strike by strike, each told when it falls."""
    begun = time.monotonic()

    def tell() -> None:
        for strike in strikes:
            time.sleep(max(0.0, begun + strike.at - time.monotonic()))
            timeline.add(told(strike))

    teller = threading.Thread(target=tell, name="teller")
    teller.start()
    house.keeper.storm(strikes)
    teller.join()


def _await_ends(clients: Clients, timeline: _Timeline) -> None:
    """Wait until every accepted job was seen in an end; give up when nothing happens any more."""
    left, since = clients.unfinished(), time.monotonic()
    while left and time.monotonic() < since + STILL_SECONDS:
        time.sleep(0.2)
        now = clients.unfinished()
        if len(now) != len(left):
            left, since = now, time.monotonic()
    timeline.add(f"{len(left)} jobs stand still: {', '.join(left)}" if left else "every job has ended")


def _judged(house: House, plans: Sequence[JobPlan], notes: Notes, timeline: _Timeline, outcome: Outcome) -> Outcome:
    house.await_servers()
    _calm_job(house, notes)
    _settle(house)
    client, greengrass = house.client(house.urls[0]), house.client(house.urls[0], "greengrassv2")
    finals, components = _finals(client), _components(greengrass)
    house.keeper.stop()
    codes = house.keeper.end([*house.workers, *house.servers])
    unasked = [f"{name} was asked to end, and gave exit code {code}" for name, code in codes.items() if code != 0]
    timeline.add(f"{len(codes)} processes were asked to end: exit codes {sorted(codes.values(), key=str)}")
    facts = Facts(
        notes=notes,
        finals=finals,
        expected=_expected([*plans, CALM], finals, Oracle(house.signer)),
        objects={key: _stored(house, key) for key in house.shelf.keys(PACKAGES)},
        unfinished=house.shelf.unfinished(),
        components=components,
        leftovers=_leftovers(house),
        store_fails=house.shape.store == "s3",
        plans={each.name: each for each in [*plans, CALM]},
    )
    outcome.facts, outcome.findings = facts, findings(facts)
    outcome.attempts = _attempts(house)
    outcome.unasked, outcome.timeline = house.keeper.unasked + unasked, timeline.lines
    return outcome


def _calm_job(house: House, notes: Notes) -> None:
    client = house.client(house.urls[-1])
    client.create_edge_packaging_job(**creation(CALM, CALM.version))
    notes.accepted[CALM.name] = notes.now()
    until = time.monotonic() + STILL_SECONDS
    while time.monotonic() < until:
        status = client.describe_edge_packaging_job(EdgePackagingJobName=CALM.name)["EdgePackagingJobStatus"]
        if status not in {"STARTING", "INPROGRESS"}:
            return
        time.sleep(0.1)


def _settle(house: House) -> None:
    """Wait until the workers have nothing more to tidy up: then nothing may be left."""
    time.sleep(house.shape.rates.stall_seconds)  # a request of the dead may be under way for so long
    until = time.monotonic() + SETTLE_SECONDS
    database = open_database(house.settings.sqlalchemy_url)
    try:
        while time.monotonic() < until and (house.shelf.unfinished() or _is_untidy(database)):
            time.sleep(0.2)
    finally:
        database.dispose()


def _is_untidy(database: Engine) -> bool:
    """Whether the program still means to look after an upload, or for an object that may have come up too late."""
    with database.connect() as connection:
        return any(connection.execute(text(query)).scalar_one() for query in UNTIDY)


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


def _expected(plans: Sequence[JobPlan], finals: dict[str, Final], oracle: Oracle) -> dict[str, tuple[str, str]]:
    """The one object of each job. Only that of a COMPLETED job is packaged again."""
    found = {}
    for each in plans:
        final = finals.get(each.name)
        if final is None:
            continue
        good = final.status == "COMPLETED" and each.source not in {Source.MISSING, Source.TORN}
        digest = oracle.sha256(each.source, final.version) if good else "none"
        found[each.name] = (object_key(each.source, final.version), digest)
    return found


def _stored(house: House, key: str) -> Stored:
    content = house.shelf.get(PACKAGES, key) or b""
    try:
        verify([content], [house.signer.public_key], model_name="torture")
    except EdgewrightError as error:
        return Stored(hashlib.sha256(content).hexdigest(), error.message)
    return Stored(hashlib.sha256(content).hexdigest())


def _attempts(house: House) -> list[int]:
    database = open_database(house.settings.sqlalchemy_url)
    with database.connect() as connection:
        found = [int(row[0]) for row in connection.execute(text("SELECT attempt FROM packaging_jobs"))]
    database.dispose()
    return found


def _leftovers(house: House) -> list[str]:
    """What the engine and the registry hold when every process has ended in peace."""
    url = house.settings.sqlalchemy_url
    jobs, engine = open_database(url), _opened(engine_url(url))
    schema = "dbos." if house.shape.database == "postgresql" else ""
    asked = {
        "jobs that were not handed to the engine": (jobs, "SELECT name FROM packaging_jobs WHERE NOT handed"),
        "workers that nobody forgot": (jobs, "SELECT id FROM workers"),
        "work that the engine has not done": (
            engine,
            f"SELECT workflow_uuid, status FROM {schema}workflow_status WHERE status IN ('PENDING', 'ENQUEUED')",  # noqa: S608 - our own words
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
