"""The API server, put together of its parts: only this module knows every one of them."""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
import uvicorn
from starlette.routing import Route

from edgewright import protocol
from edgewright.auth.principals import Principals
from edgewright.auth.sigv4 import Verifier
from edgewright.auth.throttling import Throttle
from edgewright.console import Console, Gate, Packages, Parts, Readings, Seals
from edgewright.database.secrets import secret
from edgewright.errors import SettingsRefused
from edgewright.files import write_atomically
from edgewright.http import readiness
from edgewright.http.api import Api, Bounds
from edgewright.http.app import application
from edgewright.http.artifacts import LIFE, Artifacts
from edgewright.http.connection import bounded
from edgewright.http.entrance import Entrance
from edgewright.http.health import Health
from edgewright.http.metrics import Metrics
from edgewright.http.progress import Progress
from edgewright.http.service_protocols import AwsJson, RestJson
from edgewright.http.stream import EventStream
from edgewright.http.tracing import traced
from edgewright.operations import OPERATIONS, Caller, Context, Shelf
from edgewright.roles import open_roles
from edgewright.stores import open_store
from edgewright.stores.protocols import LinkingStore
from edgewright.telemetry import snapshot
from edgewright.telemetry.requests import RequestCounters
from edgewright.worker import ENDING_SECONDS, Handover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from edgewright.auth.principals import Principal
    from edgewright.http.entrance import Session
    from edgewright.http.service_protocols import ServiceProtocol
    from edgewright.persistence import Persistence
    from edgewright.settings import Settings
    from edgewright.stores import ObjectStore, S3Uri

log = structlog.get_logger(__name__)

TOKEN_KEY = "next-token"  # noqa: S105 - the name under which the database keeps the key
LINK_KEY = "artifact-link"
SESSION_KEY = "console-session"
RESTART_SECONDS = (0.5, 30.0)
"""The pauses before a worker that died is started again: the first, and the longest."""
STEADY_SECONDS = 60.0
"""A worker that ran for so long had a good start: the next pause is the first again."""
SPARE_SECONDS = 2.0
"""What a worker may take beyond all that it needs to end, before it is killed."""


def run(settings: Settings, kept: Persistence, *, worker: bool, announce: Callable[[str], None]) -> None:
    """Listen and answer until SIGINT or SIGTERM, with a worker beside it.

    Args:
        settings: what the operator chose.
        kept: the stores on the database.
        worker: start a worker process, and start it again whenever it dies.
        announce: called once with the server's URL, when it takes requests.
    """
    with _listening(settings.host, settings.port) as listener:
        url = f"http://{_printable(settings.host)}:{listener.getsockname()[1]}"
        leaving = threading.Event()
        server = _Server(_uvicorn_config(settings, api(settings, kept, leaving.is_set)))
        server.leaving = leaving
        server.ready = lambda: announce(url)
        gc.freeze()  # the collector passes over what is loaded by now
        # Clients that are given the data folder find the server's address here.
        write_atomically(settings.data_dir / "endpoint", [f"{url}\n".encode()])
        with _worker_beside(settings) if worker else contextlib.nullcontext():
            server.run(sockets=[listener])


def api(settings: Settings, kept: Persistence, leaving: Callable[[], bool] = lambda: False) -> ASGIApp:
    """The ASGI application of one API server: both services, and the artifacts that it hands out itself.

    Args:
        settings: what the operator chose.
        kept: the stores on the database.
        leaving: whether the server is ending: answers that would never end do so then.
    """
    hand_over = Handover(settings, kept.queue)
    token_key = secret(kept.engine, TOKEN_KEY)
    objects = open_store(settings)
    artifacts = Artifacts(objects, secret(kept.engine, LINK_KEY), _now)
    shelf = Shelf(kept.components, objects, _links(settings.public_url, artifacts, objects))
    roles = open_roles(settings, objects)

    def context_for(caller: Caller) -> Context:
        return Context(caller, kept.jobs, hand_over, _now, token_key, settings.unfinished_jobs, shelf, roles)

    principals, rate = Principals(settings), settings.requests_per_second
    throttle = None if rate is None else Throttle(rate, settings.request_burst)
    tally = RequestCounters()
    bounds = Bounds(settings.body_limit, embedded=settings.sqlalchemy_url.startswith("sqlite"), throttle=throttle)

    def front(wire: ServiceProtocol) -> ASGIApp:
        verifier = Verifier(principals, wire.service.signing_name)
        return traced(Api(wire, verifier, context_for, bounds, tally))

    sagemaker = AwsJson(protocol.load_service("sagemaker"), OPERATIONS)
    greengrass = RestJson(protocol.load_service("greengrassv2"), OPERATIONS)
    gate = Gate(
        Seals(secret(kept.engine, SESSION_KEY)),
        principals,
        (sagemaker, greengrass),
        context_for,
        Readings(kept.events, kept.reports, kept.workers),
        throttle,
        settings.body_limit,
    )
    entrance = Entrance(
        sagemaker, Verifier(principals, sagemaker.service.signing_name), principals, throttle, _session(settings, gate)
    )
    more = [
        *_watched(settings, kept, objects, tally),
        Route("/events", EventStream(entrance, kept.events, leaving).page, methods=["GET"]),
        Route("/progress", Progress(entrance, kept.jobs).page, methods=["GET"]),
        *_console(settings, kept, gate),
    ]
    return application(front(sagemaker), front(greengrass), artifacts, more)


def _console(settings: Settings, kept: Persistence, gate: Gate) -> Sequence[BaseRoute]:
    """The console's pages, unless the settings have none."""
    if not settings.console.enabled:
        return []
    in_folder = settings.object_store == "directory"
    parts = Parts(
        gate=gate,
        reports=kept.reports,
        packages=Packages(gate, settings.keys_dir, settings.limits),
        objects_dir=settings.objects_dir if in_folder else None,
        session_seconds=settings.console.session_seconds,
        region=settings.console.region,
        public_url=settings.public_url,
        lapse_seconds=settings.worker.liveness_timeout_seconds,
    )
    return Console(parts).routes()


def _session(settings: Settings, gate: Gate) -> Session | None:
    """Who has the console's session, and the region that they look at."""

    def found(request: Request) -> tuple[Principal, str] | None:
        signed_in = gate.signed_in(request)
        return None if signed_in is None else (signed_in[1], signed_in[0].region)

    return found if settings.console.enabled else None


def _watched(
    settings: Settings, kept: Persistence, objects: ObjectStore, tally: RequestCounters
) -> Sequence[BaseRoute]:
    """The pages for those who watch the service."""
    health = Health(
        readiness.checks(settings, kept.engine, objects),
        readiness.advice(kept.workers, settings.worker.liveness_timeout_seconds),
    )
    return [
        Route("/metrics", Metrics(settings, lambda: snapshot.take(kept.engine, _now()), tally).page, methods=["GET"]),
        Route("/health/live", health.live, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
    ]


def _links(public_url: str | None, artifacts: Artifacts, objects: ObjectStore) -> Callable[[S3Uri, str], str]:
    """How objects get addresses: from their own service if it can, else this server hands them out."""
    if isinstance(objects, LinkingStore):
        return lambda uri, _endpoint: objects.link(uri, LIFE)
    if public_url is not None:
        return lambda uri, _endpoint: artifacts.link(uri, public_url)
    return artifacts.link


def _uvicorn_config(settings: Settings, app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=bounded(settings.header_limit, settings.header_seconds, settings.body_seconds),
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


class _Server(uvicorn.Server):
    """A uvicorn server that says when it takes requests, and when it takes no more."""

    ready: Callable[[], None]
    leaving: threading.Event

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as a wish to end.

        uvicorn's own raises them again once it has shut down: the process would die before its worker has ended.
        """
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.leaving.set()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()


def _now() -> datetime:
    return datetime.now(UTC)


def _printable(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise SettingsRefused(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port, or 0 for a free one."
        ) from error
    with listener:
        yield listener


@contextlib.contextmanager
def _worker_beside(settings: Settings) -> Iterator[None]:
    """A worker process that is started again when it dies, and ended with the server.

    It holds the reading end of a pipe as its standard input: should the server itself be killed, the pipe closes and
    the worker ends by itself.
    """
    ending = threading.Event()
    keeper = threading.Thread(target=_keep_worker, args=(settings, ending), name="worker-keeper")
    keeper.start()
    try:
        yield
    finally:
        ending.set()
        keeper.join()


def _keep_worker(settings: Settings, ending: threading.Event) -> None:
    first, longest = RESTART_SECONDS
    pause = first
    while not ending.is_set():
        begun = time.monotonic()
        process = _start_worker(settings)
        while process.poll() is None and not ending.wait(0.1):
            pass
        if ending.is_set():
            _end_worker(process, settings.worker.grace_seconds + ENDING_SECONDS + SPARE_SECONDS)
            return
        pause = first if time.monotonic() - begun > STEADY_SECONDS else min(pause * 2, longest)
        log.error("worker died", exit_code=process.returncode, next_start_seconds=pause)
        ending.wait(pause)


def _start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    """Start a worker on the same data folder; every other setting reaches it as it reached this process."""
    command = [sys.executable, "-m", "edgewright", "worker", "--data-dir", str(settings.data_dir), "--with-parent"]
    return subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 - no shell, no part from outside


def _end_worker(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
