"""How many connections are open at once: in total, for one client, and for the files that a process may open."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from ipaddress import ip_network
from typing import Any

import pytest
from structlog.testing import capture_logs

from edgewright.auth import audit
from edgewright.http.connections import ClientLimit, Connections, affordable, client_of


class Opened:
    """A connection that gives way at once."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.gave_way = False

    def give_way(self) -> None:
        self.gave_way = True
        self._connections.forget(self)


def opened(connections: Connections, *addresses: str) -> list[Opened]:
    """Connections that were admitted, and wait."""
    made = []
    for address in addresses:
        each = Opened(connections)
        assert connections.admit(each, address)
        connections.waits(each)
        made.append(each)
    return made


def test_the_one_that_waited_longest_gives_way() -> None:
    connections = Connections(3)
    first, second, third = opened(connections, "192.0.2.1", "192.0.2.2", "192.0.2.3")
    connections.works(first)
    connections.waits(second)  # it has been answered just now
    opened(connections, "192.0.2.4")
    assert [each.gave_way for each in (first, second, third)] == [False, False, True]
    assert len(connections) == 3


def test_who_is_being_answered_does_not_give_way() -> None:
    connections = Connections(2)
    for each in opened(connections, "192.0.2.1", "192.0.2.2"):
        connections.works(each)
    with capture_logs() as lines:
        assert not connections.admit(Opened(connections), "192.0.2.3")
        assert not connections.admit(Opened(connections), "192.0.2.3")
    assert [(line["event"], line["done"], line["most"]) for line in lines] == [("connections full", "refused", 2)]


@pytest.mark.parametrize(
    ("addresses", "last", "fits"),
    [
        (["192.0.2.1"] * 2, "192.0.2.1", False),
        (["192.0.2.1"] * 2, "192.0.2.2", True),
        (["2001:db8::1", "2001:db8::2"], "2001:db8::3", False),
        (["2001:db8::1", "2001:db8:0:1::2"], "2001:db8::3", True),
        (["10.0.0.7"] * 2, "10.0.0.7", True),  # a trusted proxy
        (["", ""], "", False),
    ],
)
def test_one_client_has_only_so_many(addresses: list[str], last: str, *, fits: bool) -> None:
    connections = Connections(100, 2, [ip_network("10.0.0.0/24")])
    made = opened(connections, *addresses)
    newest = Opened(connections)
    assert connections.admit(newest, last) is fits
    connections.forget(newest)
    for each in made:
        connections.forget(each)
    assert len(connections) == 0
    opened(connections, last, last)


def test_a_clients_requests_through_a_proxy_are_counted() -> None:
    waiting = asyncio.Event()
    statuses: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await waiting.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def run() -> None:
        limit = ClientLimit(app, 2)
        clients = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"]
        scope = {"method": "GET", "path": "/events"}
        asked = [asyncio.create_task(limit(scope | {"client": (client, 1)}, receive, send)) for client in clients]
        await asyncio.sleep(0.01)
        assert statuses == [400]
        assert [(line["logger"], line["address"], line["action"], line["result"]) for line in lines] == [
            (audit.NAME, "192.0.2.1", "GET /events", "ThrottlingException")
        ]
        waiting.set()
        await asyncio.gather(*asked)
        assert statuses == [400, 200, 200, 200]
        await limit({"client": ("192.0.2.1", 1)}, receive, send)
        await limit({"client": None}, receive, send)
        assert statuses[4:] == [200, 200]

    with capture_logs() as lines:
        asyncio.run(run())


def test_what_is_no_address_is_its_own_client() -> None:
    assert client_of("unix") == "unix"


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "most", "raised"),
    [(1024, 4096, 1000, 1000, 2064), (256, 256, 1000, 96, 256), (4096, 4096, 10, 10, 4096), (64, 64, 10, 1, 64)],
)
def test_connections_stay_below_the_files_that_may_be_opened(
    soft: int, hard: int, wanted: int, most: int, raised: int
) -> None:
    script = (
        "import resource; from edgewright.http.connections import affordable\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"print(affordable({wanted}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-2:] == [str(most), str(raised)]
    assert ("connections limited by open files" in done.stdout) == (most < wanted)


def test_a_process_that_may_open_enough_is_left_as_it_is() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert affordable(1) == 1
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
