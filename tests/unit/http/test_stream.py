"""Streams of events: who gets what, from where on, and when they end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from structlog.testing import capture_logs

from edgewright import protocol
from edgewright.auth import audit
from edgewright.auth.authenticator import Authenticator
from edgewright.auth.principals import Principal, Principals
from edgewright.auth.rights import Rights, Rule
from edgewright.auth.sessions import Session, SessionSigner
from edgewright.auth.throttling import Throttle
from edgewright.http import stream
from edgewright.http.authentication import PageAuthentication
from edgewright.http.service_protocols import AwsJson
from edgewright.http.stream import EventStream
from edgewright.jobs import JobKey, JobStore, Kind, PackagingJob
from edgewright.operations import OPERATIONS
from edgewright.persistence import Persistence
from edgewright.settings import load
from migrated import beside, open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "eu-west-1"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = open_migrated(tmp_path / "edgewright.sqlite")
    yield Persistence.on(engine).jobs
    engine.dispose()


@pytest.fixture
def principals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Principals:
    monkeypatch.chdir(tmp_path)
    return Principals(load(data_dir=tmp_path, access_key_id="AKIAFIRST", secret_access_key="a-secret"))


@pytest.fixture
def principal(principals: Principals) -> Principal:
    found = principals.get("AKIAFIRST")
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _lively(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.01)


def make(store: JobStore, name: str, account: str = "123456789012") -> None:
    now = datetime.now(UTC)
    job = PackagingJob(
        key=JobKey(Kind.PACKAGING, account, REGION, name),
        compilation_job_name="compiled",
        model_name="model\nwith: a line",
        model_version="1.0",
        role_arn=f"arn:aws:iam::{account}:role/edge",
        output_config={"S3OutputLocation": "s3://out"},
        created_at=now,
        modified_at=now,
        source_uri="s3://in/model.tar.gz",
    )
    store.insert(job, {})


def pages(principals: Principals, viewer: Principal | None, throttle: Throttle | None = None) -> PageAuthentication:
    """What lets a viewer in whom the session's cookie names."""
    authenticator = Authenticator(principals, ["sagemaker"], throttle, SignedIn(viewer) if viewer else None)
    return PageAuthentication(authenticator, AwsJson(protocol.load_service("sagemaker"), OPERATIONS))


class SignedIn(SessionSigner):
    """Finds the session of one principal in every cookie."""

    def __init__(self, viewer: Principal) -> None:
        super().__init__(lambda: [(1, b"k" * 32)])
        self._viewer = viewer

    def read(self, *_: Any) -> tuple[Session, Principal]:
        return Session(self._viewer.access_key_id, REGION, "http://edge", 0, "nonce"), self._viewer


def request(query: str = "", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    path = {"path": "/events", "raw_path": b"/events", "query_string": query.encode()}
    return Request({"type": "http", "method": "GET", "headers": [(b"host", b"edge"), *raw], **path})


def read(events: EventStream, asked: Request, most: int = 50) -> tuple[int, list[dict[str, str]], list[str]]:
    """The status, the events with their fields, and the comments of a stream, up to so many pieces or its end."""

    async def take() -> tuple[int, bytes]:
        answer = await events.page(asked)
        if not isinstance(answer, StreamingResponse):
            return answer.status_code, bytes(answer.body)
        pieces = []
        async for piece in answer.body_iterator:
            pieces.append(bytes(piece) if not isinstance(piece, str) else piece.encode())
            if len(pieces) >= most:
                break
        return answer.status_code, b"".join(pieces)

    status, text = asyncio.run(take())
    if status != 200:
        return status, [], []
    blocks = [block.split("\n") for block in text.decode().split("\n\n") if block]
    fields = [dict(line.split(": ", 1) for line in block) for block in blocks if not block[0].startswith(":")]
    return status, [each for each in fields if "data" in each], [block[0] for block in blocks if block[0][0] == ":"]


def ending_after(looks: int) -> Any:
    """A server that ends after so many questions."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


def test_a_session_reads_what_is_kept_one_line_for_each(
    store: JobStore, principals: Principals, principal: Principal
) -> None:
    make(store, "one")
    make(store, "two")
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    status, told, _ = read(events, request("after=0"))
    assert status == 200
    assert [(each["id"], each["event"]) for each in told] == [("1", "job"), ("2", "job")]
    document = json.loads(told[0]["data"])
    assert document["detail"]["ModelName"] == "model\nwith: a line"


def test_the_header_that_browsers_send_counts_before_the_query(
    store: JobStore, principals: Principals, principal: Principal
) -> None:
    for name in ("one", "two", "three"):
        make(store, name)
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    _, told, _ = read(events, request("after=0", last_event_id="2"))
    assert [each["id"] for each in told] == ["3"]


def test_without_a_start_only_what_comes_is_told(store: JobStore, principals: Principals, principal: Principal) -> None:
    make(store, "before")
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    assert read(events, request())[1] == []


def test_other_accounts_and_forbidden_jobs_are_not_told(
    store: JobStore, principals: Principals, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PAGE", 2)
    bounded = replace(principal, rights=Rights((Rule(("sagemaker:Describe*",), ("open-*",)),)))
    for name in ("open-1", "closed-1", "closed-2", "closed-3", "open-2"):
        make(store, name)
    make(store, "open-3", account="210987654321")
    monkeypatch.setattr(principals, "_known", {"AKIAFIRST": bounded})
    events = EventStream(pages(principals, bounded), beside(store).events, ending_after(8))
    _, told, _ = read(events, request("after=0"))
    assert [json.loads(each["data"])["detail"]["EdgePackagingJobName"] for each in told] == ["open-1", "open-2"]


def test_who_missed_events_that_are_gone_is_told_so(
    store: JobStore, principals: Principals, principal: Principal
) -> None:
    for name in ("one", "two", "three"):
        make(store, name)
    beside(store).events.number()
    beside(store).events.delete(datetime.now(UTC) + timedelta(days=1), 2)
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    _, told, _ = read(events, request("after=1"))
    assert told[0] == {"event": "gap", "data": '{"after":1,"oldest":3}'}
    assert told[1]["id"] == "3"
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    assert [each["event"] for each in read(events, request("after=2"))[1]] == ["job"]


def test_a_silent_stream_shows_that_it_lives(
    store: JobStore, principals: Principals, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "SILENCE_SECONDS", 0.0)
    events = EventStream(pages(principals, principal), beside(store).events, ending_after(3))
    assert ": still here" in read(events, request())[2]


def test_a_stream_ends_when_the_key_is_another_one(
    store: JobStore, principals: Principals, principal: Principal
) -> None:
    former = replace(principal, secret_access_key="the-old-one")
    events = EventStream(pages(principals, former), beside(store).events, lambda: False)
    make(store, "one")
    assert read(events, request("after=0"))[1] == []


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "²", str(2**62 + 1), "9" * 5000, f"0000000000000000001{'9' * 20}"])
def test_what_is_no_events_number_is_refused(
    store: JobStore, principals: Principals, principal: Principal, given: str
) -> None:
    events = EventStream(pages(principals, principal), beside(store).events, lambda: False)
    answer = asyncio.run(events.page(request(last_event_id=given)))
    assert (answer.status_code, b"is not the id of an event" in bytes(answer.body)) == (400, True)


def test_what_is_not_the_callers_fault_is_logged(
    store: JobStore, principals: Principals, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_request: Request) -> int:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(stream, "_start", broken)
    events = EventStream(pages(principals, principal), beside(store).events, lambda: False)
    with capture_logs() as lines:
        answer = asyncio.run(events.page(request()))
    assert (answer.status_code, b"a fault of ours" in bytes(answer.body)) == (500, False)
    assert [(line["log_level"], str(line["exc_info"])) for line in lines] == [("error", "a fault of ours")]
    monkeypatch.undo()
    with capture_logs() as lines:
        asyncio.run(events.page(request(last_event_id="x")))
    assert [line["logger"] for line in lines] == [audit.NAME]


def test_there_are_only_so_many(store: JobStore, principals: Principals, principal: Principal) -> None:
    events = EventStream(pages(principals, principal), beside(store).events, lambda: False, most=0)
    assert read(events, request())[0] == 400


def test_one_key_has_no_more_than_half_of_them(store: JobStore, principals: Principals, principal: Principal) -> None:
    """A process that may open few files has few streams."""
    events = EventStream(pages(principals, principal), beside(store).events, lambda: True, most=4)

    async def ask() -> None:
        statuses = [(await events.page(request())).status_code for _ in range(3)]
        assert statuses == [200, 200, 400]

    asyncio.run(ask())


def test_one_key_has_only_so_many_of_them(
    store: JobStore, principals: Principals, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_OF_A_KEY", 2)
    other = replace(principal, access_key_id="AKIAOTHER")
    events = EventStream(pages(principals, principal), beside(store).events, lambda: True, most=4)

    async def ask() -> None:
        opened = [await events.page(request()) for _ in range(2)]
        refused = await events.page(request())
        assert (refused.status_code, b"2 event streams of this access key" in bytes(refused.body)) == (400, True)
        events._authentication = pages(principals, other)
        opened += [await events.page(request()) for _ in range(2)]
        assert (await events.page(request())).status_code == 400  # of all
        for each in opened:
            assert await taken(each, 200)
        events._authentication = pages(principals, principal)
        assert (await events.page(request())).status_code == 200

    asyncio.run(ask())


def test_a_stream_that_ends_in_any_way_is_counted_down(
    store: JobStore, principals: Principals, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = EventStream(pages(principals, principal), beside(store).events, lambda: False, most=1)

    async def ask() -> None:
        reading = asyncio.create_task(taken(await events.page(request()), 200))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        with pytest.raises(ClientDisconnect):
            await taken(await events.page(request()), 500)
        with monkeypatch.context() as patched:
            patched.setattr(events, "_newest", interrupted)
            with pytest.raises(asyncio.CancelledError):
                await events.page(request())
        assert events._open.total() == 0
        assert (await events.page(request())).status_code == 200

    asyncio.run(ask())


async def interrupted() -> int:
    raise asyncio.CancelledError


async def taken(answer: Response, status: int) -> bool:
    """The answer as a server sends it; a status other than its own breaks the connection."""

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        if message.get("status", status) != status:
            raise ConnectionResetError

    await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, receive, send)
    return True


def test_a_throttled_viewer_is_refused(store: JobStore, principals: Principals, principal: Principal) -> None:
    events = EventStream(pages(principals, principal, Throttle(0.001, 1)), beside(store).events, ending_after(2))
    assert [read(events, request())[0] for _ in range(2)] == [200, 400]


def test_without_a_session_a_signature_is_wanted(store: JobStore, principals: Principals, principal: Principal) -> None:
    assert read(EventStream(pages(principals, None), beside(store).events, lambda: True), request())[0] == 400
    signed = EventStream(pages(principals, principal), beside(store).events, lambda: True)
    assert read(signed, request(authorization="AWS4-HMAC-SHA256 nonsense"))[0] == 400  # a session does not help it
