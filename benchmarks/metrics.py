"""The cost of monitoring: a scrape at few and at many jobs on both databases, and the counting of one request.

    .venv/bin/python benchmarks/metrics.py [--sizes 100,1000000] [--rounds 15]

A scrape is the snapshot that `/metrics` reads from the database, and the page that is written from it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import timeit
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from contract.postgres import postgres_service
from edgewright.database.connections import migrate, open_database
from edgewright.logs import REQUEST_ID, configure
from edgewright.telemetry import snapshot
from edgewright.telemetry.metrics import page
from edgewright.telemetry.requests import RequestCounters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine


UNFINISHED = 10_000
"""As many as one account may have, where there are so many jobs."""
TIMES = 200_000
BATCH = 50_000


def main() -> None:
    """Run both, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000000", help="jobs in the database")
    parser.add_argument("--rounds", type=int, default=15, help="scrapes of each")
    arguments = parser.parse_args()
    counting()
    for size in map(int, arguments.sizes.split(",")):
        for name, engine in databases():
            fill(engine, size)
            scrapes(f"{name:<10} {size:>9} jobs", engine, arguments.rounds)


def databases() -> Iterator[tuple[str, Engine]]:
    """A new database of each kind."""
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/jobs.sqlite")
        migrate(engine)
        yield "SQLite", engine
        engine.dispose()
    with postgres_service() as service:
        engine = open_database(service.new_database())
        migrate(engine)
        yield "PostgreSQL", engine
        engine.dispose()


def fill(engine: Engine, size: int) -> None:
    """Jobs that have ended, and some that have not, each with little in it."""
    unfinished = min(size // 2, UNFINISHED)
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n"
        if engine.dialect.name == "sqlite"
        else "SELECT i FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n(i)"
    )
    columns = {
        "account": "'123456789012'",
        "region": "'eu-west-1'",
        "name": "'job-' || i",
        "status": f"CASE WHEN i <= {unfinished} THEN 'STARTING' WHEN i % 20 = 0 THEN 'FAILED' ELSE 'COMPLETED' END",
        "created_at": "1700000000000 + i",
        "modified_at": "1700000000 + i / 1000",
        "attempt": "1",
        "handed": "1 = 1",
        "bytes_done": "1000",
        **dict.fromkeys(("role_arn", "compilation_job_name", "model_name", "model_version"), "'x'"),
        **dict.fromkeys(("status_message", "source_uri", "output_config"), "'{}'"),
    }
    make = text(
        f"INSERT INTO packaging_jobs ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM ({numbers}) AS numbered"
    )
    for first in range(1, size + 1, BATCH):
        with engine.begin() as connection:
            connection.execute(make, {"first": first, "last": min(size, first + BATCH - 1)})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def scrapes(title: str, engine: Engine, rounds: int) -> None:
    """Print how long scrapes take, without the ten seconds for which one is kept."""
    requests = RequestCounters()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        body, _ = page(lambda: snapshot.take(engine, datetime.now(UTC)), requests, "", 15.0)
        times.append((time.perf_counter() - begun) * 1000)
    print(
        f"scrape, {title}: median {statistics.median(times):.1f} ms, "
        f"{min(times):.1f} to {max(times):.1f} ({rounds} scrapes, {len(body)} bytes)"
    )


def counting() -> None:
    """Print what every request pays for being counted, and for its debug line that is not written."""
    configure("json")
    requests, debug = RequestCounters(), structlog.get_logger().bind().debug
    scope: dict[str, object] = {}

    def empty() -> None:
        pass

    def counted() -> None:
        begun = time.perf_counter()
        REQUEST_ID.set("00000000-0000-4000-8000-000000000000")
        scope["edgewright.operation"] = "DescribeEdgePackagingJob"
        operation, seconds = str(scope.get("edgewright.operation")), time.perf_counter() - begun
        requests.count(operation, "OK", seconds)
        debug("request", operation=operation, code="OK", seconds=seconds)

    figures = [best(counted) - best(empty) for _ in range(5)]
    print(f"counting one request: {', '.join(f'{figure:.2f}' for figure in figures)} µs in five rounds")


def best(work: Callable[[], None]) -> float:
    """Microseconds for one call."""
    return timeit.timeit(work, number=TIMES) / TIMES * 1e6


if __name__ == "__main__":
    main()
