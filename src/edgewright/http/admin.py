"""Who may read the pages for those who run the service: the metrics, and what health's checks found.

They answer only under a name of this server, so that no web page can have its own name lead here, and only for this
host, with the token, or on a listener of their own.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.requests import Request

    from edgewright.settings import Settings

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers of a request that came through a proxy: its address is the proxy's, which may well be on this host."""
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class AdminAccess:
    """Decides it, for each request."""

    def __init__(self, settings: Settings) -> None:
        """Keep the settings: names, token, the listener, and who else may read."""
        self.mode = settings.metrics
        token = settings.metrics_token
        self._token = b"" if token is None else token.get_secret_value().encode()
        self._port = settings.admin.port
        self._names = frozenset(map(str.lower, settings.admin.allowed_hosts or _own_names(settings)))
        self._any_own_address = not settings.admin.allowed_hosts

    def is_named(self, request: Request) -> bool:
        """Whether the request's Host is allowed: by default a name of this server, or the address it came to."""
        name = _name(request.headers.get("host", ""))
        server = request.scope.get("server")
        own = self._any_own_address and server is not None and _same_address(name, server[0])
        return own or name in self._names

    def has_right(self, request: Request) -> bool:
        """Whether who asks may read: on the listener of these pages, with the token, or from this host."""
        if self.is_own_listener(request):
            return True
        return self._has_token(request) if self.mode == "token" else _is_local(request)

    def permits(self, request: Request) -> bool:
        """Whether the request may have details."""
        return self.is_named(request) and self.has_right(request)

    def is_own_listener(self, request: Request) -> bool:
        """Whether the request came to the listener of these pages."""
        server = request.scope.get("server")
        return self._port is not None and server is not None and bool(server[1] == self._port)

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token)


def _own_names(settings: Settings) -> set[str]:
    names = {*LOCAL_NAMES, settings.host, socket.gethostname()}
    if settings.public_url is not None:
        names.add(urlsplit(settings.public_url).hostname or "")
    return names - {""}


def _name(host: str) -> str:
    """The name in a Host header, without its port; in lower case."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same_address(name: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(address)
    except ValueError:
        return False


def _is_local(request: Request) -> bool:
    """Whether a request came from this host, and through no proxy."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
