"""Answers on the wire in their order, and connections that end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from edgewright.http.connection import ConnectionBounds, bounded
from edgewright.http.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n"
IDLE_SECONDS = 1
released = threading.Event()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers by path: whole, in pieces with a pause, or nothing but a head."""
    await receive()
    path, status = scope["path"], 204 if scope["path"] == "/nothing" else 200
    headers = [] if status == 204 else [(b"content-length", b"%d" % (2 * len(path)))]
    if path == "/split":
        headers.append((b"x-name", b"value\r\nx-other: value"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/slow":
        await asyncio.to_thread(released.wait)
    if status == 204:
        await send({"type": "http.response.body", "body": b""})
        return
    if path == "/whole":
        await send({"type": "http.response.body", "body": 2 * path.encode()})
        return
    await send({"type": "http.response.body", "body": path.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": path.encode()})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    protocol = bounded(ConnectionBounds(32 * 1024, 10.0, 30.0, IDLE_SECONDS, 30.0), Connections(100))
    config = uvicorn.Config(
        application,
        http=protocol,
        loop="uvloop",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    released.set()
    server.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def read_until(connection: socket.socket, ending: bytes) -> bytes:
    read = b""
    while not read.endswith(ending):
        piece = connection.recv(65536)
        assert piece, read
        read += piece
    return read


def test_a_whole_answer_is_the_same_answer(port: int) -> None:
    with connect(port) as connection:
        for _ in range(3):
            connection.sendall(HEAD % b"/whole")
            head, _, body = read_until(connection, b"/whole/whole").partition(b"\r\n\r\n")
            lines = head.split(b"\r\n")
            assert lines[0] == b"HTTP/1.1 200 OK"
            assert {line.partition(b":")[0] for line in lines[1:]} == {b"date", b"server", b"content-length"}
            assert body == b"/whole/whole"


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1\r\nconnection: close"])
def test_a_whole_answer_on_a_connection_that_ends_says_so(port: int, version: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /whole " + version + b"\r\nhost: x\r\n\r\n")
        assert b"connection: close\r\n" in read_until(connection, b"/whole/whole")
        assert connection.recv(1) == b""


def test_a_header_that_would_begin_another_is_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD % b"/split")
        assert connection.recv(1) == b""  # as uvicorn does it: nothing goes out


def test_a_head_does_not_wait_for_a_body_that_is_late(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(HEAD % b"/slow")
        assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")
        released.set()
        assert read_until(connection, b"/slow/slow") == b"/slow/slow"


def test_answers_without_a_body_go_out(port: int) -> None:
    with connect(port) as connection:
        for _ in range(2):
            connection.sendall(HEAD % b"/nothing")
            assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 204 No Content\r\n")
        connection.sendall((HEAD % b"/a").replace(b"GET", b"HEAD"))
        assert b"content-length: 4\r\n" in read_until(connection, b"\r\n\r\n")


def test_requests_in_a_row_are_answered_in_their_order(port: int) -> None:
    paths = [b"/a", b"/nothing", b"/whole", b"/nothing", b"/a"]
    with connect(port) as connection:
        connection.sendall(b"".join(HEAD % path for path in paths))
        read = b""
        while read.count(b"HTTP/1.1") < len(paths) or not read.endswith(b"/a/a"):
            read += connection.recv(65536)
    begun = [answer.partition(b" ")[0] for answer in read.split(b"HTTP/1.1 ")[1:]]
    assert begun == [b"200", b"204", b"200", b"204", b"200"]
    assert read.index(b"/a/a") < read.index(b"/whole/whole") < read.rindex(b"/a/a")


def test_an_answer_that_is_whole_waits_for_a_slow_one_before_it(port: int) -> None:
    released.clear()
    with connect(port) as connection:
        connection.sendall(b"".join(HEAD % path for path in (b"/whole", b"/slow", b"/whole")))
        read = b""
        while not (read.count(b"HTTP/1.1 200") == 2 and read.endswith(b"\r\n\r\n")):  # the slow one's head is out
            piece = connection.recv(65536)
            assert piece, read
            read += piece
        assert b"/whole/wholeHTTP/1.1" in read
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(30)
        released.set()
        rest = read_until(connection, b"/whole/whole")
        assert rest.startswith(b"/slow/slowHTTP/1.1 200 OK\r\n")


def test_a_request_in_pieces_has_the_same_answer(port: int) -> None:
    whole = b"POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody"
    with connect(port) as connection, connect(port) as other:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(1, len(whole)):
            connection.sendall(whole[:cut])
            other.sendall(HEAD % b"/a")  # whose answer lets the first piece be read by itself
            read_until(other, b"/a/a")
            connection.sendall(whole[cut:])
            answer = read_until(connection, b"/whole/whole")
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n"), cut
            assert answer.count(b"HTTP/1.1") == 1, cut


def test_an_answer_is_whole_before_its_connection_closes(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert read_until(connection, b"/last/last").startswith(b"HTTP/1.1 200 OK\r\n")
        assert connection.recv(1) == b""


def test_a_body_that_waits_to_be_asked_for_is_asked_for_at_once(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /a HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n")
        assert read_until(connection, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"x")
        assert read_until(connection, b"/a/a").startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_idle_connection_is_closed_though_it_was_busy_when_its_timer_ended(port: int) -> None:
    with connect(port) as connection:
        begun = time.monotonic()
        for _ in range(4):
            connection.sendall(HEAD % b"/a")
            read_until(connection, b"/a/a")
            time.sleep(IDLE_SECONDS * 0.4)
        assert time.monotonic() - begun > IDLE_SECONDS
        assert connection.recv(1) == b""
