"""What strangers do to a real server's connections, while others are answered within a second from little memory."""

from __future__ import annotations

import contextlib
import http.client
import os
import selectors
import socket
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.config import Config

from acceptance.running import RunningServer, packaging_request, serving
from acceptance.test_events import signed as signed_request
from acceptance.test_manners import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

MOST_BYTES = 300_000_000
MOST_SECONDS = 1.0
"""On a machine that has a processor for this; more where others wait for it as well."""
ANSWERS = 20
"""That are waited for, should the server be done with a client before."""
CHUNKED = b"POST / HTTP/1.1\r\nhost: edge\r\n%btransfer-encoding: chunked\r\n\r\n"
LENGTH = b"POST / HTTP/1.1\r\nhost: edge\r\n%bcontent-length: 1048576\r\n\r\n"


class Watch:
    """Asks `/health/live` all the time, and looks how much memory the server has."""

    def __init__(self, server: RunningServer) -> None:
        self._place = urlsplit(server.url).netloc
        self._process = psutil.Process(server.process.pid)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.slowest = 0.0
        self.largest = 0
        self.answers = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _look(self) -> None:
        while self.answers < ANSWERS or not self._ending.wait(0.05):
            begun = time.monotonic()
            connection = http.client.HTTPConnection(self._place, timeout=30)
            try:
                connection.request("GET", "/health/live")
                status = connection.getresponse().status
                if status != 200:
                    self.failures.append(str(status))
            except OSError as error:
                self.failures.append(repr(error))
            finally:
                connection.close()
            self.answers += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.largest = max(self.largest, self._process.memory_info().rss)

    def check(self) -> None:
        """All was well throughout."""
        assert self.failures == []
        assert self.largest < MOST_BYTES
        assert self.slowest < MOST_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("hostile") / "data", "--no-worker") as running:
        yield running


def of_known_key(server: RunningServer) -> bytes:
    """Headers that name the server's own access key, which is no secret, with a signature that is wrong."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{server.keys[0]}/{now[:8]}/eu-west-1/sagemaker/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    return f"x-amz-date: {now}\r\nauthorization: {signed}\r\n".encode()


def send_all(sockets: list[socket.socket], content: bytes, seconds: float) -> None:
    """Send to all of them at once as much as they take; a server that closes is no error."""
    left = {each: memoryview(content) for each in sockets}
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            each.settimeout(0)
            selector.register(each, selectors.EVENT_WRITE)
        while selector.get_map() and time.monotonic() < deadline:
            for key, _ in selector.select(1.0):
                taking = key.fileobj
                assert isinstance(taking, socket.socket)
                try:
                    left[taking] = left[taking][taking.send(left[taking][:65536]) :]
                except (BrokenPipeError, ConnectionResetError):
                    left[taking] = left[taking][:0]
                if not left[taking]:
                    selector.unregister(taking)


@contextlib.contextmanager
def clients(server: RunningServer, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(server)) for _ in range(count)]


@pytest.mark.parametrize("piece", [b"x-trailer: yes\r\n", b"x" * 64, b"authorization: AWS4\r\n"])
def test_endless_trailers(server: RunningServer, piece: bytes) -> None:
    with Watch(server) as watch, clients(server, 4) as sockets:
        send_all(sockets, CHUNKED % b"" + b"1\r\nx\r\n0\r\n" + piece * (64_000_000 // len(piece)), 20)
    watch.check()


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("head", [LENGTH, CHUNKED])
def test_unfinished_bodies(server: RunningServer, head: bytes, *, known: bool) -> None:
    body = b"x" * 1_048_570
    content = body if head is LENGTH else b"%x\r\n%b\r\n" % (len(body), body)
    with Watch(server) as watch, clients(server, 300) as sockets:
        send_all(sockets, head % (of_known_key(server) if known else b"") + content, 20)
        time.sleep(5)
    watch.check()


def test_pipelined_requests(server: RunningServer) -> None:
    with Watch(server) as watch, clients(server, 100) as sockets:
        send_all(sockets, b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n" * 20_000, 20)
    watch.check()


def test_nothing_is_left_of_refused_calls(server: RunningServer) -> None:
    """A megabyte was, of each, until the collector passed."""
    client = server.client(config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
    with Watch(server) as watch:
        for _ in range(300):
            with pytest.raises(client.exceptions.ClientError):
                client.create_edge_packaging_job(**packaging_request("j" * 1_000_000, "c"))
    watch.check()


@pytest.mark.parametrize("sent", [[b""], [b"GET /health/live HTTP/1.1\r\nhost: edge\r\n\r\n", b"\r\n", b"\r\n"]])
def test_silent_sockets_where_few_files_may_be_opened(tmp_path: Path, sent: list[bytes]) -> None:
    few = ["prlimit", "--nofile=256:256"]
    with serving(tmp_path / "data", "--no-worker", under=few) as server:
        before = os.times(), psutil.Process(server.process.pid).cpu_times()
        with Watch(server) as watch, contextlib.ExitStack() as stack:
            sockets: list[socket.socket] = []
            for _ in range(300):
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    sockets.append(stack.enter_context(connect(server)))
                    sockets[-1].sendall(sent[0])
            for piece in sent[1:]:
                time.sleep(1)
                send_all(sockets, piece, 5)
            time.sleep(5)
        watch.check()
        after = os.times(), psutil.Process(server.process.pid).cpu_times()
        busy = after[1].user + after[1].system - before[1].user - before[1].system
        assert busy < (after[0].elapsed - before[0].elapsed) * 0.8, "it spins"
        assert server.stop() == 0
        log = server.log.read_text()
    assert "connections limited by open files" in log
    assert "connections full" in log
    assert log.count("connections full") < 5


def test_silent_sockets_are_closed_in_time(tmp_path: Path) -> None:
    bounds = {"EDGEWRIGHT_HEADER_SECONDS": "2", "EDGEWRIGHT_KEEP_ALIVE_SECONDS": "2"}
    with serving(tmp_path / "data", "--no-worker", environment=bounds) as server:
        with Watch(server) as watch, clients(server, 237) as sockets:
            send_all(sockets, b"GET /health/live HTTP/1.1\r\nhost: edge\r\n\r\n", 5)
            for _ in range(4):  # each used to begin a time of its own
                time.sleep(1.5)
                send_all(sockets, b"\r\n", 5)
            time.sleep(1)
            assert len(psutil.Process(server.process.pid).net_connections()) < 20
        watch.check()


@pytest.mark.parametrize("more", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"])
def test_a_broken_request_ends_an_event_stream_and_writes_nothing_into_it(server: RunningServer, more: bytes) -> None:
    headers = dict(signed_request(server, "/events").headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    host = urlsplit(server.url).netloc
    with connect(server) as connection:
        connection.sendall(f"GET /events HTTP/1.1\r\nhost: {host}\r\n{lines}\r\n".encode())
        read = b""
        while b"retry: 2000" not in read:
            piece = connection.recv(65536)
            assert piece, read
            read += piece
        connection.sendall(more)
        while piece := connection.recv(65536):
            read += piece
    assert read.count(b"HTTP/1.1") == 1
    assert not read.endswith(b"0\r\n\r\n")  # so that the client knows that it is cut off
