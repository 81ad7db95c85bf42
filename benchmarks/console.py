"""The console's pages at 100 and at 100,000 jobs: milliseconds until a page is whole, and the ratio of the two.

    .venv/bin/python benchmarks/console.py [--jobs 100,100000] [--rounds 40]

Both servers run at the same time and are asked in turn, so that whatever else the machine does falls on both alike.
Traffic goes to 127.0.0.1 alone.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from api import ACCOUNT, BATCH, FIRST, REGION, STATUSES, edgewright, fill
from sqlalchemy import insert

from edgewright.database.clock import milliseconds
from edgewright.database.connections import open_database
from edgewright.events.tables import job_events
from edgewright.jobs import Kind, Status
from edgewright.jobs.tables import reports

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')
NEXT = re.compile(r'rel="next" href="([^"]+)"')
WARM_UP = 3
DEEP = 20
"""The page of the listing that represents all far pages."""
WANTED_MS, WANTED_RATIO = 100.0, 2.0
PAGES = {
    "start": "/",
    "jobs": "/console/jobs",
    "jobs, 100 rows": "/console/jobs?size=100",
    "jobs by name": "/console/jobs?sort=NAME&order=Ascending",
    "jobs by model": "/console/jobs?sort=MODEL_NAME",
    "jobs by status": "/console/jobs?sort=STATUS",
    "jobs by change": "/console/jobs?sort=LAST_MODIFIED_TIME",
    "jobs FAILED": "/console/jobs?status=FAILED",
    "jobs, name contains": "/console/jobs?q=7",
    "jobs, of one day": "/console/jobs?from=2026-01-01&to=2026-01-01",
    "one job": "/console/jobs/job-0000040",
    "new packaging job": "/console/new-job",
    "compilations": "/console/compilations",
    "workers": "/console/workers",
}


@dataclass
class Browser:
    """Somebody who is signed in, on one connection."""

    port: int
    keys: tuple[str, str]
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)
        form = {
            "token": self.token("/console/sign-in"),
            "access_key_id": self.keys[0],
            "secret_access_key": self.keys[1],
        }
        self.ask("POST", "/console/sign-in", urlencode(form))
        self.ask("POST", "/console/region", urlencode({"token": self.token("/"), "region": REGION}))

    def token(self, path: str) -> str:
        """The token of a page's form."""
        found = TOKEN.search(self.ask("GET", path))
        if found is None:
            raise RuntimeError(f"{path} has no form")
        return found[1]

    def ask(self, method: str, path: str, form: str | None = None, headers: dict[str, str] | None = None) -> str:
        """A page's text."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, form, {"cookie": cookie, **(headers or {})})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for each in answer.headers.get_all("set-cookie") or []:
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status not in {200, 303}:
            raise RuntimeError(f"{path}: {answer.status}\n{text[:2000]}")
        return text

    def milliseconds(self, path: str, headers: dict[str, str]) -> float:
        """How long a page takes."""
        begun = time.perf_counter()
        self.ask("GET", path, None, headers)
        return (time.perf_counter() - begun) * 1000

    def deep_page(self) -> str:
        """The address of a far page, reached by following links as people do."""
        path = "/console/jobs"
        for _ in range(DEEP - 1):
            found = NEXT.search(self.ask("GET", path))
            if found is None:
                return path
            path = found[1].replace("&amp;", "&")
        return path


def main() -> int:
    """Print the times; the exit code says whether they are as wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", default="100,100000", help="jobs in each of the databases")
    parser.add_argument("--rounds", type=int, default=40, help="how often each page is asked for")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.jobs.split(",")]
    with ExitStack() as stack:
        browsers = {size: stack.enter_context(_served(size)) for size in sizes}
        return _report({name: _times(browsers, *page, arguments.rounds) for name, page in _pages(browsers)}, sizes)


class _served:  # noqa: N801 - used as a statement
    """A server with so many jobs, and somebody who is signed in."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._stack = ExitStack()

    def __enter__(self) -> Browser:
        data = Path(self._stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        fill(data, self._size)
        _fill_more(data, self._size)
        port, keys = self._stack.enter_context(edgewright(data))
        return Browser(port, keys)

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def _pages(browsers: dict[int, Browser]) -> Iterator[tuple[str, tuple[dict[int, str], dict[str, str]]]]:
    for name, path in PAGES.items():
        yield name, (dict.fromkeys(browsers, path), {})
    deep = {size: browser.deep_page() for size, browser in browsers.items()}
    yield f"jobs, page {DEEP} or last", (deep, {})
    yield "jobs, rows alone", (dict.fromkeys(browsers, "/console/jobs"), {"x-fragment": "yes"})
    yield "one job, what moves", (dict.fromkeys(browsers, "/console/jobs/job-0000040"), {"x-fragment": "yes"})


def _times(
    browsers: dict[int, Browser], paths: dict[int, str], headers: dict[str, str], rounds: int
) -> dict[int, list[float]]:
    times: dict[int, list[float]] = {size: [] for size in browsers}
    for turn in range(WARM_UP + rounds):
        for size, browser in browsers.items():
            took = browser.milliseconds(paths[size], headers)
            if turn >= WARM_UP:
                times[size].append(took)
    return times


def _report(times: dict[str, dict[int, list[float]]], sizes: list[int]) -> int:
    print("milliseconds: median, and the slowest of all")
    print(f"{'':26}" + "".join(f"{f'{size:,} jobs':>22}" for size in sizes) + f"{'ratio':>8}")
    good = True
    for name, found in times.items():
        medians = [statistics.median(found[size]) for size in sizes]
        ratio = medians[-1] / medians[0]
        cells = "".join(f"{middle:13.1f}{max(found[size]):9.1f}" for middle, size in zip(medians, sizes, strict=True))
        wrong = max(medians) >= WANTED_MS or ratio > WANTED_RATIO
        good = good and not wrong
        print(f"{name:26}{cells}{ratio:8.2f}{'  not as wanted' if wrong else ''}")
    print(f"wanted: medians under {WANTED_MS:g} ms, ratio at most {WANTED_RATIO:g}: {'yes' if good else 'NO'}")
    return 0 if good else 1


def _fill_more(data: Path, count: int) -> None:
    """Events and reports, as workers write them."""
    engine = open_database(f"sqlite:///{data / 'edgewright.sqlite'}")
    report = json.dumps(
        {"size": 9, "count": 3, "unpacked": 30, "files": [[f"f{n}", 10, "0" * 64, False] for n in "abc"]}
    )
    for begin in range(0, count, BATCH):
        numbers = range(begin, min(begin + BATCH, count))
        with engine.begin() as connection:
            connection.execute(insert(job_events), [event for number in numbers for event in _events(number)])
            connection.execute(insert(reports), [_key(number) | {"report": report} for number in numbers])
    engine.dispose()


def _key(number: int) -> dict[str, Any]:
    return {"kind": Kind.PACKAGING, "account": ACCOUNT, "region": REGION, "name": f"job-{number:07}"}


def _events(number: int) -> Iterator[dict[str, Any]]:
    created = FIRST + timedelta(seconds=number)
    end = STATUSES[number % len(STATUSES)]
    for place, status in enumerate((Status.STARTING, Status.INPROGRESS, end)):
        yield _key(number) | {
            "seq": number * 3 + place + 1,
            "created_at": milliseconds(created),
            "status": status,
            "attempt": min(place, 1),
            "at": milliseconds(created) + place * 2000,
            "bytes_done": 0,
            "event_id": f"{number}-{place}",
            "detail": "{}",
        }


if __name__ == "__main__":
    sys.exit(main())
