"""Several API servers and workers on one PostgreSQL, started in any order, with no more connections than said."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Self

import pytest

from acceptance.conftest import archive
from acceptance.running import REGION, RunningServer, clean_environment, command, packaging_request, serving, wait_for
from contract.postgres import PostgresService, postgres_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STARTING = 2
"""Connections that a process may have beside its pools while it starts."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresService]:
    with postgres_service() as service:
        yield service


@contextmanager
def worker(data_dir: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`edgewright worker` as a user starts it."""
    process = subprocess.Popen(command("worker", "--data-dir", str(data_dir)), env=clean_environment() | environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()


def url_of(postgres: PostgresService, database: str) -> dict[str, str]:
    return {"EDGEWRIGHT_DATABASE_URL": postgres.url(database)}


class Watching:
    """Counts a database's connections all the time, by the process that has them."""

    def __init__(self, postgres: PostgresService, database: str) -> None:
        self._postgres = postgres
        self._database = database
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        import psycopg

        with psycopg.connect(
            host=str(self._postgres.folder), user="edgewright", dbname="postgres", autocommit=True
        ) as own:
            while not self._ended.wait(0.01):
                found = own.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [self._database])
                row = found.fetchone()
                assert row is not None
                self.most = max(self.most, row[0])


def test_servers_and_workers_start_in_any_order(postgres: PostgresService, tmp_path: Path) -> None:
    """A worker comes first and finds no database; then the database; then two servers race for the migrations."""
    environment = url_of(postgres, "any_order")
    data_dir = tmp_path / "data"
    with ExitStack() as stack:
        stack.enter_context(worker(data_dir, environment))
        time.sleep(3)
        postgres.sql("CREATE DATABASE any_order")
        with ThreadPoolExecutor() as pool:
            contexts = [serving(data_dir, "--no-worker", environment=environment) for _ in range(2)]
            first, second = pool.map(stack.enter_context, contexts)
        register_in(first, environment)
        first.client().create_edge_packaging_job(**packaging_request("digits", "compiled"))
        assert wait_for(second.client(), "digits")["EdgePackagingJobStatus"] == "COMPLETED"
        assert first.stop() == 0
        second.client().create_edge_packaging_job(**packaging_request("again", "compiled"))
        assert wait_for(second.client(), "again")["EdgePackagingJobStatus"] == "COMPLETED"


def test_a_server_has_no_more_connections_than_its_pools(postgres: PostgresService, tmp_path: Path) -> None:
    postgres.sql("CREATE DATABASE pools_of_a_server")
    pools = {"EDGEWRIGHT_DATABASE_POOL": "3", "EDGEWRIGHT_ENGINE_POOL": "2"}
    environment = url_of(postgres, "pools_of_a_server") | pools
    with (
        Watching(postgres, "pools_of_a_server") as starting,
        serving(tmp_path / "data", "--no-worker", environment=environment) as server,
    ):
        assert starting.most <= 3 + 2 + STARTING
        sagemaker = server.client()
        register_in(server, environment)

        def call(number: int) -> str:
            if number % 3:
                sagemaker.list_edge_packaging_jobs()
                return "listed"
            sagemaker.create_edge_packaging_job(**packaging_request(f"job-{number}", "compiled"))
            return "created"

        with Watching(postgres, "pools_of_a_server") as busy, ThreadPoolExecutor(40) as pool:
            done = Counter(pool.map(call, range(240)))
        assert done == {"listed": 160, "created": 80}, "who finds no connection free waits for one"
        assert 3 <= busy.most <= 3 + 2


def test_a_worker_has_no_more_connections_than_its_pools(postgres: PostgresService, tmp_path: Path) -> None:
    postgres.sql("CREATE DATABASE pools_of_a_worker")
    data_dir = tmp_path / "data"
    environment = url_of(postgres, "pools_of_a_worker") | {
        "EDGEWRIGHT_DATABASE_POOL": "3",
        "EDGEWRIGHT_ENGINE_POOL": "2",
        "EDGEWRIGHT_WORKER_CONCURRENCY": "3",
    }
    with serving(data_dir, "--no-worker", environment=environment) as server:
        register_in(server, environment)
        sagemaker = server.client()
        for number in range(30):
            sagemaker.create_edge_packaging_job(**packaging_request(f"job-{number}", "compiled"))
    with Watching(postgres, "pools_of_a_worker") as watching, worker(data_dir, environment):
        deadline = time.monotonic() + 60
        while unfinished(postgres) and time.monotonic() < deadline:
            time.sleep(0.2)
    assert unfinished(postgres) == 0
    assert watching.most <= 3 + 2 * 2 + 3 + STARTING


def register_in(server: RunningServer, environment: dict[str, str]) -> None:
    """Make a COMPLETED compilation job in the server's database."""
    artifact = server.put("models", "compiled.tar.gz", archive({"model.so": b"x" * 100_000}))
    subprocess.run(
        command(
            "compilations", "register", "compiled", "--artifact", artifact, "--framework", "PYTORCH",
            "--target", "jetson_nano", "--region", REGION, "--data-dir", str(server.data_dir),
        ),
        check=True,
        env=clean_environment() | environment,
    )  # fmt: skip


def unfinished(postgres: PostgresService) -> int:
    import psycopg

    with psycopg.connect(host=str(postgres.folder), user="edgewright", dbname="pools_of_a_worker") as connection:
        row = connection.execute("SELECT count(*) FROM packaging_jobs WHERE status <> 'COMPLETED'").fetchone()
        assert row is not None
        return int(row[0])
