from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from edgewright.database.connections import migrate, open_database
from edgewright.errors import EngineUnavailable
from edgewright.jobs import JobKey, JobStore, Kind, PackagingJob, Ticket
from edgewright.persistence import Persistence
from edgewright.settings import Settings
from edgewright.worker import Enqueuer
from edgewright.worker.engine import Executor, engine_url
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "digits")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    engine = open_database(settings.sqlalchemy_url)
    migrate(engine)
    now = datetime.now(UTC)
    job = PackagingJob(
        key=KEY,
        compilation_job_name="compiled",
        model_name="digits",
        model_version="1",
        role_arn="arn:aws:iam::123456789012:role/edge",
        output_config={"S3OutputLocation": "s3://out"},
        created_at=now,
        modified_at=now,
        source_uri="s3://in/model.tar.gz",
    )
    store = Persistence.on(engine).jobs
    store.insert(job, {})
    yield store
    engine.dispose()


def works(settings: Settings) -> list[tuple[str, str]]:
    engine = open_database(engine_url(settings.sqlalchemy_url))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT workflow_uuid, status FROM workflow_status")).all()
    engine.dispose()
    return [(row[0], row[1]) for row in rows]


def test_a_job_is_handed_over_once(settings: Settings, store: JobStore) -> None:
    enqueuer = Enqueuer(settings, beside(store).queue)
    enqueuer(KEY)
    enqueuer(KEY)
    enqueuer.close()
    assert works(settings) == [(beside(store).queue.ticket(KEY).workflow_id, "ENQUEUED")]
    assert beside(store).queue.not_enqueued(10) == []


def test_a_job_handed_over_again_is_other_work(settings: Settings, store: JobStore) -> None:
    enqueuer = Enqueuer(settings, beside(store).queue)
    enqueuer(KEY)
    assert beside(store).queue.requeue(beside(store).queue.ticket(KEY))
    enqueuer(KEY)
    enqueuer.close()
    assert [name.rpartition(".")[2] for name, _ in works(settings)] == ["0", "1"]


def test_an_engine_that_takes_nothing_is_told_and_the_job_stays(settings: Settings, store: JobStore) -> None:
    enqueuer = Enqueuer(settings, beside(store).queue)
    engine = open_database(engine_url(settings.sqlalchemy_url))
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE workflow_status RENAME TO elsewhere"))
    engine.dispose()
    with pytest.raises(EngineUnavailable, match=r"was not enqueued: .*no such table"):
        enqueuer(KEY)
    enqueuer.close()
    assert beside(store).queue.not_enqueued(10) == [KEY]


def test_arguments_are_kept_as_json(settings: Settings, store: JobStore) -> None:
    """Not as pickles: a program that can write to the database must not be able to run code in a worker."""
    enqueuer = Enqueuer(settings, beside(store).queue)
    enqueuer(KEY)
    enqueuer.close()
    engine = open_database(engine_url(settings.sqlalchemy_url))
    with engine.connect() as connection:
        inputs = str(connection.execute(text("SELECT inputs FROM workflow_input")).scalar())
    engine.dispose()
    assert inputs.startswith("{")
    assert KEY.arn in inputs


@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("sqlite:////var/lib/edgewright/edgewright.sqlite", "sqlite:////var/lib/edgewright/edgewright-engine.sqlite"),
        ("postgresql+psycopg://me:pa%40ss@db/jobs?sslmode=require", "postgresql://me:pa%40ss@db/jobs?sslmode=require"),
    ],
)
def test_where_the_engine_keeps_its_tables(url: str, engine: str) -> None:
    assert engine_url(url) == engine


def test_the_recipes_need_no_engine() -> None:
    """Recipes can be read, and run, without DBOS; only `engine` names it."""
    code = (
        "import sys, types, pathlib, edgewright; package = types.ModuleType('edgewright.worker');"
        "package.__path__ = [str(pathlib.Path(edgewright.__file__).parent / 'worker')];"
        "sys.modules[package.__name__] = package;"
        "import edgewright.worker.packaging, edgewright.worker.compilation;"
        "print('dbos' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert ran.stdout == b"False\n"


@pytest.fixture
def done() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def executor(settings: Settings, store: JobStore, done: list[tuple[str, int]]) -> Iterator[Executor]:
    url = engine_url(settings.sqlalchemy_url)
    executor = Executor(url, "tester", lambda arn, ms, _: done.append((arn, ms)), 2)
    executor.launch(concurrency=1)
    yield executor
    executor.take_no_more()
    executor.shut_down()


def test_work_is_run_once_and_forgotten_when_it_is_old(
    settings: Settings, store: JobStore, executor: Executor, done: list[tuple[str, int]]
) -> None:
    ticket = beside(store).queue.ticket(KEY)
    assert executor.lost([ticket]) == [ticket], "it was not handed over yet"
    enqueuer = Enqueuer(settings, beside(store).queue)
    enqueuer(KEY)
    enqueuer.close()
    assert executor.lost([ticket]) == []
    while works(settings) != [(ticket.workflow_id, "SUCCESS")]:
        executor.poll()
        time.sleep(0.02)
    assert done == [(KEY.arn, ticket.created_ms)]
    assert executor.held() == {}
    assert executor.lost([ticket]) == [ticket], "its work is over"
    now = datetime.now(UTC)
    assert executor.purge((now - timedelta(hours=1)).isoformat()) == 0
    assert executor.purge((now + timedelta(hours=1)).isoformat()) == 1
    assert works(settings) == []


def test_a_claim_whose_answer_was_lost_is_dropped_and_its_job_can_be_enqueued_again(
    settings: Settings, store: JobStore, executor: Executor, done: list[tuple[str, int]]
) -> None:
    """As when the database ends between the claim's commit and its answer: the row says that it runs here."""
    queue = beside(store).queue
    enqueuer = Enqueuer(settings, queue)
    enqueuer(KEY)
    claim(settings, "tester")
    ticket = queue.ticket(KEY)
    assert executor.held() == {"tester": {ticket.workflow_id}}
    assert executor.unbegun({ticket.workflow_id}) == {ticket.workflow_id}
    executor.drop([ticket.workflow_id])
    assert executor.held() == {}
    assert executor.lost([ticket]) == [ticket]
    assert queue.requeue(Ticket.parse(ticket.workflow_id))
    assert not queue.requeue(Ticket.parse(ticket.workflow_id)), "twice is once"
    enqueuer(KEY)
    enqueuer.close()
    while not done:
        executor.poll()
        time.sleep(0.02)
    assert done == [(KEY.arn, ticket.created_ms)]


def test_what_runs_here_is_not_unbegun(settings: Settings, store: JobStore) -> None:
    begun, release = threading.Event(), threading.Event()

    def run(_arn: str, _ms: int, _trace: str | None) -> None:
        begun.set()
        release.wait(60)

    executor = Executor(engine_url(settings.sqlalchemy_url), "tester", run, 2)
    executor.launch(concurrency=1)
    enqueuer = Enqueuer(settings, beside(store).queue)
    enqueuer(KEY)
    enqueuer.close()
    while not begun.is_set():
        executor.poll()
        time.sleep(0.02)
    held = executor.held()["tester"]
    assert held == {beside(store).queue.ticket(KEY).workflow_id}
    assert executor.unbegun(held) == set()
    release.set()
    executor.take_no_more()
    executor.shut_down()


def claim(settings: Settings, executor_id: str) -> None:
    """Make the engine's rows say that an executor runs everything."""
    engine = open_database(engine_url(settings.sqlalchemy_url))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE workflow_status SET status = 'PENDING', executor_id = :id"), {"id": executor_id}
        )
    engine.dispose()
