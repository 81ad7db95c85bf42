"""Fixtures: every foreign client through a job's life, against one server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.conftest import archive
from acceptance.running import RunningServer, packaging_request, register, serving
from conformance.clients.programs_run import CLIENTS, Program, finished, start, working

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMPILATION = "compiled-by-neo"
MANY = 101
"""Jobs that fill more than a page of the default size: sagemaker-core lets nobody choose another."""
STOP_SECONDS = 60.0


@pytest.fixture(scope="module")
def client_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose worker is yet to be started, so that a Stop finds its job waiting."""
    with serving(tmp_path_factory.mktemp("clients") / "data", "--no-worker") as server:
        register(server, COMPILATION, server.put("models", "model.tar.gz", archive({"model.so": b"x" * 10_000})))
        yield server


@pytest.fixture(scope="module")
def programs(client_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Program]:
    """Each client's program, ended: all of them ran side by side."""
    server = client_server
    home = tmp_path_factory.mktemp("home")
    running = [start(server, name, command, home, COMPILATION) for name, command in CLIENTS.items()]
    _many(server)
    _all_have_stopped_a_job(server.client(), running)
    with working(server):
        return {program.name: finished(program) for program in running}


def _many(server: RunningServer) -> None:
    client = server.client()
    for number in range(MANY):
        client.create_edge_packaging_job(**packaging_request(f"many-{number}", COMPILATION))


def _all_have_stopped_a_job(client: Any, running: list[Program]) -> None:
    """Wait until each program has stopped its job, or has ended before its time."""
    until = time.monotonic() + STOP_SECONDS
    while time.monotonic() < until:
        page = client.list_edge_packaging_jobs(StatusEquals="STOPPING")["EdgePackagingJobSummaries"]
        stopping = {job["EdgePackagingJobName"] for job in page}
        if all(f"{program.name}-stop" in stopping or program.process.poll() is not None for program in running):
            return
        time.sleep(0.1)
