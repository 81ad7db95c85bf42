"""The composition root: settings in, a running API server or worker out.

Each loads its own parts alone: a worker does without the server's, and a command that only writes a row without both.
"""

from __future__ import annotations

import contextlib
import gc
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from edgewright import jobs
from edgewright.database import connections
from edgewright.errors import DatabaseDamaged, DatabaseNewer, DatabaseUnavailable, SettingsRefused
from edgewright.files import PRIVATE_FOLDER, close_to_others, make_folder
from edgewright.keys.opening import SigningKey
from edgewright.persistence import Persistence
from edgewright.stores import open_store
from edgewright.telemetry.tracing import tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from edgewright.settings import Settings

log = structlog.get_logger(__name__)

WAITING_SECONDS = 1.0
"""The pause before a database that does not answer is tried again."""


def prepare(settings: Settings, wait_seconds: float = 0.0) -> Persistence:
    """Everything that must be there before the first request: data folder, database at its newest.

    Args:
        settings: what the operator chose.
        wait_seconds: how long a database that does not answer is waited for.

    Raises:
        SettingsRefused: the data folder cannot be made or written, or is somebody else's and open to others.
        DatabaseUnavailable: the database cannot be used.
    """
    try:
        make_folder(settings.data_dir, PRIVATE_FOLDER)
        if mode := close_to_others(settings.data_dir, "data folder", " - or give a folder inside it."):
            log.warning(
                "the data folder was open to others, and was closed", folder=str(settings.data_dir), mode=f"{mode:04o}"
            )
        make_folder(settings.objects_dir, PRIVATE_FOLDER)
    except OSError as error:
        raise SettingsRefused(f"The data folder {settings.data_dir} cannot be used: {error.strerror}.") from error
    database = connections.open_database(settings.sqlalchemy_url, settings.database_pool)
    _migrate(database, time.monotonic() + wait_seconds)
    kept = Persistence.on(database)
    if settings.webhook.url:
        kept.deliveries.begin()
    return kept


def _migrate(database: Engine, until: float) -> None:
    """Bring the database to its newest migration, once it answers: servers and databases start in any order."""
    while True:
        try:
            return connections.migrate(database)
        except (DatabaseNewer, DatabaseDamaged):
            raise
        except DatabaseUnavailable as error:
            if time.monotonic() >= until:
                raise
            log.warning("the database does not answer yet", reason=error.message, next_try_seconds=WAITING_SECONDS)
        time.sleep(WAITING_SECONDS)


def serve(settings: Settings, *, worker: bool, announce: Callable[[str], None]) -> None:
    """Run the API server until SIGINT or SIGTERM, and a worker beside it.

    Args:
        settings: what the operator chose.
        worker: start a worker process, and start it again whenever it dies.
        announce: called once with the server's URL, when it takes requests.

    Raises:
        KeyUnusable: this host has another signing key than the service, or, with a worker, does not have it.
    """
    from edgewright import server

    tracing.begin("server")
    kept = prepare(settings, settings.database_wait_seconds)
    signing_key = SigningKey(settings.signing_key, settings.keys_dir, kept.keys)
    if worker:
        signing_key.begin()  # here, so that the server does not start rather than its worker again and again
    else:
        # Where the database is a file, its worker shares this folder; where it is not, workers may be on other hosts.
        signing_key.adopt(create=settings.sqlalchemy_url.startswith("sqlite"))
        signing_key.check()
    server.run(settings, kept, worker=worker, announce=announce)
    tracing.end()


def work(settings: Settings) -> None:
    """Run a worker until SIGINT or SIGTERM.

    Raises:
        KeyUnusable: this host does not have the service's signing key.
    """
    from edgewright import worker
    from edgewright.auth import principals
    from edgewright.events.dispatcher import dispatching

    tracing.begin("worker")
    kept = prepare(settings, settings.database_wait_seconds)
    gc.freeze()  # the collector passes over what is loaded by now
    with dispatching(settings, kept.events, kept.deliveries):
        worker.work(settings, kept, lambda: principals.several_accounts(settings, kept.jobs.accounts()))
    tracing.end()


def register_compilation(settings: Settings, place: tuple[str | None, str], **described: str) -> jobs.JobKey:
    """Make a COMPLETED compilation job of a model that was compiled elsewhere.

    Args:
        settings: what the operator chose; the database and object store are theirs.
        place: the account (None for the settings' own) and region that the job belongs to.
        described: `name`, `artifact`, `framework` and `target` of `operations.registration.request_for`.

    Raises:
        ValidationFault: a name, framework or target that the service model does not allow.
        ObjectNotFound: there is no such artifact.
        ResourceInUse: the name is taken.
    """
    from edgewright import protocol
    from edgewright.operations import registration

    account, region = place
    account = account or settings.account_id
    request = registration.request_for(account=account, **described)
    protocol.validate(protocol.load_service("sagemaker").operations["CreateCompilationJob"], request)
    key = jobs.JobKey(jobs.Kind.COMPILATION, account, region, request["CompilationJobName"])
    with contextlib.closing(prepare(settings)) as kept:
        registration.register(kept.jobs, open_store(settings), key, request, datetime.now(UTC))
    return key
