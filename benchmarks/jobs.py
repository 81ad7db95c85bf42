"""Jobs end to end: 1 MB jobs a second beside the engine's own rate, one job alone, a Stop, a death, an idle service.

    PYTHONPATH=tests .venv/bin/python benchmarks/jobs.py rate --database sqlite --workers 1
    PYTHONPATH=tests .venv/bin/python benchmarks/jobs.py alone
    PYTHONPATH=tests .venv/bin/python benchmarks/jobs.py stop
    PYTHONPATH=tests .venv/bin/python benchmarks/jobs.py death
    PYTHONPATH=tests .venv/bin/python benchmarks/jobs.py idle

Jobs are created through the API by signed requests, one after the other, and timed from the first request to the last
end. The engine's own rate is that of workflows that do nothing, measured in turns with it and twice: as the engine
ships (`shipped.py`), and with the polling and the limits of our workers (`noop.py`), which shows how far jobs are from
the ceiling.
"""

from __future__ import annotations

import argparse
import http.client
import io
import itertools
import os
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
from api import ACCOUNT, REGION, edgewright, ended, signed
from sqlalchemy import Engine, make_url, text

from contract.postgres import postgres_service
from edgewright import service
from edgewright.database.connections import open_database
from edgewright.settings import Settings
from edgewright.worker.engine import QUEUE, WORKFLOW, _client, engine_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 1024**2
SECONDS_TO_END = 120.0
UNFINISHED = "('STARTING', 'INPROGRESS', 'STOPPING')"
TARGETS = {"rate": 10.0, "alone": 1.0, "stop": 1.0, "death": 2.0, "megabytes": 300.0, "cpu": 5.0}
"""Jobs a second, seconds, seconds, seconds beyond the timeout, MB, percent of a processor."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A data folder with a compiled model, and its database."""

    settings: Settings
    engine: Engine
    environment: dict[str, str]

    def count(self, condition: str) -> int:
        """How many jobs there are of which this is so."""
        with self.engine.connect() as connection:
            found = connection.execute(text(f"SELECT count(*) FROM packaging_jobs WHERE {condition}"))
            return int(found.scalar_one())

    def await_count(self, condition: str, wanted: int) -> float:
        """Wait until there are so many; the moment when it was seen."""
        until = time.perf_counter() + SECONDS_TO_END
        while self.count(condition) != wanted:
            if time.perf_counter() > until:
                raise RuntimeError(f"{self.count(condition)} jobs where {condition}, and {wanted} were waited for.")
            time.sleep(0.02)
        return time.perf_counter()


@contextmanager
def bench(database: str, sizes: dict[str, int]) -> Iterator[Bench]:
    """A fresh installation, with one compiled model of each size in bytes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environment = {"EDGEWRIGHT_DATA_DIR": str(folder)}
        if database == "postgresql":
            environment["EDGEWRIGHT_DATABASE_URL"] = stack.enter_context(postgres_service()).new_database()
        settings = Settings(data_dir=folder, database_url=environment.get("EDGEWRIGHT_DATABASE_URL"))
        service.prepare(settings)
        for name, size in sizes.items():
            path = settings.objects_dir / "models" / name / "compiled.tar.gz"
            path.parent.mkdir(parents=True)
            path.write_bytes(archive(size))
            service.register_compilation(
                settings,
                (ACCOUNT, REGION),
                name=name,
                artifact=f"s3://models/{name}/compiled.tar.gz",
                framework="PYTORCH",
                target="jetson_nano",
            )
        engine = open_database(settings.sqlalchemy_url)
        stack.callback(engine.dispose)
        yield Bench(settings, engine, environment)


def archive(size: int) -> bytes:
    """A tar.gz of so many bytes of noise, which does not compress, and is therefore stored."""
    noise = random.Random(size).randbytes(min(size, 8 * MIB))
    stream, member = io.BytesIO(), tarfile.TarInfo("compiled.params")
    member.size = size
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=0) as tar:
        tar.addfile(member, io.BytesIO(noise * (size // len(noise))))
    return stream.getvalue()


@contextmanager
def worker(settings: Settings, environment: dict[str, str], data_dir: Path | None = None) -> Iterator[psutil.Process]:
    """`edgewright worker`, once it runs."""
    command = [sys.executable, "-m", "edgewright", "worker", "--data-dir", str(data_dir or settings.data_dir)]
    log = settings.data_dir / "worker.log"
    before = log.read_text().count("worker runs") if log.exists() else 0
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=_environment(environment))
    with ended(process):
        while log.read_text().count("worker runs") == before:
            time.sleep(0.02)
        yield psutil.Process(process.pid)


def _environment(given: dict[str, str]) -> dict[str, str]:
    return os.environ | given | {"EDGEWRIGHT_LOG_FORMAT": "json"}


# --- jobs a second ----------------------------------------------------------------------------------------------------


def rates(database: str, workers: int, jobs: int, rounds: int) -> bool:
    """Rounds of both rates in turns; prints each round and the medians, and says whether our own is high enough."""
    print(f"{database}, {workers} worker(s): {jobs} jobs of 1 MB through the API, against workflows that do nothing")
    ours, plain, tuned = [], [], []
    for number in range(1, rounds + 1):
        with bench(database, {"megabyte": MIB}) as fresh:
            plain.append(shipped_rate(fresh, jobs))
            tuned.append(noop_rate(fresh, workers, jobs))
            ours.append(job_rate(fresh, workers, jobs))
        print(f"  round {number}: {figures(ours[-1], plain[-1], tuned[-1])}")
    rate, engine = statistics.median(ours), statistics.median(plain)
    print(f"  median : {figures(rate, engine, statistics.median(tuned))}")
    return rate >= TARGETS["rate"]


def figures(ours: float, plain: float, tuned: float) -> str:
    """One round in a line."""
    return (
        f"jobs {ours:6.1f}/s; engine as it ships {plain:6.1f}/s ({ours / plain:.2f} of it), "
        f"with our settings {tuned:6.1f}/s ({ours / tuned:.2f})"
    )


def shipped_rate(fresh: Bench, works: int) -> float:
    """Works a second of the engine as it ships, in a database of its own."""
    settings = fresh.settings
    if settings.database_url is None:
        url = f"sqlite:///{settings.data_dir / 'shipped.sqlite'}"
    else:
        other = make_url(settings.database_url).set(drivername="postgresql+psycopg", database="shipped")
        url = other.render_as_string(hide_password=False)
    command = [sys.executable, str(Path(__file__).with_name("shipped.py")), url, str(works)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def noop_rate(fresh: Bench, workers: int, works: int) -> float:
    """Works a second of the engine alone."""
    url = engine_url(fresh.settings.sqlalchemy_url)
    engine = open_database(url)
    client = _client(url, engine)
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(noop_worker(url, fresh.settings.worker_concurrency))
        begun = time.perf_counter()
        for number in range(works):
            options: Any = {"queue_name": QUEUE, "workflow_name": WORKFLOW, "workflow_id": f"noop-{number}"}
            client.enqueue(options, f"arn:{number}", number)
        while client.list_workflows(status=["ENQUEUED", "PENDING"], limit=1, load_input=False, load_output=False):
            time.sleep(0.02)
        rate = works / (time.perf_counter() - begun)
    client.destroy()
    engine.dispose()
    return rate


@contextmanager
def noop_worker(url: str, concurrency: int) -> Iterator[None]:
    """A worker process of the engine alone, once it takes work."""
    command = [sys.executable, str(Path(__file__).with_name("noop.py")), url, str(concurrency)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.communicate()


def job_rate(fresh: Bench, workers: int, jobs: int) -> float:
    """Jobs a second, from the first request to the last end."""
    with ExitStack() as stack:
        port, keys = stack.enter_context(edgewright(fresh.settings.data_dir, fresh.environment))
        for _ in range(workers):
            stack.enter_context(worker(fresh.settings, fresh.environment))
        calls = [signed(port, keys, "CreateEdgePackagingJob", request(number)) for number in range(jobs)]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        begun = time.perf_counter()
        for call in calls:
            connection.request("POST", "/", call.body, call.headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"A job was refused: {body.decode()}")
        last = fresh.await_count(f"status IN {UNFINISHED}", 0)
        if fresh.count("status = 'COMPLETED'") != jobs:
            raise RuntimeError("Some jobs did not complete.")
    return jobs / (last - begun)


def request(number: int, model: str = "megabyte") -> dict[str, Any]:
    """A CreateEdgePackagingJob request."""
    return {
        "EdgePackagingJobName": f"{model}-{number}",
        "CompilationJobName": model,
        "ModelName": model,
        "ModelVersion": f"1.{number}",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/edge",
        "OutputConfig": {"S3OutputLocation": "s3://packages/out"},
    }


# --- one job alone, a Stop, a death, idleness -------------------------------------------------------------------------


def alone(jobs: int) -> bool:
    """Seconds from Create to COMPLETED of one 1 MB job after the other, on SQLite and an otherwise idle service."""
    times = []
    with bench("sqlite", {"megabyte": MIB}) as fresh, ExitStack() as stack:
        port, keys = stack.enter_context(edgewright(fresh.settings.data_dir, fresh.environment))
        stack.enter_context(worker(fresh.settings, fresh.environment))
        client = boto(port, keys)
        for number in range(jobs):
            time.sleep(3)  # until the worker has gone back to its idle pace
            begun = time.perf_counter()
            client.create_edge_packaging_job(**request(number))
            times.append(fresh.await_count("status = 'COMPLETED'", number + 1) - begun)
    return reported("one job of 1 MB, from Create to COMPLETED", times, TARGETS["alone"], "s")


def stops(rounds: int) -> bool:
    """Seconds from a Stop to STOPPED while 1 GB streams, on SQLite."""
    times = []
    with bench("sqlite", {"gigabyte": 1024 * MIB}) as fresh, ExitStack() as stack:
        port, keys = stack.enter_context(edgewright(fresh.settings.data_dir, fresh.environment))
        stack.enter_context(worker(fresh.settings, fresh.environment))
        client = boto(port, keys)
        for number in range(rounds):
            create_streaming(fresh, client, number)
            begun = time.perf_counter()
            client.stop_edge_packaging_job(EdgePackagingJobName=f"gigabyte-{number}")
            times.append(fresh.await_count("status = 'STOPPED'", number + 1) - begun)
    return reported("Stop while 1 GB streams", times, TARGETS["stop"], "s")


def deaths(rounds: int) -> bool:
    """Seconds from a worker's death to its job's next attempt on another host, on PostgreSQL."""
    times = []
    for _ in range(rounds):
        with bench("postgresql", {"gigabyte": 1024 * MIB}) as fresh, ExitStack() as stack:
            port, keys = stack.enter_context(edgewright(fresh.settings.data_dir, fresh.environment))
            victim = stack.enter_context(worker(fresh.settings, fresh.environment))
            create_streaming(fresh, boto(port, keys), 0)
            victim.kill()
            begun = time.perf_counter()
            # The other host has its own work folder and sees the same objects: it cannot tell the death by a lock.
            other = fresh.settings.data_dir / "other-host"
            other.mkdir()
            for shared in ("keys", "objects"):
                (other / shared).symlink_to(fresh.settings.data_dir / shared)
            stack.enter_context(worker(fresh.settings, fresh.environment, other))
            times.append(fresh.await_count("attempt >= 2", 1) - begun)
    timeout = Settings().worker.liveness_timeout_seconds
    return reported(
        f"a dead worker's job runs again (liveness timeout {timeout:g} s)", times, timeout + TARGETS["death"], "s"
    )


def create_streaming(fresh: Bench, client: Any, number: int) -> None:
    """A job of the large model that is in the middle of its source."""
    client.create_edge_packaging_job(**request(number, "gigabyte"))
    fresh.await_count(f"name = 'gigabyte-{number}' AND bytes_done > {64 * MIB}", 1)


def boto(port: int, keys: tuple[str, str]) -> Any:
    """A boto3 client."""
    return boto3.client(
        "sagemaker",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name=REGION,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
    )


def idleness(seconds: float, rounds: int) -> bool:
    """Memory and processor time of `edgewright serve`, the API server and its worker, when nobody asks anything."""
    memory, cpu = [], []
    with bench("sqlite", {}) as fresh:
        command = [sys.executable, "-m", "edgewright", "serve", "--port", "0"]
        environment = _environment(fresh.environment)
        with ended(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        ) as p:
            time.sleep(8)  # until both have started
            family = [psutil.Process(p.pid), *psutil.Process(p.pid).children(recursive=True)]
            for _ in range(rounds):
                before = sum(sum(process.cpu_times()[:2]) for process in family)
                time.sleep(seconds)
                after = sum(sum(process.cpu_times()[:2]) for process in family)
                cpu.append(100 * (after - before) / seconds)
                memory.append(sum(process.memory_info().rss for process in family) / 1e6)
    print(f"{len(family)} processes, idle for {seconds:g} s a round")
    small = reported("resident memory", memory, TARGETS["megabytes"], "MB")
    return reported("processor", cpu, TARGETS["cpu"], "% of a core") and small


def reported(what: str, values: list[float], target: float, unit: str) -> bool:
    """Print all rounds and their median; whether the median is within its target."""
    median = statistics.median(values)
    rounds = ", ".join(f"{value:.2f}" for value in values)
    print(f"{what}: median {median:.2f} {unit}, at most {target:g} wanted; rounds: {rounds}")
    return median <= target


def main() -> int:
    """Run what the command line asks for; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rate", "alone", "stop", "death", "idle", "all"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="both when not given")
    parser.add_argument("--workers", type=int, choices=[1, 2], help="both when not given")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    parts: dict[str, Callable[[], bool]] = {
        "alone": lambda: alone(10),
        "stop": lambda: stops(arguments.rounds + 2),
        "death": lambda: deaths(arguments.rounds),
        "idle": lambda: idleness(20.0, arguments.rounds),
    }
    chosen = list(parts) if arguments.what == "all" else [name for name in parts if name == arguments.what]
    good = [parts[name]() for name in chosen]
    if arguments.what in {"rate", "all"}:
        databases = [arguments.database] if arguments.database else ["sqlite", "postgresql"]
        teams = [arguments.workers] if arguments.workers else [1, 2]
        for database, workers in itertools.product(databases, teams):
            good.append(rates(database, workers, arguments.jobs, arguments.rounds))
    print("every target is met" if all(good) else "not every target is met")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
