"""How the server bounds its connections, and how it ends: real sockets against a real process."""

from __future__ import annotations

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

BOUNDS = {
    "EDGEWRIGHT_HEADER_LIMIT": "8192",
    "EDGEWRIGHT_HEADER_SECONDS": "1",
    "EDGEWRIGHT_BODY_SECONDS": "1",
    "EDGEWRIGHT_KEEP_ALIVE_SECONDS": "1",
    "EDGEWRIGHT_REQUESTS_PER_SECOND": "5",
    "EDGEWRIGHT_REQUEST_BURST": "20",
    "EDGEWRIGHT_UNFINISHED_JOBS": "2",
}


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with tight bounds and no worker, so that jobs stay unfinished."""
    with serving(tmp_path_factory.mktemp("strict") / "data", "--no-worker", environment=BOUNDS) as running:
        yield running


def connect(server: RunningServer) -> socket.socket:
    place = urlsplit(server.url)
    return socket.create_connection((place.hostname or "", place.port or 0), timeout=30)


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
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


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
            time.sleep(0.4)
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
