"""PostgreSQL with a standby: sessions that ended up on a server which only reads, and a primary that comes back."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import make_url

from acceptance.conftest import archive
from acceptance.running import RunningServer, packaging_request, register, serving, wait_for
from contract.postgres import PostgresService, postgres_service, standby

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # two servers, and what waits for them

SECONDS = 60.0


@pytest.fixture
def pair() -> Iterator[tuple[PostgresService, PostgresService]]:
    with postgres_service() as primary, standby(primary) as second:
        yield primary, second


def url_of(pair: tuple[PostgresService, PostgresService], options: str) -> str:
    primary, second = pair
    name = make_url(primary.new_database()).database
    return f"postgresql+psycopg://edgewright@/{name}?host={primary.folder},{second.folder}&port=5432,5432{options}"


def readiness(server: RunningServer) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{server.url}/health/ready", timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def status_of_a_write(server: RunningServer, number: int) -> int:
    try:
        server.client().create_edge_packaging_job(**packaging_request(f"job-{number}", "compiled"))
    except ClientError as error:
        return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    return 200


@pytest.mark.parametrize("options", ["", "&target_session_attrs=any"], ids=["usual", "any"])
def test_writes_go_on_once_there_is_a_primary(
    pair: tuple[PostgresService, PostgresService], tmp_path: Path, options: str
) -> None:
    primary, second = pair
    environment = {"EDGEWRIGHT_DATABASE_URL": url_of(pair, options)}
    with serving(tmp_path / "data", environment=environment) as server:
        artifact = server.put("models", "compiled.tar.gz", archive({"model.so": b"x" * 1000}))
        register(server, "compiled", artifact, environment=environment)
        assert status_of_a_write(server, 0) == 200
        second.catch_up(primary)
        primary.kill()
        seen, ready = set(), set()
        until = time.monotonic() + 15
        while time.monotonic() < until:
            seen.add(status_of_a_write(server, 1))
            ready.add(readiness(server)[0])
        assert seen <= {503}, "an error that SDKs try again"
        assert 200 not in ready
        primary.restart()
        deadline = time.monotonic() + SECONDS
        while status_of_a_write(server, 2) != 200:
            assert time.monotonic() < deadline, "the primary is back"
            time.sleep(0.5)
        assert wait_for(server.client(), "job-2")["EdgePackagingJobStatus"] == "COMPLETED"
        while readiness(server)[0] != 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_a_standby_that_is_promoted_takes_over(pair: tuple[PostgresService, PostgresService], tmp_path: Path) -> None:
    primary, second = pair
    environment = {"EDGEWRIGHT_DATABASE_URL": url_of(pair, "")}
    with serving(tmp_path / "data", environment=environment) as server:
        artifact = server.put("models", "compiled.tar.gz", archive({"model.so": b"x" * 1000}))
        register(server, "compiled", artifact, environment=environment)
        assert status_of_a_write(server, 0) == 200
        wait_for(server.client(), "job-0")
        second.catch_up(primary)
        primary.kill()
        second.sql("SELECT pg_promote()")
        deadline = time.monotonic() + SECONDS
        while status_of_a_write(server, 1) != 200:
            assert time.monotonic() < deadline, "the standby is the primary now"
            time.sleep(0.5)
        assert wait_for(server.client(), "job-1")["EdgePackagingJobStatus"] == "COMPLETED"
        assert server.client().describe_edge_packaging_job(EdgePackagingJobName="job-0")["ModelArtifact"]
