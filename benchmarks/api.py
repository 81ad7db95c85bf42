"""Reading through the API: requests a second against moto's server and a bare ASGI application, and List at any size.

    .venv/bin/python benchmarks/api.py [--rounds 5] [--seconds 4] [--sizes 1000,100000,1000000]

Every request is signed; every answer is read from the database. Traffic goes to 127.0.0.1 alone.
"""

from __future__ import annotations

import argparse
import configparser
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import psutil
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from load import Call, Result, generator, load
from sqlalchemy import insert, text

from edgewright.database.connections import migrate, open_database
from edgewright.jobs import JobKey, Kind, PackagingJob, Status
from edgewright.jobs.rows import to_row
from edgewright.jobs.tables import packaging_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT, REGION = "123456789012", "eu-west-1"
NAMES = 200
STATUSES = [Status.COMPLETED] * 17 + [Status.FAILED, Status.STOPPED, Status.INPROGRESS]
BATCH = 10_000


def main() -> None:
    """Run both benchmarks, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each server is under load")
    parser.add_argument("--seconds", type=float, default=4.0, help="for how long, each time")
    parser.add_argument("--sizes", default="1000,100000,1000000", help="jobs in the database, for List; empty for none")
    arguments = parser.parse_args()
    requests_per_second(arguments.rounds, arguments.seconds)
    if arguments.sizes:
        list_times([int(size) for size in arguments.sizes.split(",")])


# --- requests a second ----------------------------------------------------------------------------------------------


def requests_per_second(rounds: int, seconds: float) -> None:
    """Ours, moto's and the bare application's figures.

    All servers run all the time, and each round has every one of them under load for a while, one after the other: a
    machine that is faster or slower for some time is so for all of them, and a round's ratio is of the same moment.
    """
    print(
        f"16 connections, {rounds} rounds of {seconds:g} s each, generator: {generator()}, 10,000 jobs in the database"
    )
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        data = Path(folder) / "data"
        fill(data, 10_000)
        port, keys = servers.enter_context(edgewright(data))
        moto_port, bare_port = servers.enter_context(moto()), servers.enter_context(bare())
        found: dict[str, list[Result]] = {DESCRIBE: [], LIST: [], MOTO: [], BARE: []}
        used: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(rounds):
            describe = [signed(port, keys, "DescribeEdgePackagingJob", {"EdgePackagingJobName": n}) for n in names()]
            page = signed(port, keys, "ListEdgePackagingJobs", {"MaxResults": 10})
            for name, to, calls in (
                (DESCRIBE, port, describe),
                (MOTO, moto_port, [moto_describe(moto_port)]),
                (BARE, bare_port, describe),
                (LIST, port, [page]),
            ):
                begun = processor_seconds(to)
                found[name].append(load(to, calls, seconds=seconds))
                served = found[name][-1].rate * seconds
                used[name].append((processor_seconds(to) - begun) / served * 1000)
    print(f"{'median of the rounds':32}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'failed':>8}")
    for name, results in found.items():
        rate, p50, p99 = (statistics.median(getattr(r, part) for r in results) for part in ("rate", "p50", "p99"))
        processor = statistics.median(used[name])
        print(f"{name:32}{rate:10,.0f}{p50:9.2f}{p99:9.2f}{processor:9.3f}{sum(r.failed for r in results):8}")
    print_ratios(found)


DESCRIBE, LIST, MOTO, BARE = (
    "edgewright Describe",
    "edgewright List, 10 jobs",
    "moto DescribeCompilationJob",
    "bare ASGI application",
)


def names() -> list[str]:
    """Jobs from all over the table."""
    return [f"job-{number * 37:07}" for number in range(NAMES)]


def print_ratios(found: Mapping[str, list[Result]]) -> None:
    """Describe's rate over moto's and the bare application's, and List's over Describe's: medians, and each round's."""
    for wanted, ours, theirs in (
        ("Describe, times moto", DESCRIBE, MOTO),
        ("Describe, part of the bare application", DESCRIBE, BARE),
        ("List of ten, part of Describe", LIST, DESCRIBE),
    ):
        ratios = [our.rate / their.rate for our, their in zip(found[ours], found[theirs], strict=True)]
        print(f"{wanted}: {statistics.median(ratios):.2f}; rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


def processor_seconds(port: int) -> float:
    """What the process that listens on a port has used of the processors, with its threads."""
    listener = next(c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    times = psutil.Process(listener).cpu_times()
    return float(times.user + times.system)


@contextmanager
def edgewright(data: Path, environment: Mapping[str, str] | None = None) -> Iterator[tuple[int, tuple[str, str]]]:
    """`edgewright serve` without a worker: its port, and the first access key."""
    command = [sys.executable, "-m", "edgewright", "serve", "--port", "0", "--no-worker", "--data-dir", str(data)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
    with ended(started) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().split()[4].rpartition(":")[2])
        file = configparser.ConfigParser()
        file.read(data / "credentials")
        yield port, (file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"])


@contextmanager
def moto() -> Iterator[int]:
    """Moto's server with one compilation job."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with ended(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        wait_until_open(port)
        client = boto3.client(
            "sagemaker",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name=REGION,
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",  # noqa: S106 - moto takes any
        )
        client.create_compilation_job(
            CompilationJobName="c",
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/edge",
            InputConfig={"S3Uri": "s3://m/m.tar.gz", "DataInputConfig": "{}", "Framework": "ONNX"},
            OutputConfig={"S3OutputLocation": "s3://m", "TargetDevice": "rasp4b"},
            StoppingCondition={"MaxRuntimeInSeconds": 900},
        )
        yield port


@contextmanager
def bare() -> Iterator[int]:
    """The bare application on the same uvicorn."""
    port = free_port()
    with ended(subprocess.Popen([sys.executable, str(Path(__file__).with_name("bare.py")), str(port)])):
        wait_until_open(port)
        yield port


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """The process, ended when the block is."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def moto_describe(port: int) -> Call:
    """A signed DescribeCompilationJob, as moto wants it."""
    return signed(port, ("AKIDEXAMPLE", "secret"), "DescribeCompilationJob", {"CompilationJobName": "c"})


def signed(port: int, keys: tuple[str, str], operation: str, request: dict[str, Any]) -> Call:
    """A call that botocore signed just now; it holds for five minutes."""
    body = json.dumps(request).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
    plain = AWSRequest("POST", f"http://127.0.0.1:{port}/", data=body, headers=headers)
    SigV4Auth(Credentials(*keys), "sagemaker", REGION).add_auth(plain)
    return Call(dict(plain.headers.items()), body)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_until_open(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"Nobody listens on port {port}.")


# --- List at any size -----------------------------------------------------------------------------------------------


QUERIES: dict[str, dict[str, Any]] = {
    "first page": {},
    "by name": {"SortBy": "NAME", "SortOrder": "Ascending"},
    "by model name": {"SortBy": "MODEL_NAME"},
    "by status": {"SortBy": "STATUS"},
    "by last modified": {"SortBy": "LAST_MODIFIED_TIME"},
    "FAILED": {"StatusEquals": "FAILED"},
    "INPROGRESS, by name": {"StatusEquals": "INPROGRESS", "SortBy": "NAME"},
    "name contains": {"NameContains": "7"},
    "model name contains": {"ModelNameContains": "model-3"},
    "created after the middle": {"CreationTimeAfter": None},
    "modified before the middle": {"LastModifiedTimeBefore": None},
}


def list_times(sizes: list[int]) -> None:
    """The time of one page of 100 for each filter and sort, at each size, and the ratio of the last to the first."""
    print(f"\nList, one page of 100, median of 15 in milliseconds; jobs in the database: {sizes}")
    times = {size: measured(size) for size in sizes}
    print(f"{'':32}" + "".join(f"{size:>12,}" for size in sizes) + f"{'ratio':>8}")
    for name in times[sizes[0]]:
        row = [times[size][name] for size in sizes]
        print(f"{name:32}" + "".join(f"{value:12.2f}" for value in row) + f"{row[-1] / row[0]:8.2f}")


def measured(size: int) -> dict[str, float]:
    """Milliseconds of each query with so many jobs, asked over HTTP by boto3."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        fill(data, size)
        with edgewright(data) as (port, (key_id, secret)):
            client = boto3.client(
                "sagemaker",
                endpoint_url=f"http://127.0.0.1:{port}",
                region_name=REGION,
                aws_access_key_id=key_id,
                aws_secret_access_key=secret,
            )
            middle = FIRST + timedelta(seconds=size // 2)
            queries = {name: {k: v or middle for k, v in query.items()} for name, query in QUERIES.items()}
            found = {name: median(client, query) for name, query in queries.items()}
            token = client.list_edge_packaging_jobs(SortBy="NAME", MaxResults=100)["NextToken"]
            return found | {"second page, by name": median(client, {"SortBy": "NAME", "NextToken": token})}


def median(client: Any, query: dict[str, Any]) -> float:
    """Milliseconds of one call, the median of fifteen."""
    times = []
    for _ in range(15):
        begun = time.perf_counter()
        client.list_edge_packaging_jobs(**query)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def fill(data: Path, count: int) -> None:
    """A database with so many jobs of one account, a second apart, most of them COMPLETED."""
    data.mkdir(mode=0o700)
    engine = open_database(f"sqlite:///{data / 'edgewright.sqlite'}")
    migrate(engine)
    signature = json.dumps({"dsseEnvelope": "x" * 2000})
    for begin in range(0, count, BATCH):
        rows = [row(number, signature) for number in range(begin, min(begin + BATCH, count))]
        with engine.begin() as connection:
            connection.execute(insert(packaging_jobs), rows)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    engine.dispose()
    os.sync()


def row(number: int, signature: str) -> dict[str, Any]:
    """One job's row."""
    status = STATUSES[number % len(STATUSES)]
    job = PackagingJob(
        key=JobKey(Kind.PACKAGING, ACCOUNT, REGION, f"job-{number:07}"),
        compilation_job_name="compiled",
        model_name=f"model-{number % 50}",
        model_version="1.0",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/edge",
        output_config={"S3OutputLocation": "s3://packages/out"},
        status=status,
        status_message="The package is complete.",
        created_at=FIRST + timedelta(seconds=number),
        modified_at=FIRST + timedelta(seconds=number + 5),
        source_uri="s3://models/compiled.tar.gz",
        model_artifact="s3://packages/out/m.tar.gz" if status is Status.COMPLETED else None,
        model_signature=signature if status is Status.COMPLETED else None,
    )
    return to_row(job) | {"enqueued": True}


if __name__ == "__main__":
    main()
