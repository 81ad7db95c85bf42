"""One event on its way to the receiver."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from edgewright.events.outbox import JobEvent
from edgewright.events.webhook import MOST_READ, Refused, Webhook, key_of, signature
from edgewright.jobs import JobKey, Kind, Status
from edgewright.sections import WebhookSettings
from hooks import SECRET, Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = JobEvent(
    seq=7,
    key=JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "digits"),
    created_at=datetime(2026, 3, 4, tzinfo=UTC),
    status=Status.COMPLETED,
    attempt=1,
    at=datetime(2026, 3, 4, 1, tzinfo=UTC),
    event_id="0bd4a141-0a02-4d8a-9977-3924c3fb259c",
    detail={"EdgePackagingJobStatus": "COMPLETED", "ModelName": "zähler"},
)


def webhook(url: str, seconds: float = 5.0, now: float = 1614265330.9) -> Webhook:
    return Webhook(WebhookSettings(url=url, secret=SecretStr(SECRET), timeout_seconds=seconds), clock=lambda: now)


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example in the specification's own documentation and libraries."""
    assert (
        signature(key_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_a_secret_may_have_its_prefix_or_not(secret: str) -> None:
    assert key_of(secret) == base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_an_event_comes_whole_and_signed() -> None:
    with receiving(Receiver()) as receiver:
        webhook(receiver.url).offer(EVENT)
    ((headers, body),) = receiver.bodies
    assert json.loads(body) == EVENT.document()
    assert headers["content-type"] == "application/json"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (EVENT.event_id, "1614265330")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(key_of(SECRET), signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_success_takes_it(status: int) -> None:
    with receiving(Receiver(lambda _: status)) as receiver:
        webhook(receiver.url).offer(EVENT)  # and raises nothing
    assert [taken["id"] for taken in receiver.taken] == [EVENT.event_id]
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("status", [300, 400, 401, 404, 410, 500, 503])
def test_everything_else_does_not(status: int) -> None:
    with (
        receiving(Receiver(lambda _: status)) as receiver,
        pytest.raises(Refused, match=f"answered {status}") as refused,
    ):
        webhook(receiver.url).offer(EVENT)
    assert not refused.value.away


def test_a_redirect_is_not_followed() -> None:
    with receiving(Receiver()) as other, receiving(Receiver(lambda _: (307, {"location": other.url}))) as receiver:
        with pytest.raises(Refused, match="answered 307"):
            webhook(receiver.url).offer(EVENT)
        assert other.bodies == []


@pytest.mark.parametrize(("value", "seconds"), [("120", 120.0), ("Fri, 31 Dec 1999 23:59:59 GMT", None), ("-1", None)])
def test_a_receiver_may_say_when_to_come_again(value: str, seconds: float | None) -> None:
    with receiving(Receiver(lambda _: (429, {"retry-after": value}))) as receiver, pytest.raises(Refused) as refused:
        webhook(receiver.url).offer(EVENT)
    assert refused.value.retry_seconds == seconds


def test_a_receiver_that_is_away_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Refused, match="not reached") as refused:
        webhook(f"http://127.0.0.1:{port}/").offer(EVENT)
    assert refused.value.away


def test_a_receiver_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(Refused, match="no answer in 0") as refused:
            webhook(url, seconds=0.3).offer(EVENT)
    assert refused.value.away


def test_an_endless_answer_is_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopped = threading.Event()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n" + b"x" * (MOST_READ + 10)
                )
                stopped.wait(30)

        thread = threading.Thread(target=answer)
        thread.start()
        webhook(f"http://127.0.0.1:{server.getsockname()[1]}/").offer(EVENT)
        stopped.set()
        thread.join()


@contextmanager
def trickling(begin: bytes, scheme: str = "http") -> Iterator[tuple[str, threading.Event]]:
    """A receiver that answers with some bytes, then one more every tenth of a second; and whether it was cut off."""
    cut, ended = threading.Event(), threading.Event()

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(begin)
                while not ended.wait(0.1):
                    connection.sendall(b"x")
            except OSError:
                cut.set()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/", cut
        cut.wait(30)
        ended.set()
        thread.join()


@pytest.mark.parametrize(
    ("scheme", "begin"),
    [("http", b"HTTP/1.1 200 "), ("http", b"HTTP/1.1 200 OK\r\nx-long: "), ("https", b"\x16\x03\x03\x40\x00")],
    ids=["its status line", "a header", "its TLS handshake"],
)
def test_a_receiver_that_trickles_its_answer_has_one_deadline_for_all_of_it(scheme: str, begin: bytes) -> None:
    with trickling(begin, scheme) as (url, cut):
        with pytest.raises(Refused, match="no answer in 0") as refused:
            webhook(url, seconds=0.5).offer(EVENT)
        assert cut.wait(30)
    assert refused.value.away


def test_a_receiver_that_takes_an_event_and_trickles_what_it_says_of_it_is_cut_off() -> None:
    with trickling(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n") as (url, cut):
        webhook(url, seconds=0.5).offer(EVENT)
        assert cut.wait(30)


def test_a_connection_that_is_used_again_has_the_deadline_too() -> None:
    begun = threading.Event()

    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            connection.recv(65536)
            begun.set()
            with suppress(OSError):
                for _ in range(300):
                    connection.sendall(b"H")
                    time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        receiver = webhook(f"http://127.0.0.1:{server.getsockname()[1]}/", seconds=1.0)
        receiver.offer(EVENT)
        with pytest.raises(Refused, match="no answer in 1 seconds"):
            receiver.offer(EVENT)
        thread.join()
    assert begun.is_set()
