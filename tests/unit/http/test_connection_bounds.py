"""What one client may take of a connection: bytes, headers, time. In memory, on a clock that jumps."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edgewright.http.connection import MOST_HEADERS, MOST_PIPELINED, TAKEN
from edgewright.http.connections import Connections
from fuzz.http_connection import PAUSE, one_input
from virtual_connection import (
    BOUNDS,
    STREAM_SECONDS,
    VirtualConnection,
    answers_in,
    application,
    connected,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GET = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"
CHUNKED = b"POST /%b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
FRAGMENTS = [
    GET % b"",
    GET % b"slow",
    GET % b"stream",
    GET % b"early",
    CHUNKED % b"",
    CHUNKED % b"early",
    b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"HEAD / HTTP/1.1\r\n",
    b"host: x\r\n",
    b"abc",
    b"3\r\nabc\r\n",
    b"3;" + b"e" * 900,
    b"0\r\n",
    b"0\r\n\r\n",
    b"authorization: AWS4\r\n",
    b"x: " + b"y" * 900,
    b"a: b\r\n" * 40,
    b"\r\n",
    b"\r",
    b"\0",
    PAUSE,
]


def code(answer: tuple[int, bytes, bool]) -> tuple[int, str]:
    """Status and AWS's code of a refusal."""
    return answer[0], json.loads(answer[1])["__type"]


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=12).map(b"".join))
@example(GET % b"" + PAUSE + b"\r\n" + PAUSE + b"\r\n")
@example(GET % b"stream" + PAUSE + b"nonsense\r\n\r\n")
@example(CHUNKED % b"early" + PAUSE + b"nonsense\r\n\r\n")
def test_a_connection_always_has_a_deadline_and_answers_in_order(sent: bytes) -> None:
    one_input(sent)


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=8).map(b"".join), st.integers(1, 50))
def test_as_it_has_when_bytes_come_one_by_one(sent: bytes, size: int) -> None:
    one_input(PAUSE.join(sent[at : at + size] for at in range(0, min(len(sent), 60 * size), size)))


@pytest.mark.parametrize(
    "sent",
    [
        [GET % b"", b"\r\n", b"\r\n"],  # the second one used to end the only timer
        [GET % b"", *([b"\r\n"] * 60)],
        [b"\r\n"] * 9,
        [GET % b"", b"\r\n\r\n", b"GET"],
    ],
)
def test_bytes_between_requests_gain_no_time(sent: list[bytes]) -> None:
    async def client(connection: VirtualConnection) -> None:
        for piece in sent:
            await connection.send(piece)
            await connection.wait(1)
        longest = BOUNDS.idle_seconds + BOUNDS.header_seconds
        assert len(sent) + await connection.lifetime(1000) <= longest + 2

    connected(client)


class Seen:
    """An application that keeps the headers that it sees once the body has come."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await application(scope, receive, send)
        self.headers = scope["headers"]


def test_trailers_are_no_headers() -> None:
    seen = Seen()

    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"" + b"1\r\nx\r\n0\r\nauthorization: AWS4-HMAC-SHA256 ...\r\nx: y\r\n\r\n")
        assert answers_in(connection.answers) == [(200, b"answered /", True)]
        await connection.send(GET % b"again")
        assert len(answers_in(connection.answers)) == 2

    connected(client, seen)
    assert [name for name, _ in seen.headers] == [b"host"]
    seen = Seen()
    connected(lambda connection: connection.send(CHUNKED % b"" + b"0\r\nauthorization: x\r\n\r\n"), seen)
    assert [name for name, _ in seen.headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    ("piece", "most"),
    [
        (b"x: y\r\n", MOST_HEADERS),  # trailers
        (b"y" * 512, BOUNDS.header_limit // 512),  # of a name that does not end
        (b"x: y\r\n" * 1000, 0),  # at once
    ],
)
def test_trailers_are_counted_and_capped(piece: bytes, most: int) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"" + b"1\r\nx\r\n0\r\n")
        for _ in range(most):
            await connection.send(piece)
        assert connection.is_open
        await connection.send(piece)
        await connection.send(piece)  # the parser reports a header when the next one begins
        (answer,) = answers_in(connection.answers)
        assert code(answer) == (431, "RequestEntityTooLargeException")
        await connection.wait(0)
        assert not connection.is_open

    connected(client)


def test_what_stands_before_a_chunk_is_capped() -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"" + b"1;")
        for _ in range(BOUNDS.header_limit // 512 + 1):
            await connection.send(b"e" * 512)
        assert code(answers_in(connection.answers)[0])[0] == 431

    connected(client)


def test_a_large_body_in_small_chunks_is_no_framing() -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"")
        for _ in range(BOUNDS.header_limit):
            connection.protocol.data_received(b"1\r\nx\r\n")
        await connection.send(b"0\r\n\r\n")
        assert answers_in(connection.answers) == [(200, b"answered /", True)]

    connected(client)


@pytest.mark.parametrize("more", [b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n", b"GET / HT"])
def test_a_broken_request_does_not_write_into_a_stream(more: bytes) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(GET % b"stream")
        await connection.wait(2)
        await connection.send(more)
        await connection.wait(BOUNDS.header_seconds + 2)
        assert not connection.is_open
        ((status, body, whole),) = answers_in(connection.answers)
        assert (status, whole) == (200, False)
        assert set(body.split()) == {b"event"}

    connected(client)


@pytest.mark.parametrize("more", [b"", b"not a chunk\r\n"])
def test_a_request_that_has_its_answer_gets_no_second_one(more: bytes) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"early")
        assert [status for status, _, _ in answers_in(connection.answers)] == [200]
        await connection.send(more)
        assert await connection.lifetime(1000) <= BOUNDS.body_seconds + 1
        assert [status for status, _, _ in answers_in(connection.answers)] == [200]

    connected(client)


def test_the_rest_of_a_body_that_was_answered_early_is_read_past() -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(CHUNKED % b"early")
        await connection.send(b"3\r\nabc\r\n0\r\n\r\n" + GET % b"next")
        assert [body for _, body, _ in answers_in(connection.answers)] == [b"answered /early", b"answered /next"]
        assert await connection.lifetime(1000) <= BOUNDS.idle_seconds + 1

    connected(client)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nhost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),  # has no Host
        (b"GET / HTTP/1.1\r\nhost:\r\n\r\n", 200),
    ],
)
def test_a_request_has_one_host(head: bytes, status: int) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(head)
        (answer,) = answers_in(connection.answers)
        assert answer[0] == status
        if status == 400:
            assert code(answer) == (400, "MalformedHttpRequestException")
            assert b"Host" in answer[1]

    connected(client)


@pytest.mark.parametrize(("more", "status"), [(MOST_HEADERS - 1, 200), (MOST_HEADERS, 431), (600, 431)])
def test_headers_are_counted(more: int, status: int) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * more + b"\r\n")
        (answer,) = answers_in(connection.answers)
        assert answer[0] == status
        assert status == 200 or code(answer)[1] == "RequestEntityTooLargeException"

    connected(client)


def test_headers_are_capped_in_pieces_too() -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"y" * BOUNDS.header_limit + b"\r\n\r\n"
    before = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab"

    async def client(connection: VirtualConnection) -> None:
        await connection.send(before + head[:-4])
        await connection.send(head[-4:])
        assert [status for status, _, _ in answers_in(connection.answers)] == [200, 431]

    connected(client)


def test_an_upgrade_is_not_made() -> None:
    """The parser would take a body behind it for the next request."""
    upgrade = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n"

    async def with_body(connection: VirtualConnection) -> None:
        await connection.send(upgrade + b"content-length: %d\r\n\r\n" % len(GET % b"hidden"))
        await connection.send(GET % b"hidden")
        (answer,) = answers_in(connection.answers)
        assert code(answer) == (400, "MalformedHttpRequestException")

    async def without(connection: VirtualConnection) -> None:
        await connection.send(upgrade + b"\r\n")
        assert answers_in(connection.answers) == [(200, b"answered /", True)]
        assert not connection.is_open

    connected(with_body)
    connected(without)


def test_only_so_many_requests_wait_for_the_first_ones_answer() -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(GET % b"slow" + (GET % b"") * MOST_PIPELINED)
        await connection.wait(6)
        assert len(answers_in(connection.answers)) == 1 + MOST_PIPELINED

    async def greedy(connection: VirtualConnection) -> None:
        await connection.send(GET % b"slow" + (GET % b"") * (MOST_PIPELINED + 1))
        await connection.wait(6)
        assert connection.answers == b""
        assert not connection.is_open

    connected(client)
    connected(greedy)


async def large(scope: Any, receive: Any, send: Any) -> None:
    """Answers with 4 MiB, as fast as they are taken."""
    length = 4 * 1024**2
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % length)]})
    for _ in range(4):
        await send({"type": "http.response.body", "body": b"x" * 1024**2, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def test_who_takes_nothing_is_cut_off() -> None:
    async def client(connection: VirtualConnection) -> None:
        connection.transport.is_deaf = True
        await connection.send(GET % b"")
        assert await connection.lifetime(1000) <= BOUNDS.write_seconds + 1

    connected(client, large)


def test_who_takes_a_little_is_waited_for() -> None:
    async def client(connection: VirtualConnection) -> None:
        connection.transport.is_deaf = True
        await connection.send(GET % b"")
        for _ in range(20):
            await connection.wait(BOUNDS.write_seconds / 2)
            connection.transport.unsent -= TAKEN
        assert connection.is_open
        assert await connection.lifetime(1000) <= 2 * BOUNDS.write_seconds + 1

    connected(client, large)


def test_who_does_not_take_the_last_of_an_answer_is_cut_off() -> None:
    async def client(connection: VirtualConnection) -> None:
        connection.transport.is_deaf = True
        await connection.send(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert connection.transport.is_closing()
        assert await connection.lifetime(1000) <= 2 * BOUNDS.write_seconds + 1

    connected(client)


def test_a_silent_connection_gives_way_to_a_new_one() -> None:
    async def client(connection: VirtualConnection) -> None:
        bounds, app = connection.protocol.bounds, connection.protocol.app
        others = [VirtualConnection(connection.loop, app, connections, bounds) for _ in range(2)]
        await connection.send(GET % b"stream")  # is answered, so it stays
        await others[0].send(GET % b"")
        await connection.wait(1)
        late = VirtualConnection(connection.loop, app, connections, bounds)
        await connection.wait(1)
        assert [each.is_open for each in (connection, *others, late)] == [True, True, False, True]
        assert code(answers_in(others[1].answers)[0]) == (408, "RequestTimeoutException")
        await late.send(GET % b"")
        later = VirtualConnection(connection.loop, app, connections, bounds)
        await connection.wait(1)
        assert [each.is_open for each in (connection, others[0], late, later)] == [True, False, True, True]
        assert len(answers_in(others[0].answers)) == 1  # idle: nothing more is written
        await late.send(GET % b"stream")
        await later.send(GET % b"stream")
        last = VirtualConnection(connection.loop, app, connections, bounds)
        await connection.wait(1)
        assert code(answers_in(last.answers)[0]) == (503, "ServiceUnavailable")
        assert not last.is_open
        assert len(connections) == 3
        await connection.wait(STREAM_SECONDS + BOUNDS.idle_seconds + 1)
        assert len(connections) == 0

    connections = Connections(3)
    connected(client, connections=connections)


def test_who_does_not_take_its_answer_gives_way_too() -> None:
    async def client(connection: VirtualConnection) -> None:
        app, bounds = connection.protocol.app, connection.protocol.bounds
        connection.transport.is_deaf = True
        await connection.send(GET % b"")
        assert connection.is_busy
        other = VirtualConnection(connection.loop, app, connections, bounds)
        await other.send(GET % b"")
        late = VirtualConnection(connection.loop, app, connections, bounds)
        await connection.wait(1)
        assert [each.is_open for each in (connection, other, late)] == [False, True, True]

    connections = Connections(2)
    connected(client, large, connections)


@pytest.mark.parametrize(
    ("begun", "is_answered"),
    [(b"", True), (b"GET / HT", True), (CHUNKED % b"", True), (GET % b"", False), (CHUNKED % b"early", False)],
)
def test_who_gives_way_is_answered_where_an_answer_is_due(begun: bytes, *, is_answered: bool) -> None:
    async def client(connection: VirtualConnection) -> None:
        await connection.send(begun)
        before = connection.answers
        connection.protocol.give_way()
        await connection.wait(0)
        assert not connection.is_open
        assert (connection.answers != before) == is_answered

    connected(client)


def test_a_request_that_is_broken_after_it_began_hears_why_once() -> None:
    """Its application, which waits for the rest, writes nothing more."""
    sent: list[Callable[..., Any]] = []

    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] == "http.request":
            pass
        sent.append(send)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    async def client(connection: VirtualConnection) -> None:
        connection.transport.is_deaf = True
        await connection.send(CHUNKED % b"" + b"nonsense\r\n")
        await connection.wait(1)
        assert code(answers_in(connection.answers)[0]) == (400, "MalformedHttpRequestException")

    connected(client, stubborn)
    assert sent
