"""Objects in parts that outlive the attempt that sent them, and what is tidied up behind ended jobs."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import JobStopped, StoreUnavailable, UploadGone
from edgewright.jobs import Job, Status
from edgewright.stores import S3Uri
from edgewright.stores.protocols import PART, Upload
from edgewright.worker import ShuttingDown, uploads
from edgewright.worker.attempts import finish
from edgewright.worker.cleanup import clean_up
from edgewright.worker.monitor import Monitor
from edgewright.worker.results import PackagingResult
from memory_store import MemoryStore
from migrated import beside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from unit.worker.conftest import House

TARGET = S3Uri("out", "packages/digits-1.0.tar.gz")
HALF = PART // 2


class Sent(MemoryStore):
    """Memory that counts the parts which come in, and can fail or do something before one."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.before: dict[int, Callable[[], object]] = {}
        self.before_complete: Callable[[], object] | None = None
        self.before_listing: Callable[[], object] | None = None

    def upload_part(self, uri: S3Uri, upload_id: str, number: int, data: Buffer) -> str:
        if number in self.before:
            self.before.pop(number)()
        self.numbers.append(number)
        return super().upload_part(uri, upload_id, number, data)

    def complete_upload(self, *arguments: Any, **options: Any) -> None:
        if self.before_complete is not None:
            once, self.before_complete = self.before_complete, None
            once()
        super().complete_upload(*arguments, **options)

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        if self.before_listing is not None:
            once, self.before_listing = self.before_listing, None
            once()
        yield from super().uploads(bucket, prefix)

    def open(self) -> list[str]:
        """The uploads that are not ended."""
        return [upload.upload_id for upload in self.uploads("out")]


def pieces(parts: int, fill: int = 7) -> Iterator[bytes]:
    """So many parts and a half, each of other bytes."""
    for number in range(parts):
        yield bytes([fill + number]) * PART
    yield bytes([fill]) * HALF


@pytest.fixture
def store() -> Sent:
    return Sent()


@pytest.fixture
def crowd(house: House, store: Sent) -> Crowd:
    house.context = replace(house.context, objects=store)
    return Crowd(house, store)


class Crowd:
    """Attempts at one job."""

    def __init__(self, house: House, store: Sent) -> None:
        self.house = house
        self.store = store
        self.key = house.packaging()

    def attempt(self) -> Job:
        return self.house.jobs.begin(self.key)

    def write(self, job: Job, source: Iterator[bytes]) -> None:
        uploads.write(self.house.context, job, Monitor(self.house.context, job, None), TARGET, source)

    def died(self, job: Job, parts: int) -> None:
        """Let an attempt die once so many parts were kept."""

        def cut() -> Iterator[bytes]:
            for number, piece in enumerate(pieces(9)):
                if number == parts:
                    raise ShuttingDown
                yield piece

        with pytest.raises(ShuttingDown):
            self.write(job, cut())

    def kept(self, job: Job) -> set[int]:
        ledger = beside(self.house.jobs).uploads
        upload = ledger.find(job)
        return set() if upload is None else set(ledger.parts(upload))

    def content(self) -> bytes:
        return b"".join(bytes(piece) for piece in self.store.read(TARGET))


def test_a_small_object_is_one_write(crowd: Crowd) -> None:
    crowd.write(crowd.attempt(), iter([b"a" * 100, b"b"]))
    assert crowd.content() == b"a" * 100 + b"b"
    assert crowd.store.numbers == []


def test_a_large_object_comes_in_parts_and_leaves_nothing_behind(crowd: Crowd) -> None:
    job = crowd.attempt()
    crowd.write(job, pieces(4))
    assert crowd.content() == b"".join(pieces(4))
    assert sorted(crowd.store.numbers) == [1, 2, 3, 4, 5]
    assert crowd.store.open() == []
    assert beside(crowd.house.jobs).uploads.find(job) is None
    assert crowd.house.jobs.get(crowd.key).written_uri == str(TARGET)


def test_exactly_one_part_is_an_upload_of_one(crowd: Crowd) -> None:
    crowd.write(crowd.attempt(), iter([bytes(PART)]))
    assert crowd.content() == bytes(PART)
    assert crowd.store.numbers == [1]


def test_the_next_attempt_sends_only_what_is_missing(crowd: Crowd) -> None:
    first = crowd.attempt()
    crowd.died(first, 7)
    kept = crowd.kept(first)
    assert kept >= {1, 2, 3}
    crowd.store.numbers.clear()
    crowd.write(crowd.attempt(), pieces(9))
    assert crowd.content() == b"".join(pieces(9))
    assert sorted(crowd.store.numbers) == sorted(set(range(1, 11)) - kept), "a kept part is not sent again"


def test_a_part_that_the_store_lost_is_sent_again(crowd: Crowd) -> None:
    first = crowd.attempt()
    crowd.died(first, 7)
    (upload_id,) = crowd.store.open()
    del crowd.store._begun[upload_id].parts[2]
    crowd.store.numbers.clear()
    crowd.write(crowd.attempt(), pieces(9))
    assert crowd.content() == b"".join(pieces(9))
    assert 2 in crowd.store.numbers
    assert 1 not in crowd.store.numbers


def test_other_bytes_end_the_upload_and_come_whole_in_the_next_try(crowd: Crowd) -> None:
    crowd.died(crowd.attempt(), 7)
    second = crowd.attempt()
    with pytest.raises(StoreUnavailable, match=r"Part 1 of .* is not as an earlier attempt sent it"):
        crowd.write(second, pieces(9, fill=99))
    assert crowd.store.open() == []
    crowd.store.numbers.clear()
    crowd.write(second, pieces(9, fill=99))
    assert crowd.content() == b"".join(pieces(9, fill=99))
    assert sorted(crowd.store.numbers) == list(range(1, 11))


def test_an_upload_that_is_gone_is_begun_anew(crowd: Crowd) -> None:
    crowd.died(crowd.attempt(), 7)
    crowd.store.abort_upload(TARGET, crowd.store.open()[0])
    crowd.write(crowd.attempt(), pieces(9))
    assert crowd.content() == b"".join(pieces(9))
    assert crowd.store.open() == []


def test_an_upload_that_goes_while_it_is_completed_is_told_as_something_that_passes(crowd: Crowd) -> None:
    job = crowd.attempt()
    crowd.store.before_complete = lambda: crowd.store.abort_upload(TARGET, crowd.store.open()[0])
    with pytest.raises(UploadGone):
        crowd.write(job, pieces(2))
    assert not crowd.store.exists(TARGET)
    crowd.write(job, pieces(2))
    assert crowd.content() == b"".join(pieces(2))


def test_an_outdated_attempt_sends_no_part_into_the_later_ones_way(crowd: Crowd) -> None:
    """The first is held up with its part under way; the second takes the upload over and completes it."""
    first = crowd.attempt()
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go.wait(60)

    crowd.store.before[4] = hold
    failures: list[BaseException] = []

    def old() -> None:
        try:
            crowd.write(first, pieces(9))
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    thread = threading.Thread(target=old)
    thread.start()
    held.wait(60)
    crowd.write(crowd.attempt(), pieces(9))
    go.set()
    thread.join(60)
    assert [type(error) for error in failures] == [JobStopped]
    assert crowd.content() == b"".join(pieces(9))
    assert crowd.store.open() == []


def test_an_outdated_attempt_does_not_complete(crowd: Crowd) -> None:
    first = crowd.attempt()
    crowd.store.before[3] = crowd.attempt
    with pytest.raises(JobStopped, match="attempt 2"):
        crowd.write(first, pieces(2))
    assert not crowd.store.exists(TARGET)


def test_a_late_completion_finds_no_upload_once_the_job_was_stopped(crowd: Crowd) -> None:
    """A worker that is paused behind the guard can make nothing visible: the upload was aborted meanwhile."""
    job = crowd.attempt()

    def stop_elsewhere() -> None:
        stopping = crowd.house.stop(crowd.key)
        finish(crowd.house.context, stopping, PackagingResult.stopped())

    crowd.store.before_complete = stop_elsewhere
    with pytest.raises(JobStopped):
        crowd.write(job, pieces(2))
    assert crowd.house.jobs.get(crowd.key).status is Status.STOPPED
    assert not crowd.store.exists(TARGET)
    assert crowd.store.open() == []


@pytest.mark.parametrize("result", [PackagingResult.failed("no", "ObjectNotFound"), PackagingResult.stopped()])
def test_the_upload_of_a_job_that_ends_without_its_object_is_aborted(crowd: Crowd, result: PackagingResult) -> None:
    job = crowd.attempt()
    crowd.died(job, 7)
    if result.status is Status.STOPPED:
        crowd.house.stop(crowd.key)
    finish(crowd.house.context, job, result)
    assert crowd.house.jobs.get(crowd.key).status is result.status
    assert crowd.store.open() == []


class TestTidying:
    def test_the_upload_of_a_job_that_ended_is_aborted_and_then_forgotten(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        crowd.died(job, 7)
        crowd.house.jobs.move(crowd.key, Status.FAILED)
        clean_up(crowd.house.context, 0)
        assert crowd.store.open() == []
        wait_a_tick()
        clean_up(crowd.house.context, 0)
        assert beside(crowd.house.jobs).uploads.abandoned(10, -60) == []

    def test_an_upload_whose_begin_was_asked_for_twice_is_found(self, crowd: Crowd) -> None:
        """The store's client asks again where an answer was lost, and nobody knows the first upload."""
        crowd.store.begin_upload(TARGET)
        crowd.write(crowd.attempt(), pieces(2))
        assert len(crowd.store.open()) == 1
        wait_a_tick()
        clean_up(crowd.house.context, 0)
        assert crowd.store.open() == []
        assert crowd.store.exists(TARGET)

    def test_a_running_jobs_upload_is_left_alone(self, crowd: Crowd) -> None:
        crowd.died(crowd.attempt(), 7)
        before = crowd.store.open()
        clean_up(crowd.house.context, 0)
        assert crowd.store.open() == before != []

    def test_a_part_that_arrived_behind_the_abort_is_found_in_the_next_round(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        crowd.died(job, 7)
        (upload_id,) = crowd.store.open()
        begun = crowd.store._begun[upload_id]
        crowd.house.jobs.move(crowd.key, Status.FAILED)
        clean_up(crowd.house.context, 0)
        crowd.store._begun[upload_id] = begun  # as S3 has it, when a part was under way
        wait_a_tick()
        clean_up(crowd.house.context, 0)
        assert crowd.store.open() == []

    def test_an_upload_that_a_dead_worker_began_and_could_not_note_is_aborted(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        beside(crowd.house.jobs).uploads.intend(job, str(TARGET), None)
        stray = aged(crowd.store, crowd.store.begin_upload(TARGET))
        crowd.write(crowd.attempt(), pieces(2))
        crowd.house.jobs.move(crowd.key, Status.COMPLETED)
        others = [
            aged(crowd.store, crowd.store.begin_upload(S3Uri("out", f"{TARGET.key}.other"))),
            aged(crowd.store, crowd.store.begin_upload(TARGET)),
            crowd.store.begin_upload(TARGET),
        ]
        crowd.store.upload_part(TARGET, others[1], 1, b"somebody else's")
        for _ in range(3):
            clean_up(crowd.house.context, 0.001)
            wait_a_tick()
        assert stray not in crowd.store.open()
        assert set(others[:2]) <= set(crowd.store.open()), "what is not ours is left alone"
        assert crowd.content() == b"".join(pieces(2))

    def test_an_upload_that_was_begun_by_a_late_request_is_looked_at_again_when_it_is_old(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        beside(crowd.house.jobs).uploads.intend(job, str(TARGET), None)
        crowd.house.jobs.move(crowd.key, Status.FAILED)
        late = aged(crowd.store, crowd.store.begin_upload(TARGET), hours=-1)
        for _ in range(3):
            clean_up(crowd.house.context, 0)
            wait_a_tick()
        assert crowd.store.open() == [late], "it may be somebody else's, who is about to send its first part"
        aged(crowd.store, late)
        clean_up(crowd.house.context, 0)
        assert crowd.store.open() == []
        wait_a_tick()
        clean_up(crowd.house.context, 0)
        assert beside(crowd.house.jobs).uploads.abandoned(1, 0) == []

    @pytest.mark.parametrize("noted_while_listed", [False, True])
    def test_an_upload_that_is_not_noted_yet_is_no_dead_workers(
        self, crowd: Crowd, *, noted_while_listed: bool
    ) -> None:
        """The database was away for longer than uploads take to settle, between a begin and its note."""
        crowd.write(crowd.attempt(), pieces(2))
        job, ledger = crowd.attempt(), beside(crowd.house.jobs).uploads
        intended = ledger.intend(job, str(TARGET), None)
        mine = aged(crowd.store, crowd.store.begin_upload(TARGET))
        if noted_while_listed:
            crowd.store.before_listing = lambda: ledger.note_begun(intended, job, mine)
        for _ in range(3):
            clean_up(crowd.house.context, -60)
        assert mine in crowd.store.open()
        if not noted_while_listed:
            crowd.house.jobs.move(crowd.key, Status.FAILED)
            for _ in range(3):
                clean_up(crowd.house.context, -60)
            assert crowd.store.open() == [], "nobody can note it any more"

    def test_an_object_that_came_up_after_its_jobs_end_is_removed(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        crowd.house.jobs.note_output(crowd.key, str(TARGET), attempt=job.attempt)  # and the worker is paused here
        crowd.attempt()
        current = crowd.house.stop(crowd.key)
        finish(crowd.house.context, current, PackagingResult.stopped())
        crowd.store.write(TARGET, [b"late"])  # it woke, and was killed before it could look
        clean_up(crowd.house.context, -60)
        assert not crowd.store.exists(TARGET)
        crowd.store.write(TARGET, [b"somebody's own"])
        clean_up(crowd.house.context, -60)
        assert crowd.store.exists(TARGET), "once looked for, it is nobody's business any more"

    def test_an_object_is_kept_where_another_job_has_made_it_too(self, crowd: Crowd) -> None:
        job = crowd.attempt()
        crowd.house.jobs.note_output(crowd.key, str(TARGET), attempt=job.attempt)
        other = crowd.house.packaging("other")
        second = crowd.house.jobs.begin(other)
        crowd.house.jobs.note_output(other, str(TARGET), attempt=second.attempt)
        crowd.store.write(TARGET, [b"the other's"])
        crowd.house.jobs.move(other, Status.COMPLETED)
        finish(crowd.house.context, job, PackagingResult.failed("no", "ObjectNotFound"))
        clean_up(crowd.house.context, -60)
        assert crowd.store.exists(TARGET)


def wait_a_tick() -> None:
    """The database's clock counts milliseconds."""
    threading.Event().wait(0.005)


def aged(store: Sent, upload_id: str, hours: float = 1) -> str:
    """An upload that was begun so long ago."""
    store._begun[upload_id] = replace(store._begun[upload_id], initiated=datetime.now(UTC) - timedelta(hours=hours))
    return upload_id
