"""PostgreSQL gone or silent while requests come: errors that SDKs try again, and no restart afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.running import RunningServer, packaging_request, register, serving, wait_for
from chaos.database import Database
from contract.postgres import PostgresService, postgres_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # each case waits for a database that does not answer

ANSWER_SECONDS = 50.0
"""Less than the 60 seconds that botocore waits for an answer."""
SDK = Config(retries={"mode": "standard", "total_max_attempts": 10}, read_timeout=60)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresService]:
    """A server of these tests alone, for they break it."""
    with postgres_service() as service:
        yield service


@pytest.fixture(scope="module")
def broken(postgres: PostgresService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """An API server with its worker, on that PostgreSQL."""
    url = postgres.new_database()
    environment = {"EDGEWRIGHT_DATABASE_URL": url}
    with serving(tmp_path_factory.mktemp("unreachable") / "data", environment=environment) as server:
        artifact = server.put("models", "compiled.tar.gz", archive({"model.so": b"x" * 1000}))
        register(server, "compiled", artifact, environment=environment)
        yield server


@contextmanager
def paused(database: Database) -> Iterator[None]:
    database.pause()
    try:
        yield
    finally:
        database.resume()
        database.wait()


@contextmanager
def killed(database: Database) -> Iterator[None]:
    database.kill()
    try:
        yield
    finally:
        database.start()
        database.wait()


def refusal(call: Callable[[], Any]) -> tuple[int, str, float]:
    """The status and code of the error that a call ends in, and its seconds."""
    begun = time.monotonic()
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], time.monotonic() - begun


Trouble = Callable[[Database], Any]


@pytest.mark.parametrize("trouble", [paused, killed])
def test_every_operation_answers_with_an_error_that_sdks_try_again(
    broken: RunningServer, postgres: PostgresService, trouble: Trouble
) -> None:
    client = broken.client()
    name = trouble.__name__
    client.create_edge_packaging_job(**packaging_request(f"before-{name}", "compiled"))
    calls = [
        lambda: client.create_edge_packaging_job(**packaging_request(f"during-{name}", "compiled")),
        lambda: client.describe_edge_packaging_job(EdgePackagingJobName=f"before-{name}"),
        client.list_edge_packaging_jobs,
        lambda: client.stop_edge_packaging_job(EdgePackagingJobName=f"before-{name}"),
    ]
    with trouble(Database(postgres)), ThreadPoolExecutor() as pool:
        answers = list(pool.map(refusal, calls))
    for status, code, seconds in answers:
        assert (status, code) == (503, "ServiceUnavailable")
        assert seconds < ANSWER_SECONDS
    assert wait_for(client, f"before-{name}")["EdgePackagingJobStatus"] == "COMPLETED"


@pytest.mark.parametrize("trouble", [pytest.param(paused, marks=pytest.mark.slow), killed])
def test_nothing_half_done_is_left(broken: RunningServer, postgres: PostgresService, trouble: Trouble) -> None:
    """A create that was answered with an error is there as a whole job or not at all."""
    client, name = broken.client(), f"half-{trouble.__name__}"
    with trouble(Database(postgres)), pytest.raises(ClientError):
        client.create_edge_packaging_job(**packaging_request(name, "compiled", Tags=[{"Key": "a", "Value": "b"}]))
    try:
        job = wait_for(client, name)
    except client.exceptions.ResourceNotFound:
        client.create_edge_packaging_job(**packaging_request(name, "compiled", Tags=[{"Key": "a", "Value": "b"}]))
        job = wait_for(client, name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED"
    tags = client.list_tags(ResourceArn=job["EdgePackagingJobArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]


def test_an_sdk_that_tries_again_does_not_notice_a_restart(
    broken: RunningServer, postgres: PostgresService, tmp_path: Path
) -> None:
    client, database = broken.client(config=SDK), Database(postgres)
    database.kill()
    database.start()  # it takes a moment to recover from the crash
    client.create_edge_packaging_job(**packaging_request("through-a-restart", "compiled"))
    assert wait_for(client, "through-a-restart")["EdgePackagingJobStatus"] == "COMPLETED"
