"""The open connections of one server: capped in total, and for each address where a setting says so.

When all are taken, the connection that has waited longest for its client gives way to a new one, so that silent clients
lock nobody out. The cap stays below the files that the process may open: at that limit the kernel's new connections
would be dropped without a word.
"""

from __future__ import annotations

import resource
import time
import uuid
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Protocol

import structlog

from edgewright.auth import audit
from edgewright.errors import Throttled
from edgewright.logs import ADDRESS, REQUEST_ID
from edgewright.protocol import error_reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

RESERVED = 64
"""Files that a server has open beside its connections: databases, the listener, S3."""
FILES = 2
"""Files of one connection: itself, and an object that it reads."""
SITE_BITS = 64
"""Of an IPv6 address: one client has all addresses that begin with the same."""
LOG_SECONDS = 10.0
"""Between two lines about connections that were closed or refused."""

log = structlog.get_logger(__name__)


class Connection(Protocol):
    """What can be asked to give way."""

    def give_way(self) -> None:
        """End now, as if the client's time had passed."""


@dataclass(slots=True)
class Connections:
    """Counts connections, and knows which wait for their clients. For one thread.

    Attributes:
        most: open at once.
        of_client: open at once from one client's address; None for no cap.
        proxies: their addresses stand for many clients and have no cap here: see `ClientLimit`.
    """

    most: int
    of_client: int | None = None
    proxies: Sequence[IPv4Network | IPv6Network] = ()
    _open: dict[Connection, str] = field(default_factory=dict)
    _of_clients: Counter[str] = field(default_factory=Counter)
    _waiting: OrderedDict[Connection, None] = field(default_factory=OrderedDict)
    _logged_at: float = -LOG_SECONDS
    _unlogged: int = 0

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection, address: str) -> bool:
        """Count a new connection; whether it may stay. Another one may have to give way to it."""
        client = client_of(address)
        full = self.of_client is not None and self._of_clients[client] >= self.of_client and not self._is_proxy(address)
        fits = not full and (len(self._open) < self.most or self._make_room())
        self._open[connection] = client
        self._of_clients[client] += 1
        if not fits:
            self._report("refused")
        return fits

    def _make_room(self) -> bool:
        if not self._waiting:
            return False
        oldest, _ = self._waiting.popitem(last=False)
        oldest.give_way()
        self._report("closed the one that had waited longest")
        return True

    def waits(self, connection: Connection) -> None:
        """It waits for its client from now on."""
        self._waiting[connection] = None
        self._waiting.move_to_end(connection)

    def works(self, connection: Connection) -> None:
        """A whole request of it is being answered."""
        self._waiting.pop(connection, None)

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self._waiting.pop(connection, None)
        client = self._open.pop(connection)
        self._of_clients[client] -= 1
        if not self._of_clients[client]:
            del self._of_clients[client]

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.proxies)

    def _report(self, done: str) -> None:
        self._unlogged += 1
        now = time.monotonic()
        if now - self._logged_at >= LOG_SECONDS:
            log.warning("connections full", open=len(self._open), most=self.most, done=done, times=self._unlogged)
            self._logged_at, self._unlogged = now, 0


class ClientLimit:
    """Caps the requests of one client that are answered at once, where a trusted proxy says who the client is."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._of_clients: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse as a rate limit does."""
        address = scope["client"][0] if scope.get("client") else ""
        client = client_of(address)
        if self._of_clients[client] >= self._most:
            await _refuse(scope, send, address)
            return
        self._of_clients[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._of_clients[client] -= 1
            if not self._of_clients[client]:
                del self._of_clients[client]


async def _refuse(scope: Scope, send: Send, address: str) -> None:
    request_id = str(uuid.uuid4())
    ADDRESS.set(address)
    REQUEST_ID.set(request_id)
    error = Throttled("Too many requests of this address are being answered. Wait for their answers.")
    audit.refused(error, None, f"{scope['method']} {scope['path']}")
    refused = error_reply(error)
    headers = [
        (b"x-amzn-requestid", request_id.encode("ascii")),
        (b"content-type", b"application/x-amz-json-1.1"),
        (b"x-amzn-errortype", refused.code.encode("ascii")),
        (b"content-length", b"%d" % len(refused.body)),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": refused.body})


def client_of(address: str) -> str:
    """Who has an address, as far as can be told: of IPv6, all that begin with the same 64 bits."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(IPv6Network((found, SITE_BITS), strict=False)) if isinstance(found, IPv6Address) else address


def affordable(wanted: int) -> int:
    """So many connections, or fewer where the process may not open as many files; the soft limit is raised."""
    needed = RESERVED + FILES * wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    most = max(1, (soft - RESERVED) // FILES)
    log.warning("connections limited by open files", most=most, wanted=wanted, files=soft, files_wanted=needed)
    return most
