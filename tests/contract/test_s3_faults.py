"""S3 behind a proxy that breaks requests: what comes out is right, or a clear error, and never a short object."""

from __future__ import annotations

import random
import secrets
import time
from dataclasses import dataclass
from threading import Event, Timer
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_servers import OTHERS, server_of
from edgewright.errors import JobStopped, ObjectReplaced, StoreUnavailable
from edgewright.sections import S3Settings
from edgewright.stores import PART, S3Uri
from edgewright.stores.opening import open_s3
from faulty_proxy import Fault, Rates, faulty_proxy, seeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract.s3_service import S3Service
    from edgewright.stores.s3 import S3Store
    from faulty_proxy import Choose, FaultyProxy

MIB = 1024 * 1024
PASSING = [fault for fault in Fault if not fault.name.startswith("STALL")]


@dataclass
class FaultyBucket:
    """A bucket, and a store that reaches it through a proxy."""

    server: S3Service
    proxy: FaultyProxy
    bucket: str

    def store(self, **settings: Any) -> S3Store:
        given = {
            "endpoint_url": self.proxy.url,
            "access_key_id": self.server.key,
            "secret_access_key": self.server.secret,
            "retry_seconds": 20,
            "read_seconds": 1,
        }
        return open_s3(S3Settings.model_validate(given | settings))

    def uri(self, key: str = "models/k") -> S3Uri:
        return S3Uri(self.bucket, key)

    def put(self, body: bytes) -> S3Uri:
        self.server.client().put_object(Bucket=self.bucket, Key=self.uri().key, Body=body)
        return self.uri()

    def content(self) -> bytes:
        body: bytes = self.server.client().get_object(Bucket=self.bucket, Key=self.uri().key)["Body"].read()
        return body

    def uploads(self) -> list[Any]:
        return list(self.server.client().list_multipart_uploads(Bucket=self.bucket).get("Uploads", []))

    def names(self) -> list[str]:
        found = self.server.client().list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture(params=["s3", *OTHERS])
def faulty(request: pytest.FixtureRequest) -> Iterator[FaultyBucket]:
    server, bucket = server_of(request, request.param), f"bucket-{secrets.token_hex(6)}"
    server.client().create_bucket(Bucket=bucket)
    with faulty_proxy(server.url, stall_seconds=3.0) as proxy:
        yield FaultyBucket(server, proxy, bucket)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def once(fault: Fault, method: str, part_of_target: str = "") -> Choose:
    """The first request of this kind meets the fault."""
    hit: list[int] = []

    def choose(number: int, found: str, target: str) -> Fault | None:
        if found == method and part_of_target in target and not hit:
            hit.append(number)
            return fault
        return None

    return choose


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.LOST])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_read_survives(faulty: FaultyBucket, fault: Fault, method: str) -> None:
    body = noise(9 * MIB + 7)
    uri = faulty.put(body)
    faulty.proxy.choose = once(fault, method)
    assert b"".join(faulty.store().read(uri)) == body


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize(
    ("method", "target"), [("POST", "?uploads"), ("PUT", "partNumber=2"), ("POST", "?uploadId="), ("HEAD", "")]
)
def test_an_upload_in_parts_survives(faulty: FaultyBucket, fault: Fault, method: str, target: str) -> None:
    body = noise(PART + 100_000)
    faulty.proxy.choose = once(fault, method, target)
    faulty.store().write(faulty.uri(), [body[start : start + MIB] for start in range(0, len(body), MIB)])
    assert faulty.content() == body
    begun_twice = method == "POST" and target == "?uploads"  # and the first one's answer was lost
    assert len(faulty.uploads()) <= (1 if begun_twice else 0)


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("method", ["PUT", "HEAD"])
def test_a_small_object_survives(faulty: FaultyBucket, fault: Fault, method: str) -> None:
    faulty.proxy.choose = once(fault, method)
    faulty.store().write(faulty.uri(), [noise(100_000)])
    assert faulty.content() == noise(100_000)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_faults_change_no_byte(faulty: FaultyBucket, seed: int) -> None:
    shares = {fault.value: 0.06 for fault in PASSING}
    faulty.proxy.choose = seeded(seed, Rates(**shares))
    store, body = faulty.store(retry_seconds=60), noise(5 * PART + 3)
    store.write(faulty.uri(), [body])
    assert b"".join(store.read(faulty.uri())) == body
    assert faulty.content() == body
    faulty.proxy.choose = lambda *_: None
    for upload in store.uploads(faulty.bucket):  # those whose begin was answered with a fault
        store.abort_upload(upload.uri, upload.upload_id)
    assert faulty.uploads() == []
    assert faulty.proxy.counts().keys() > {"passed"}


def test_every_answer_cut_in_the_middle_still_gets_on(faulty: FaultyBucket) -> None:
    """Each cut answer has brought some bytes, half of what was left: the next begins there, however often."""
    body = noise(2 * PART)  # two ranges, neither of which is down to its last byte after twelve cuts or so
    uri = faulty.put(body)
    faulty.proxy.choose = lambda number, _method, _target: Fault.TRUNCATION if number <= 24 else None
    assert b"".join(faulty.store(retry_seconds=3).read(uri)) == body
    cut = [seen for seen in faulty.proxy.seen if seen.method == "GET" and seen.fault]
    assert len(cut) > 20


def test_a_replaced_object_is_not_mixed_in_where_a_read_is_gone_on_with(faulty: FaultyBucket) -> None:
    old, new = noise(PART, seed=1), noise(PART, seed=2)
    uri = faulty.put(old)

    def replace_in_between(_number: int, method: str, _target: str) -> Fault | None:
        if method != "GET":
            return None
        if not cut:
            cut.append(True)
            return Fault.TRUNCATION
        faulty.put(new)
        return None

    cut: list[bool] = []
    faulty.proxy.choose = replace_in_between
    with pytest.raises(ObjectReplaced, match=f"Bucket: {faulty.bucket}, Key: models/k"):
        list(faulty.store().read(uri))


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.ERROR, Fault.RESET, Fault.STALL])
def test_what_fails_for_too_long_is_said_to(faulty: FaultyBucket, fault: Fault) -> None:
    uri = faulty.put(b"x" * 1000)
    faulty.proxy.stall_seconds = 600.0  # else what was given up comes through after all, where the machine is slow
    faulty.proxy.choose = lambda *_: fault
    store = faulty.store(retry_seconds=1.5, read_seconds=0.5)
    named = rf"1\.5 s.* Bucket: {faulty.bucket}, Key: models/k$"
    with pytest.raises(StoreUnavailable, match="looking for the object.*" + named):
        store.size(uri)
    with pytest.raises(StoreUnavailable, match="writing.*" + named) as raised:
        store.write(uri, [b"new"])
    assert "\n" not in raised.value.message
    assert faulty.server.secret not in raised.value.message
    assert faulty.content() == b"x" * 1000
    if fault is Fault.SLOW_DOWN:
        assert "SlowDown (503)" in raised.value.message


def test_an_upload_that_fails_for_too_long_leaves_nothing(faulty: FaultyBucket) -> None:
    faulty.proxy.choose = lambda _number, _method, target: Fault.ERROR if "partNumber=2" in target else None
    with pytest.raises(StoreUnavailable, match="sending part 2"):
        faulty.store(retry_seconds=1).write(faulty.uri(), [noise(3 * PART)])
    assert faulty.names() == []
    assert faulty.uploads() == []


def test_a_lost_answer_to_the_completion_is_found_out(faulty: FaultyBucket) -> None:
    """The store has made the object, and lists no such upload any more."""
    body = noise(PART + 1)
    faulty.proxy.choose = once(Fault.RESET_AFTER, "POST", "?uploadId=")
    faulty.store().write(faulty.uri(), [body])
    posts = [seen for seen in faulty.proxy.seen if seen.method == "POST" and "uploadId" in seen.target]
    assert len(posts) == 1, "what is completed is not completed again"
    assert faulty.content() == body


def test_a_poll_ends_a_write_that_stalls(faulty: FaultyBucket) -> None:
    stalled, stop = Event(), Event()

    def stall(_number: int, _method: str, target: str) -> Fault | None:
        if "partNumber" not in target:
            return None
        stalled.set()
        return Fault.STALL

    def poll() -> None:
        if stop.is_set():
            raise JobStopped("stopped")

    faulty.proxy.stall_seconds = 30.0
    faulty.proxy.choose = stall
    waiting = Timer(0.5, stop.set)
    store = faulty.store(read_seconds=60)
    begun = time.monotonic()
    waiting.start()
    with pytest.raises(JobStopped):
        store.write(faulty.uri(), [noise(3 * PART)], poll=poll)
    assert stalled.is_set()
    assert time.monotonic() - begun < 15, "it did not wait for the stall to end"
    assert faulty.names() == []


def test_a_reader_that_gives_up_asks_for_nothing_more(faulty: FaultyBucket) -> None:
    uri = faulty.put(noise(10 * PART))
    reading = faulty.store().read(uri)
    next(reading)
    reading.close()  # type: ignore[attr-defined]  # a generator
    asked = len(faulty.proxy.seen)
    assert asked <= 6, "the ranges that were read ahead, and no others"


def _answering(proxy: FaultyProxy, method: str) -> Callable[[], int]:
    return lambda: sum(seen.method == method for seen in proxy.seen)


def test_small_objects_cost_two_requests_to_write(faulty: FaultyBucket) -> None:
    faulty.store().write(faulty.uri(), [b"x"])
    assert [seen.method for seen in faulty.proxy.seen] == ["PUT", "HEAD"]
    assert _answering(faulty.proxy, "PUT")() == 1
