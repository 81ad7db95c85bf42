"""Following jobs from any host: their progress as the service reports it, their rate as measured here."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgewright.cli import output
from edgewright.errors import ServiceRefused

if TYPE_CHECKING:
    from rich.table import Table

    from edgewright.cli.connection import Connection

COMPLETED = "COMPLETED"
ENDED = frozenset({COMPLETED, "FAILED", "STOPPED"})
POLL_SECONDS = 0.5
WINDOW_SECONDS = 10.0
"""What a rate is measured over."""
PLAIN_SECONDS = 5.0
"""How often a line shows progress where there is no live table."""
PAGE = 100
NOT_FOUND = 404
MIB = 1024 * 1024
NOTHING = "No job is unfinished."
WIDTH = 20
"""Characters of a bar."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands.

    Attributes:
        done: bytes of the source that were read; None where the service does not tell.
        total: bytes of the source; None where it is not known yet.
    """

    name: str
    status: str
    message: str
    done: int | None = None
    total: int | None = None

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1."""
        if self.status == COMPLETED:
            return 1.0
        return None if self.done is None or not self.total else min(1.0, self.done / self.total)


@dataclass(slots=True)
class Pace:
    """How fast a job goes, by what was seen of it lately. Times in seconds of a monotonic clock."""

    seen: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, job: Job) -> None:
        """Take note of how far the job is; a job that began anew begins anew here."""
        if job.done is None:
            return
        if self.seen and job.done < self.seen[-1][1]:
            self.seen.clear()
        self.seen.append((now, job.done))
        while self.seen[0][0] < now - WINDOW_SECONDS:
            self.seen.popleft()

    def rate(self) -> float | None:
        """Bytes a second; None before there is enough to say."""
        (first, begun), (last, done) = (self.seen[0], self.seen[-1]) if self.seen else ((0.0, 0), (0.0, 0))
        return (done - begun) / (last - first) if last - first > POLL_SECONDS / 2 and done > begun else None

    def left(self, job: Job) -> float | None:
        """Seconds until the source is read, if it goes on so."""
        rate = self.rate()
        return None if rate is None or job.total is None or job.done is None else (job.total - job.done) / rate


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: jobs by name, or all that have not ended when there is no name."""

    connection: Connection
    client: Any
    names: tuple[str, ...]

    def look(self, seen: Sequence[str]) -> list[Job]:
        """The named jobs; else those that have not ended, and what became of those seen before."""
        if self.names:
            return self._asked(self.names)
        running = self._asked(())
        missing = [name for name in seen if name not in {job.name for job in running}]
        return [*(self._asked(missing) if missing else []), *running]

    def _asked(self, names: Sequence[str]) -> list[Job]:
        found: list[Job] = []
        for start in range(0, max(1, len(names)), PAGE):
            part = names[start : start + PAGE]
            status, body = self.connection.get(self.client, "/progress", [("name", name) for name in part])
            if status == NOT_FOUND:  # an older service
                return [self._described(name) for name in names] if names else self._listed()
            document = json.loads(body)
            if "jobs" not in document:
                raise ServiceRefused(f"{document.get('__type', status)}: {document.get('message', '')}")
            found += [_job(each) for each in document["jobs"]]
        return found

    def _described(self, name: str) -> Job:
        job = self.client.describe_edge_packaging_job(EdgePackagingJobName=name)
        return Job(name, job["EdgePackagingJobStatus"], job["EdgePackagingJobStatusMessage"])

    def _listed(self) -> list[Job]:
        summaries = [
            summary
            for status in ("INPROGRESS", "STOPPING", "STARTING")
            for summary in self.client.list_edge_packaging_jobs(StatusEquals=status)["EdgePackagingJobSummaries"]
        ]
        return [Job(each["EdgePackagingJobName"], each["EdgePackagingJobStatus"], "") for each in summaries]


def follow(watched: Watched, *, quiet: bool) -> list[Job]:
    """Follow jobs until all have ended; what became of them.

    Args:
        watched: which jobs.
        quiet: print nothing.
    """
    from rich.console import Console

    console = Console()
    if quiet:
        return deque(_looks(watched), maxlen=1).pop()
    if console.is_terminal and not console.is_dumb_terminal:
        return _live(console, watched)
    return _plainly(watched)


def _looks(watched: Watched) -> Iterator[list[Job]]:
    """The jobs, look by look, until all have ended."""
    jobs = watched.look(())
    yield jobs
    while any(job.status not in ENDED for job in jobs):
        time.sleep(POLL_SECONDS)
        jobs = watched.look([job.name for job in jobs])
        yield jobs


def _live(console: Any, watched: Watched) -> list[Job]:
    from rich.live import Live

    paces: dict[str, Pace] = {}
    jobs: list[Job] = []
    with Live(console=console, auto_refresh=False) as live:
        for jobs in _looks(watched):
            live.update(table(jobs, _noted(paces, jobs)), refresh=True)
    return jobs


def _plainly(watched: Watched) -> list[Job]:
    """A line for each change of a job's state, and one now and then while it goes on."""
    paces: dict[str, Pace] = {}
    shown: dict[str, tuple[str, str]] = {}
    spoke: dict[str, float] = {}
    jobs: list[Job] = []
    several = len(watched.names) != 1
    for jobs in _looks(watched):
        _noted(paces, jobs)
        for job in jobs:
            now, before = time.monotonic(), f"{job.name}  " if several else ""
            if shown.get(job.name) != (job.status, job.message):
                output.line(f"{before}{job.status:<10}  {output.printable(job.message)}")
                shown[job.name], spoke[job.name] = (job.status, job.message), now
            elif job.status == "INPROGRESS" and now - spoke[job.name] >= PLAIN_SECONDS:
                output.line(f"{before}{job.status:<10}  {'  '.join(filter(None, cells(job, paces[job.name])[2:]))}")
                spoke[job.name] = now
    if not jobs:
        output.line(NOTHING)
    return jobs


def _noted(paces: dict[str, Pace], jobs: Sequence[Job]) -> Mapping[str, Pace]:
    for job in jobs:
        paces.setdefault(job.name, Pace()).note(time.monotonic(), job)
    return paces


def table(jobs: Sequence[Job], paces: Mapping[str, Pace]) -> Table:
    """The jobs as a table, the message of those that have ended below."""
    from rich.table import Table
    from rich.text import Text

    shown = Table("JOB", "STATUS", "PROGRESS", "BYTES", "RATE", "LEFT", box=None, header_style="bold", pad_edge=False)
    for job in jobs:
        shown.add_row(*(Text(cell) for cell in cells(job, paces[job.name])))
    if not jobs:
        shown.caption = NOTHING
    return shown


def cells(job: Job, pace: Pace) -> tuple[str, ...]:
    """A job's row: name, status, bar, bytes, rate, time left. Pure; what is not known is empty."""
    running = job.status == "INPROGRESS"
    rate, left = (pace.rate(), pace.left(job)) if running else (None, None)
    return (
        job.name,
        job.status,
        "" if job.share is None else f"{bar(job.share)} {job.share:4.0%}",
        "" if job.done is None or not job.total else f"{job.done / MIB:.1f}/{job.total / MIB:.1f} MiB",
        "" if rate is None else f"{rate / MIB:.1f} MiB/s",
        "" if left is None else f"{int(left) // 60}:{int(left) % 60:02d}",
    )


def bar(share: float) -> str:
    """A bar of plain characters, so that every terminal and font shows it."""
    full = round(share * WIDTH)
    return "#" * full + "-" * (WIDTH - full)


def _job(reported: Mapping[str, Any]) -> Job:
    return Job(reported["name"], reported["status"], reported["message"], reported["bytesDone"], reported["bytesTotal"])
