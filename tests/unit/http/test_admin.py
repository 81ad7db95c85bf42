"""Who may read the pages for those who run the service, and by which names."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from edgewright.http.admin import AdminAccess
from edgewright.http.app import beside_admin
from edgewright.settings import load

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def request(host: str, client: str = "127.0.0.1", port: int = 8181, **headers: str) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    found: dict[str, Any] = {"type": "http", "client": (client, 5), "server": ("2001:db8::9", port)}
    return Request(found | {"headers": [(b"host", host.encode()), *raw]})


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost:8181", True),
        ("LOCALHOST", True),
        ("127.0.0.1:1", True),
        ("[::1]:8181", True),
        ("listen.example", True),
        ("models.example.com", True),
        (socket.gethostname(), True),
        ("[2001:db8:0::9]:8181", True),  # the address that it came to
        ("[2001:db8::8]", False),
        ("rebound.example", False),
        ("localhost.rebound.example", False),
        ("localhost@rebound.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_the_servers_own_names_are_allowed(host: str, *, allowed: bool) -> None:
    settings = load(host="listen.example", public_url="https://models.example.com:8443")
    assert AdminAccess(settings).is_named(request(host)) is allowed


@pytest.mark.parametrize(("host", "allowed"), [("metrics.example:80", True), ("localhost", False), ("::", False)])
def test_the_settings_names_are_allowed_instead(host: str, *, allowed: bool) -> None:
    settings = load(admin={"allowed_hosts": ["Metrics.example"]})
    assert AdminAccess(settings).is_named(request(host)) is allowed


def test_the_right_is_this_hosts_or_the_tokens_or_that_of_their_listener() -> None:
    here, there = "127.0.0.1", "192.0.2.1"
    local = AdminAccess(load())
    assert [local.permits(request("localhost", client)) for client in (here, there)] == [True, False]
    guarded = AdminAccess(load(metrics="token", metrics_token=TOKEN))
    assert not guarded.permits(request("localhost", here))
    assert guarded.permits(request("localhost", there, authorization=f"Bearer {TOKEN}"))
    apart = AdminAccess(load(metrics="token", metrics_token=TOKEN, admin={"port": 9090}))
    assert apart.permits(request("localhost", there, 9090))
    assert not apart.permits(request("localhost", there))
    assert not apart.permits(request("rebound.example", there, 9090))


async def everything(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("the API")(scope, receive, send)


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("the metrics")


@pytest.mark.parametrize(
    ("port", "path", "status", "text"),
    [(8181, "/", 200, "the API"), (9090, "/metrics", 200, "the metrics"), (9090, "/", 404, "Not Found")],
)
def test_their_listener_has_these_pages_alone(port: int, path: str, status: int, text: str) -> None:
    app = beside_admin(everything, [Route("/metrics", page)], 9090)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}

    async def ask() -> None:
        await app(scope | {"server": ("192.0.2.9", port)}, receive, send)

    asyncio.run(ask())
    assert (sent[0]["status"], sent[1]["body"].decode()) == (status, text)
