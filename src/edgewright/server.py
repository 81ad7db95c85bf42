"""The API server, put together of its parts: only this module knows every one of them."""

from __future__ import annotations

import contextlib
import gc
import threading
from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from edgewright import protocol
from edgewright.auth.authenticator import Authenticator
from edgewright.auth.links import LIFE, LinkSigner
from edgewright.auth.principals import Principals
from edgewright.auth.sessions import SessionSigner
from edgewright.auth.throttling import Throttle
from edgewright.console import Console, Packages, PageRequests, Parts, Readings
from edgewright.database.clock import utc_now
from edgewright.database.secrets import LINKS, SESSIONS, RotatingSecrets, secret
from edgewright.files import PRIVATE, write_atomically
from edgewright.http import readiness
from edgewright.http.admin import AdminAccess
from edgewright.http.api import Api, RequestBounds
from edgewright.http.app import application, beside_admin
from edgewright.http.artifacts import Artifacts
from edgewright.http.authentication import PageAuthentication
from edgewright.http.bodies import Bodies
from edgewright.http.connections import affordable
from edgewright.http.health import Health
from edgewright.http.keys import KeyPages
from edgewright.http.listener import Server, listening
from edgewright.http.metrics import Metrics
from edgewright.http.packages import PackagePages
from edgewright.http.progress import ProgressPages
from edgewright.http.service_protocols import AwsJson, RestJson, ServiceProtocol
from edgewright.http.stream import MOST_STREAMS, EventStream
from edgewright.http.tracing import traced
from edgewright.operations import OPERATIONS, Caller, Context
from edgewright.roles import open_roles
from edgewright.stores import ObjectStore, S3Uri, open_store
from edgewright.stores.protocols import LinkingStore
from edgewright.supervisor import supervised_worker
from edgewright.telemetry import snapshot
from edgewright.telemetry.requests import RequestCounters
from edgewright.worker import Enqueuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from socket import socket

    from starlette.types import ASGIApp

    from edgewright.persistence import Persistence
    from edgewright.settings import Settings

TOKEN_KEY = "next-token"  # noqa: S105 - the name under which the database keeps the key


def run(settings: Settings, kept: Persistence, *, worker: bool, announce: Callable[[str], None]) -> None:
    """Listen and answer until SIGINT or SIGTERM, with a worker beside it.

    Args:
        settings: what the operator chose.
        kept: the stores on the database.
        worker: start a worker process, and start it again whenever it dies.
        announce: called once with the server's URL, when it takes requests.
    """
    own = settings.connections
    settings = settings.model_copy(update={"connections": own.model_copy(update={"limit": affordable(own.limit)})})
    with listening(settings.host, settings.port) as (listener, url), _admin_listener(settings) as admin:
        ending, secrets = threading.Event(), RotatingSecrets(kept.engine, (LINKS, SESSIONS))
        server = Server(settings, api(settings, kept, secrets, ending.is_set), lambda: announce(url), ending.set)
        gc.freeze()  # the collector passes over what is loaded by now
        # Clients that are given the data folder find the server's address here.
        write_atomically(settings.data_dir / "endpoint", [f"{url}\n".encode()], mode=PRIVATE)
        with secrets.refreshed(ending), supervised_worker(settings) if worker else contextlib.nullcontext():
            server.run(sockets=[listener, *admin])


@contextlib.contextmanager
def _admin_listener(settings: Settings) -> Iterator[list[socket]]:
    """The listener of the pages for those who run the service; empty where they have none of their own."""
    if settings.admin.port is None:
        yield []
    else:
        with listening(settings.admin.host, settings.admin.port) as (listener, _):
            yield [listener]


def api(settings: Settings, kept: Persistence, secrets: RotatingSecrets, ending: Callable[[], bool]) -> ASGIApp:
    """The ASGI application of one API server: both services, the console, and the artifacts that it serves itself.

    Args:
        settings: what the operator chose.
        kept: the stores on the database.
        secrets: what links and sessions are signed with.
        ending: whether the server is ending: answers that would never end do so then.
    """
    services = (protocol.load_service("sagemaker"), protocol.load_service("greengrassv2"))
    sagemaker, greengrass = AwsJson(services[0], OPERATIONS), RestJson(services[1], OPERATIONS)
    principals, sessions = Principals(settings), SessionSigner(secrets.reader(SESSIONS))
    rate = settings.requests_per_second
    authenticator = Authenticator(
        principals,
        [service.signing_name for service in services],
        None if rate is None else Throttle(rate, settings.request_burst),
        sessions if settings.console.enabled else None,
    )
    objects = open_store(settings)
    artifacts = Artifacts(objects, LinkSigner(secrets.reader(LINKS), utc_now))
    context_for = _contexts(settings, kept, objects, artifacts)
    counters = RequestCounters()
    bounds = RequestBounds(Bodies(settings.body_limit), embedded=settings.sqlalchemy_url.startswith("sqlite"))

    def endpoint(service_protocol: ServiceProtocol) -> ASGIApp:
        return traced(Api(service_protocol, authenticator, context_for, bounds, counters))

    readings = Readings(kept.events, kept.reports, kept.workers)
    requests = PageRequests(authenticator, sessions, services, context_for, readings, bounds.bodies)
    pages = PageAuthentication(authenticator, sagemaker)
    streams = EventStream(pages, kept.events, ending, min(MOST_STREAMS, settings.connections.limit // 2))
    admin = _monitoring(settings, kept, objects, counters)
    more = [
        *admin,
        *KeyPages(kept.keys).routes(),
        *PackagePages(pages, kept.jobs, open_roles(settings, objects)).routes(),
        Route("/events", streams.page, methods=["GET"]),
        Route("/progress", ProgressPages(pages, kept.jobs).page, methods=["GET"]),
        *(_console(settings, kept, requests, principals) if settings.console.enabled else ()),
    ]
    app = application(endpoint(sagemaker), endpoint(greengrass), artifacts, more)
    return app if settings.admin.port is None else beside_admin(app, admin, settings.admin.port)


def _contexts(
    settings: Settings, kept: Persistence, objects: ObjectStore, artifacts: Artifacts
) -> Callable[[Caller], Context]:
    """What operations are given, for each caller."""
    enqueue, token_key = Enqueuer(settings, kept.queue), secret(kept.engine, TOKEN_KEY)
    link, roles = _links(settings.public_url, artifacts, objects), open_roles(settings, objects)
    # Where roles bound what jobs may read, components may not reach further.
    bounded = settings.roles != "account" or bool(settings.component_buckets)

    return partial(
        Context,
        jobs=kept.jobs,
        components=kept.components,
        objects=objects,
        link=link,
        roles=roles,
        enqueue=enqueue,
        now=utc_now,
        token_key=token_key,
        unfinished_jobs=settings.unfinished_jobs,
        component_buckets=settings.component_buckets if bounded else None,
    )


def _console(
    settings: Settings, kept: Persistence, requests: PageRequests, principals: Principals
) -> Sequence[BaseRoute]:
    """The console's pages."""
    in_folder = settings.object_store == "directory"
    parts = Parts(
        requests=requests,
        principals=principals,
        packages=Packages(kept.keys.trusted, settings.limits),
        objects_dir=settings.objects_dir if in_folder else None,
        session_seconds=settings.console.session_seconds,
        region=settings.console.region,
        public_url=settings.public_url,
        liveness_seconds=settings.worker.liveness_timeout_seconds,
    )
    return Console(parts).routes()


def _monitoring(
    settings: Settings, kept: Persistence, objects: ObjectStore, counters: RequestCounters
) -> Sequence[BaseRoute]:
    """The pages for those who run the service."""
    access, liveness_seconds = AdminAccess(settings), settings.worker.liveness_timeout_seconds
    health = Health(
        access,
        readiness.checks(settings, kept.engine, objects),
        readiness.advice(kept.workers, liveness_seconds),
    )
    metrics = Metrics(access, lambda: snapshot.take(kept.engine, utc_now()), counters, liveness_seconds)
    return [
        Route("/metrics", metrics.page, methods=["GET"]),
        Route("/health", health.live, methods=["GET"]),
        Route("/health/live", health.live, methods=["GET"]),
        Route("/health/ready", health.ready, methods=["GET"]),
    ]


def _links(public_url: str | None, artifacts: Artifacts, objects: ObjectStore) -> Callable[[S3Uri, str, str], str]:
    """How objects get addresses: from their own service if it can, else of this server."""
    if isinstance(objects, LinkingStore):
        return lambda uri, _endpoint, _sha256: objects.link(uri, LIFE)
    if public_url is not None:
        return lambda uri, _endpoint, sha256: artifacts.link(uri, public_url, sha256)
    return artifacts.link
