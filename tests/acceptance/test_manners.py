"""How the server bounds its connections, and how it ends: real sockets against a real process."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from acceptance.running import REGION, RunningServer, packaging_request, register, serving
from acceptance.test_authentication import signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BOUNDS = {
    "EDGEWRIGHT_HEADER_LIMIT": "8192",
    "EDGEWRIGHT_HEADER_SECONDS": "1",
    "EDGEWRIGHT_BODY_SECONDS": "1",
    "EDGEWRIGHT_KEEP_ALIVE_SECONDS": "2",
    "EDGEWRIGHT_REQUESTS_PER_SECOND": "5",
    "EDGEWRIGHT_REQUEST_BURST": "20",
    "EDGEWRIGHT_UNFINISHED_JOBS": "2",
}

WITHIN = 8.0
"""Seconds until a bound has shown itself: many times the above, and less than any of the defaults."""


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with tight bounds and no worker, so that jobs stay unfinished."""
    with serving(tmp_path_factory.mktemp("strict") / "data", "--no-worker", environment=BOUNDS) as running:
        yield running


def connect(server: RunningServer) -> socket.socket:
    place = urlsplit(server.url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=WITHIN)


def status_line(connection: socket.socket) -> str:
    """The first line of an answer, once the server has closed the connection or answered."""
    content = b""
    while b"\r\n" not in content:
        piece = connection.recv(65536)
        if not piece:
            break
        content += piece
    return content.split(b"\r\n")[0].decode()


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes the connection within that time, counted from here."""
    deadline = time.monotonic() + WITHIN
    while (left := deadline - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            if not connection.recv(65536):
                return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            break
    return False


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /health HTTP/1.1\r\nhost: x\r\nx-long: " + b"x" * 10_000 + b"\r\n\r\n",
        b"GET /health HTTP/1.1\r\nhost: x\r\n" + b"x-many: yes\r\n" * 2_000 + b"\r\n",
        b"GET /health?" + b"q" * 10_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    ],
    ids=["one long header", "many headers", "a long query"],
)
def test_headers_over_the_cap_are_refused(strict: RunningServer, sent: bytes) -> None:
    with connect(strict) as connection:
        connection.sendall(sent)
        assert status_line(connection) == "HTTP/1.1 431 Request Header Fields Too Large"
        assert is_closed(connection)


def test_a_header_that_never_ends_is_refused_before_it_ends(strict: RunningServer) -> None:
    with connect(strict) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nx-endless: ")
        for _ in range(3):
            connection.sendall(b"x" * 4096)
            time.sleep(0.05)
        assert status_line(connection) == "HTTP/1.1 431 Request Header Fields Too Large"


@pytest.mark.parametrize("sent", [b"", b"GET /heal", b"\r\n", b"POST / HTTP/1.1\r\nhost: x\r\n"])
def test_a_client_that_is_slow_with_its_headers_is_cut_off(strict: RunningServer, sent: bytes) -> None:
    with connect(strict) as connection:
        connection.sendall(sent)
        assert status_line(connection) == "HTTP/1.1 408 Request Timeout"
        assert is_closed(connection)


def test_a_client_that_is_slow_with_its_body_is_cut_off(strict: RunningServer) -> None:
    with connect(strict) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf of it")
        assert status_line(connection).startswith("HTTP/1.1 408")
        assert is_closed(connection)


def test_an_idle_connection_is_closed_and_a_busy_one_is_kept(strict: RunningServer) -> None:
    with connect(strict) as connection:
        for _ in range(4):
            connection.sendall(b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\nNot Found"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")
            time.sleep(0.7)
        assert is_closed(connection)


def test_a_principal_who_asks_too_often_is_throttled_as_sdks_know_it(strict: RunningServer) -> None:
    client = strict.client()
    codes = set()
    for _ in range(60):
        try:
            client.list_edge_packaging_jobs(MaxResults=1)
        except ClientError as error:
            codes.add((error.response["Error"]["Code"], error.response["Error"]["Message"]))
    assert codes == {("ThrottlingException", "Rate exceeded")}
    patient = strict.client(config=Config(retries={"mode": "standard", "total_max_attempts": 8}))
    for _ in range(10):
        assert patient.list_edge_packaging_jobs(MaxResults=1)["EdgePackagingJobSummaries"] == []


def test_an_account_with_too_many_unfinished_jobs_is_told_so(strict: RunningServer) -> None:
    client = strict.client(config=Config(retries={"mode": "standard", "total_max_attempts": 8}))
    register(strict, "source", strict.put("models", "m.tar.gz", b"not read here"))
    for name in ("one", "two"):
        client.create_edge_packaging_job(**packaging_request(name, "source"))
    with pytest.raises(client.exceptions.ResourceLimitExceeded, match="is 2, with current utilization of 2"):
        client.create_edge_packaging_job(**packaging_request("three", "source"))


def test_requests_in_flight_are_answered_before_the_server_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving(tmp_path_factory.mktemp("ending") / "data", "--no-worker") as running:
        body = json.dumps({"EdgePackagingJobName": "nobody"}).encode()
        headers = signed(running, body) | {"X-Amz-Target": "SageMaker.DescribeEdgePackagingJob"}
        # The signature of `signed` covers the target, so this request is refused; what counts is that it is answered.
        head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head += f"host: {urlsplit(running.url).netloc}\r\ncontent-length: {len(body)}\r\n\r\n"
        with connect(running) as connection:
            connection.sendall(head.encode() + body[:10])
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            assert running.process.poll() is None
            connection.sendall(body[10:])
            assert status_line(connection) == "HTTP/1.1 400 Bad Request"
        assert running.process.wait(30) == 0


def test_many_connections_at_once_are_all_served(server: RunningServer, sagemaker: Any) -> None:
    answers: list[int] = []

    def ask() -> None:
        client = server.client(region=REGION)
        answers.extend(
            client.list_edge_packaging_jobs(MaxResults=1)["ResponseMetadata"]["HTTPStatusCode"] for _ in range(5)
        )

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def asked(address: tuple[str, int], path: str, source: str = "127.0.0.1", **headers: str) -> tuple[int, bytes]:
    """Status and body of a GET that comes from an address of this host."""
    connection = http.client.HTTPConnection(*address, timeout=30, source_address=(source, 0))
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_admin_pages_have_a_listener_of_their_own_and_answer_to_the_servers_names(tmp_path: Path) -> None:
    port = free_port()
    token = "a-token-of-some-length"
    settings = {
        "EDGEWRIGHT_ADMIN__PORT": str(port),
        "EDGEWRIGHT_METRICS": "token",
        "EDGEWRIGHT_METRICS_TOKEN": token,
    }
    with serving(tmp_path / "data", "--no-worker", environment=settings) as running:
        main, own = ("127.0.0.1", urlsplit(running.url).port or 0), ("127.0.0.1", port)
        assert asked(main, "/metrics")[0] == 401
        assert asked(main, "/metrics", authorization=f"Bearer {token}")[0] == 200
        assert asked(main, "/metrics", authorization=f"Bearer {token}", host="rebound.example")[0] == 421
        assert asked(own, "/metrics")[0] == 200
        assert asked(own, "/metrics", host="rebound.example")[0] == 421
        assert [asked(own, path)[0] for path in ("/", "/keys", "/console/sign-in")] == [404, 404, 404]
        assert "checks" in json.loads(asked(own, "/health/ready")[1])
        assert json.loads(asked(main, "/health/ready")[1]) == {"status": "ready"}
        assert json.loads(asked(main, "/health")[1]) == {"status": "ok"}


def test_one_client_has_only_so_many_connections_and_a_proxy_speaks_for_many(tmp_path: Path) -> None:
    settings = {
        "EDGEWRIGHT_CONNECTIONS__PER_CLIENT": "3",
        "EDGEWRIGHT_CONNECTIONS__TRUSTED_PROXIES": '["127.0.0.3/32"]',
    }
    with serving(tmp_path / "data", "--no-worker", environment=settings) as running, contextlib.ExitStack() as stack:
        place = ("127.0.0.1", urlsplit(running.url).port or 0)

        def connected(source: str, sent: bytes = b"") -> socket.socket:
            made = stack.enter_context(socket.create_connection(place, 30, source_address=(source, 0)))
            made.sendall(sent)
            return made

        for _ in range(3):
            connected("127.0.0.2")
        assert status_line(connected("127.0.0.2")) == "HTTP/1.1 503 Service Unavailable"
        assert asked(place, "/health/live", "127.0.0.4", x_forwarded_for="127.0.0.2")[0] == 200  # believes nobody else
        unfinished = "POST / HTTP/1.1\r\nhost: edge\r\nx-forwarded-for: %s\r\ncontent-length: 9\r\n\r\n"
        for _ in range(3):
            connected("127.0.0.3", (unfinished % "198.51.100.7, 192.0.2.1").encode())
        time.sleep(0.5)
        status, body = asked(place, "/health/live", "127.0.0.3", x_forwarded_for="192.0.2.1")
        assert (status, json.loads(body)["__type"]) == (400, "ThrottlingException")
        assert asked(place, "/health/live", "127.0.0.3", x_forwarded_for="192.0.2.1, 198.51.100.7")[0] == 200
