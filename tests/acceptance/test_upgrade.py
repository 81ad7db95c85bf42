"""A rolling upgrade: this version takes over what the one before left in the middle, while that one goes on working.

`tests/golden/migration_0002` is a data folder's two databases as the program at migration 0002 left them when its
worker was killed: one job was within its first step, one behind it, one was being stopped, one waited in the queue, and
one had not been handed over yet.
"""

from __future__ import annotations

import io
import sqlite3
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from acceptance.worker_process import wait_until, worker_process
from contract.postgres import PostgresService, postgres_service
from edgewright.database import connections
from edgewright.database.connections import migrate, open_database
from edgewright.database.schema import HEAD
from edgewright.jobs import Job, JobKey, JobStore, Kind, ListQuery, SortBy, Status
from edgewright.persistence import Persistence
from edgewright.settings import Settings
from edgewright.signing import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[1] / "golden" / "migration_0002"
OLDEST = "0002"
"""The migration of the version before: from here on, old processes may still run beside new ones."""
ACCOUNT, REGION = "123456789012", "eu-west-1"
ENDED = {Status.COMPLETED, Status.FAILED, Status.STOPPED}


def key(name: str) -> JobKey:
    return JobKey(Kind.PACKAGING, ACCOUNT, REGION, name)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresService]:
    with postgres_service() as service:
        yield service


class TestJobsUnderWay:
    """The databases of the version before, as a crash left them."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        for path in GOLDEN.glob("*.sql"):
            connection = sqlite3.connect(tmp_path / f"{path.stem}.sqlite")
            connection.executescript(path.read_text())
            connection.close()
        settings = Settings(data_dir=tmp_path)
        keys.load_or_create(settings.keys_dir)
        source = settings.objects_dir / "in" / "model.tar.gz"  # and no gone.tar.gz: nobody may need it again
        source.parent.mkdir(parents=True)
        source.write_bytes(_archive())
        made = settings.objects_dir / "packages" / "packaged-1.tar.gz"
        made.parent.mkdir()
        made.write_bytes(b"what the version before made")
        return settings

    def test_they_come_to_their_ends(self, settings: Settings) -> None:
        engine = open_database(settings.sqlalchemy_url)
        before = _frozen(engine, "completed")
        with worker_process(settings):
            wait_until(lambda: _revision(engine) == HEAD, "the migration")
            store = Persistence.on(engine).jobs
            jobs = {name: _ended(store, name) for name in ("running", "packaged", "stopping", "starting", "unhanded")}
        assert {name: str(job.status) for name, job in jobs.items()} == {
            "running": "COMPLETED",
            "packaged": "COMPLETED",
            "stopping": "STOPPED",
            "starting": "COMPLETED",
            "unhanded": "COMPLETED",
        }
        assert {name: job.attempt for name, job in jobs.items() if name != "stopping"} == {
            "running": 2,
            "packaged": 2,
            "starting": 1,
            "unhanded": 1,
        }
        objects = settings.objects_dir / "packages"
        assert (objects / "packaged-1.tar.gz").read_bytes() == b"what the version before made"
        assert sorted(path.name for path in objects.iterdir()) == [
            f"{name}-1.tar.gz" for name in ("packaged", "running", "starting", "unhanded")
        ]
        assert _frozen(engine, "completed") == before
        assert store.tags(key("completed")) == {"team": "edge"}
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database at the migration of the version before."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/edgewright.sqlite"
    else:
        url = request.getfixturevalue("postgres").new_database()
    engine = open_database(url)
    _upgrade(engine, OLDEST)
    yield engine
    engine.dispose()


def test_the_golden_schema_is_what_the_migrations_make(tmp_path: Path) -> None:
    """Migrations that were published are not edited."""
    engine = open_database(f"sqlite:///{tmp_path}/edgewright.sqlite")
    _upgrade(engine, OLDEST)
    golden = sqlite3.connect(":memory:")
    golden.executescript((GOLDEN / "edgewright.sql").read_text())
    made = sqlite3.connect(tmp_path / "edgewright.sqlite")
    schema = "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    assert made.execute(schema).fetchall() == golden.execute(schema).fetchall()
    made.close()
    golden.close()
    engine.dispose()


def test_old_processes_go_on_while_the_database_is_migrated(old: Engine) -> None:
    """They write with the statements of their own time, before, while and after a new process migrates."""
    writer = _OldWriter(old)
    writer.start()
    wait_until(lambda: writer.done >= 5 or not writer.is_alive(), "the old version's jobs")
    migrate(old)
    migrated = writer.done
    wait_until(lambda: writer.done >= migrated + 10 or not writer.is_alive(), "the old version's jobs behind it")
    writer.ending.set()
    writer.join()
    assert writer.failure is None
    store = Persistence.on(old).jobs
    for number in (0, writer.done - 1):
        job = store.get(key(f"old-{number}"))
        assert (job.status, job.attempt, job.bytes_done) == (Status.COMPLETED, 1, 10)
        assert job.written_uri == f"s3://packages/old-{number}"
    page = store.list(ListQuery(kind=Kind.PACKAGING, account=ACCOUNT, region=REGION, limit=100))
    assert len(page.jobs) == min(100, writer.done)


def test_an_old_attempt_is_fenced_off_by_a_new_one(old: Engine) -> None:
    writer = _OldWriter(old)
    writer.insert("digits")
    assert writer.begin("digits") == 1
    migrate(old)
    job = Persistence.on(old).jobs.begin(key("digits"))
    assert job.attempt == 2
    assert writer.note("digits", attempt=1) == 0
    assert writer.complete("digits", attempt=1) == 0
    assert Persistence.on(old).jobs.move(key("digits"), Status.COMPLETED, attempt=2).status is Status.COMPLETED


def test_each_migration_leaves_what_the_version_before_uses(old: Engine) -> None:
    """Or it says in `compatibility` that no older version may use the database from then on."""
    for revision in _revisions_behind(OLDEST):
        before = _schema(old)
        _upgrade(old, revision)
        faults = list(_contractions(before, _schema(old)))
        if faults:
            assert _oldest_allowed(old) >= revision, f"{revision} is no mere addition: {faults}"


def test_times_of_modification_are_right_whichever_version_wrote_them(old: Engine) -> None:
    """The version before knows whole seconds alone; the latest counts, and none is before the job's creation."""
    writer, kept = _OldWriter(old), Persistence.on(old)
    for name in ("before", "stopped"):
        writer.insert(name)
    created = datetime.now(UTC)
    assert writer.begin("before") == 1
    migrate(old)
    writer.insert("after")  # which says that it was modified in 1970
    for name in ("stopped", "after"):
        job = kept.jobs.get(key(name))
        assert job.modified_at == job.created_at
    job = kept.jobs.get(key("before"))
    assert job.created_at <= job.modified_at <= datetime.now(UTC)
    later = (created + timedelta(seconds=3)).replace(microsecond=250_000)
    moved = Persistence.on(old, lambda: later).jobs.move(key("stopped"), Status.STOPPING)
    assert moved.modified_at == later
    assert _column(old, "stopped", "modified_at") == int(later.timestamp()), "what the version before reads"
    for number, seen in ((2, later), (3, later), (4, later.replace(microsecond=0) + timedelta(seconds=1))):
        writer.modify("stopped", created + timedelta(seconds=number))
        assert kept.jobs.get(key("stopped")).modified_at == seen, number
    query = ListQuery(kind=Kind.PACKAGING, account=ACCOUNT, region=REGION, sort_by=SortBy.LAST_MODIFIED_TIME)
    assert kept.jobs.list(query).jobs[0].key == key("stopped")


class _OldWriter(threading.Thread):
    """The statements by which the version at migration 0002 brought a job to its end."""

    INSERT = (
        "INSERT INTO packaging_jobs (account, region, name, status, created_at, modified_at, attempt, handed, "
        "bytes_done, bytes_total, written_uri, role_arn, compilation_job_name, model_name, model_version, "
        "resource_key, status_message, source_uri, target, model_artifact, output_config, preset_output, "
        "model_signature) VALUES (:account, :region, :name, 'STARTING', :now, 0, 0, :false, 0, NULL, NULL, "
        "'arn:aws:iam::123456789012:role/edge', 'compiled', 'digits', '1', NULL, '', 's3://in/model.tar.gz', NULL, "
        "NULL, :output, NULL, NULL)"
    )
    BEGIN = (
        "UPDATE packaging_jobs SET status = 'INPROGRESS', bytes_done = 0, attempt = attempt + 1, handed = :true, "
        "modified_at = :now / 1000 WHERE account = :account AND region = :region AND name = :name "
        "AND status IN ('INPROGRESS', 'STARTING') RETURNING attempt"
    )
    PROGRESS = (
        "UPDATE packaging_jobs SET bytes_done = 10, bytes_total = 10 WHERE account = :account AND region = :region "
        "AND name = :name AND status IN ('INPROGRESS', 'STOPPING') AND attempt = :attempt"
    )
    NOTE = (
        "UPDATE packaging_jobs SET written_uri = :uri WHERE account = :account AND region = :region "
        "AND name = :name AND status = 'INPROGRESS' AND attempt = :attempt"
    )
    COMPLETE = (
        "UPDATE packaging_jobs SET status = 'COMPLETED', model_artifact = :uri, modified_at = :now / 1000 "
        "WHERE account = :account AND region = :region AND name = :name AND status IN ('INPROGRESS') "
        "AND attempt = :attempt"
    )
    MODIFY = (
        "UPDATE packaging_jobs SET modified_at = CASE WHEN modified_at > :now / 1000 THEN modified_at "
        "ELSE :now / 1000 END WHERE account = :account AND region = :region AND name = :name"
    )
    BEAT = "UPDATE workers SET beat_at = :now WHERE id = 'old'"
    ENTER = "INSERT INTO workers (id, host, started_at, beat_at) VALUES ('old', 'host', :now, :now)"

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.ending = threading.Event()
        self.done = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                self._one(f"old-{self.done}")
                self.done += 1
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.failure = error

    def _one(self, name: str) -> None:
        self.insert(name)
        attempt = self.begin(name)
        for statement in (self.PROGRESS, self.NOTE, self.COMPLETE):
            assert self._execute(statement, name, attempt=attempt).rowcount == 1
        if not self._execute(self.BEAT, name).rowcount:
            self._execute(self.ENTER, name)

    def insert(self, name: str) -> None:
        self._execute(self.INSERT, name)

    def begin(self, name: str) -> int:
        return int(self._execute(self.BEGIN, name, returning=True))

    def modify(self, name: str, at: datetime) -> None:
        self._execute(self.MODIFY, name, now=int(at.timestamp() * 1000))

    def note(self, name: str, attempt: int) -> int:
        return int(self._execute(self.NOTE, name, attempt=attempt).rowcount)

    def complete(self, name: str, attempt: int) -> int:
        return int(self._execute(self.COMPLETE, name, attempt=attempt).rowcount)

    def _execute(self, statement: str, name: str, *, returning: bool = False, **more: Any) -> Any:
        given = {
            "account": ACCOUNT,
            "region": REGION,
            "name": name,
            "uri": f"s3://packages/{name}",
            "now": int(datetime.now(UTC).timestamp() * 1000),
            "output": '{"S3OutputLocation": "s3://packages"}',
            "true": True,
            "false": False,
        } | more
        with self.engine.begin() as connection:
            done = connection.execute(text(statement), {name: given[name] for name in text(statement)._bindparams})
            return done.scalar_one() if returning else done


Schema = dict[str, dict[str, tuple[str, bool, bool]]]
"""Tables, their columns, and of each its type, whether it may be NULL, and whether it has a default."""


def _schema(engine: Engine) -> tuple[Schema, set[tuple[str, ...]]]:
    """The tables' columns, and what must be unique in each."""
    found = inspect(engine)
    names = [name for name in found.get_table_names() if name != "alembic_version"]
    tables = {
        name: {
            column["name"]: (str(column["type"]), bool(column["nullable"]), column["default"] is not None)
            for column in found.get_columns(name)
        }
        for name in names
    }
    unique = {
        (name, *index["column_names"]) for name in names for index in found.get_indexes(name) if index["unique"]
    } | {(name, *each["column_names"]) for name in names for each in found.get_unique_constraints(name)}
    return tables, {tuple(str(part) for part in parts) for parts in unique}


def _contractions(
    before: tuple[Schema, set[tuple[str, ...]]], after: tuple[Schema, set[tuple[str, ...]]]
) -> Iterator[str]:
    """What a program that knows only the schema before could stumble over."""
    for table, columns in before[0].items():
        if table not in after[0]:
            yield f"the table {table} is gone"
            continue
        for name, column in columns.items():
            if after[0][table].get(name) != column:
                yield f"{table}.{name} was {column} and is {after[0][table].get(name)}"
        for name, (_, nullable, default) in after[0][table].items():
            if name not in columns and not nullable and not default:
                yield f"{table}.{name} must be given"
    for unique in after[1] - before[1]:
        if unique[0] in before[0]:
            yield f"{unique} must be unique"


def _revisions_behind(revision: str) -> list[str]:
    script = ScriptDirectory.from_config(_config())
    found = [each.revision for each in script.walk_revisions()]
    return sorted(each for each in found if each > revision)


def _oldest_allowed(engine: Engine) -> str:
    if not inspect(engine).has_table("compatibility"):
        return ""
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT max(oldest) FROM compatibility")).scalar())


def _upgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(connections.MIGRATIONS))
    return config


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return connections._revision(connection)


def _frozen(engine: Engine, name: str) -> list[Any]:
    query = (
        "SELECT status, created_at, modified_at, attempt, bytes_done, written_uri, model_artifact, model_signature "
        "FROM packaging_jobs WHERE name = :name"
    )
    with engine.connect() as connection:
        row = connection.execute(text(query), {"name": name}).one()
    return list(row)


def _column(engine: Engine, name: str, column: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(
            text(f"SELECT {column} FROM packaging_jobs WHERE name = :name"), {"name": name}
        ).scalar_one()


def _ended(store: JobStore, name: str) -> Job:
    wait_until(lambda: store.get(key(name)).status in ENDED, name)
    return store.get(key(name))


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo("model.so")
        member.size = 1000
        tar.addfile(member, io.BytesIO(b"x" * 1000))
    return buffer.getvalue()
