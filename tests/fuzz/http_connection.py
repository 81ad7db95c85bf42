"""Coverage-guided fuzzing of the HTTP connection: `PYTHONPATH=tests python tests/fuzz/http_connection.py`.

Needs `atheris` beside edgewright. An input is what a client sends: pieces between `PAUSE`, each of which is a second of
silence. New findings go into the corpus beside this file, which test_corpus.py replays.
"""

from __future__ import annotations

from edgewright.http.connection import MOST_HEADERS, MOST_PIPELINED
from virtual_connection import (
    BOUNDS,
    STREAM_SECONDS,
    VirtualConnection,
    answers_in,
    connected,
)

PAUSE = b"\xff"
STATUSES = {200, 400, 408, 431}
MOST_HELD = 65536
"""Bytes of a body that uvicorn holds before it stops reading, beside the last piece."""


def one_input(data: bytes) -> None:
    """Whatever a client sends: bounded memory, always a deadline, answers in their order."""
    connected(lambda connection: _one_client(connection, data.split(PAUSE)))


async def _one_client(connection: VirtualConnection, pieces: list[bytes]) -> None:
    sent = 0
    for piece in pieces:
        await connection.send(piece)
        sent += len(piece)
        if not connection.is_open:
            break
        check_memory(connection, sent)
        check_deadline(connection)
        await connection.wait(1)
    check_answers(connection)
    busy = (MOST_PIPELINED + 1) * (STREAM_SECONDS + 5)
    silence = BOUNDS.header_seconds + BOUNDS.body_seconds + BOUNDS.idle_seconds + 3 * BOUNDS.write_seconds
    assert await connection.lifetime(busy + silence + 1) <= busy + silence, "still open"
    check_answers(connection)


def check_memory(connection: VirtualConnection, sent: int) -> None:
    """Little is held, however much was sent."""
    protocol = connection.protocol
    assert protocol.headers is None or len(protocol.headers) <= MOST_HEADERS
    assert len(protocol.pipeline) <= MOST_PIPELINED
    assert protocol.cycle is None or len(protocol.cycle.body) <= MOST_HELD + sent
    assert protocol._whole or protocol._incomplete <= BOUNDS.header_limit


def check_deadline(connection: VirtualConnection) -> None:
    """A timer is set within the time that the client has, and some bound is, unless a request is being answered."""
    protocol = connection.protocol
    if connection.transport.is_closing():
        return
    assert protocol._timer is not None
    assert not protocol._timer.cancelled()
    longest = max(BOUNDS.header_seconds, BOUNDS.body_seconds, BOUNDS.idle_seconds)
    assert protocol._timer.when() <= connection.loop.time() + longest
    bounded = min(protocol._read_by, protocol._write_by) <= connection.loop.time() + longest
    assert bounded or connection.is_busy, "neither a bound nor an answer in progress"


def check_answers(connection: VirtualConnection) -> None:
    """Each answer is whole before the next begins, and an answer that ends the connection is the last."""
    found = answers_in(connection.answers)
    assert all(whole for _, _, whole in found[:-1])
    assert {status for status, _, _ in found} <= STATUSES
    refused = [index for index, (status, _, _) in enumerate(found) if status != 200]
    assert refused in ([], [len(found) - 1])


if __name__ == "__main__":
    from fuzzing import fuzz

    fuzz(one_input, "http_connection")
