"""The listening socket, and uvicorn on it: bounded connections, and an end that is announced."""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from edgewright.errors import SettingsRefused
from edgewright.http.connection import ConnectionBounds, bounded
from edgewright.http.connections import ClientLimit, Connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from starlette.types import ASGIApp

    from edgewright.settings import Settings

BACKLOG = 2048


class Server(uvicorn.Server):
    """A uvicorn server that says when it takes requests, and when it begins to end.

    uvicorn's lifespan would say the first before the socket is listened on, and nothing public says the second: so
    three of its public methods are overridden.
    """

    def __init__(self, settings: Settings, app: ASGIApp, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        """Prepare uvicorn.

        Args:
            settings: the bounds of connections.
            app: answers requests.
            ready: called once when requests are taken.
            ending: called when a signal asks for the end.
        """
        own = settings.connections
        per_client, proxies = own.per_client, own.trusted_proxies
        super().__init__(
            uvicorn.Config(
                app if per_client is None else ClientLimit(app, per_client),
                http=bounded(_bounds(settings), Connections(own.limit, per_client, proxies)),
                loop="uvloop",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(map(str, proxies)),
                timeout_keep_alive=settings.keep_alive_seconds,
                timeout_graceful_shutdown=settings.shutdown_seconds,
            )
        )
        self._ready = ready
        self._ending = ending

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
        """A signal came."""
        self._ending()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take requests."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def _bounds(settings: Settings) -> ConnectionBounds:
    return ConnectionBounds(
        header_limit=settings.header_limit,
        header_seconds=settings.header_seconds,
        body_seconds=settings.body_seconds,
        idle_seconds=settings.keep_alive_seconds,
        write_seconds=settings.connections.write_seconds,
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket, and the URL at which it is reached from this host.

    Raises:
        SettingsRefused: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsRefused(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port, or 0 for a free one."
        ) from error
    with listener:
        name = f"[{host}]" if ":" in host else host
        yield listener, f"http://{name}:{listener.getsockname()[1]}"
