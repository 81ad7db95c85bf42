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

    from unit.worker.conftest import Harness

TARGET = S3Uri("out", "packages/digits-1.0.tar.gz")
HALF = PART // 2


class Sent(MemoryStore):
    """Memory that counts the parts which come in, and can fail or do something before one."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.begun = 0
        self.before: dict[int, Callable[[], object]] = {}
        self.before_complete: Callable[[], object] | None = None
        self.after_complete: Callable[[], object] | None = None
        self.before_listing: Callable[[], object] | None = None

    def begin_upload(self, uri: S3Uri, *, kms_key_id: str | None = None) -> str:
        self.begun += 1
        return super().begin_upload(uri, kms_key_id=kms_key_id)

    def replace(self, content: bytes) -> None:
        """Let somebody else's object be there, in place of what an upload made."""
        self._ended.clear()
        self.write(TARGET, [content])

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
        if self.after_complete is not None:
            once, self.after_complete = self.after_complete, None
            once()

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


def longer_or_shorter(parts: int) -> Iterator[bytes]:
    """So many whole parts, the first of which are those of `pieces`."""
    for number in range(parts):
        yield bytes([7 + number]) * PART


def completed_and_killed(tries: Tries) -> None:
    """An attempt that made its object visible and could not say so any more."""

    def die() -> None:
        raise ShuttingDown

    tries.store.after_complete = die
    with pytest.raises(ShuttingDown):
        tries.write(tries.attempt(), pieces(4))
    assert tries.store.exists(TARGET)


@pytest.fixture
def store() -> Sent:
    return Sent()


@pytest.fixture
def tries(harness: Harness, store: Sent) -> Tries:
    harness.context = replace(harness.context, objects=store)
    return Tries(harness, store)


class Tries:
    """Attempts at one job."""

    def __init__(self, harness: Harness, store: Sent) -> None:
        self.harness = harness
        self.store = store
        self.key = harness.packaging()

    def attempt(self) -> Job:
        return self.harness.jobs.begin(self.key)

    def write(self, job: Job, source: Iterator[bytes]) -> None:
        uploads.write(self.harness.context, job, Monitor(self.harness.context, job, None), TARGET, source)

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
        ledger = beside(self.harness.jobs).uploads
        upload = ledger.find(job)
        return set() if upload is None else set(ledger.parts(upload))

    def content(self) -> bytes:
        return b"".join(bytes(piece) for piece in self.store.read(TARGET))


def test_a_small_object_is_one_write(tries: Tries) -> None:
    tries.write(tries.attempt(), iter([b"a" * 100, b"b"]))
    assert tries.content() == b"a" * 100 + b"b"
    assert tries.store.numbers == []


def test_a_large_object_comes_in_parts_and_leaves_nothing_behind(tries: Tries) -> None:
    job = tries.attempt()
    tries.write(job, pieces(4))
    assert tries.content() == b"".join(pieces(4))
    assert sorted(tries.store.numbers) == [1, 2, 3, 4, 5]
    assert tries.store.open() == []
    assert beside(tries.harness.jobs).uploads.find(job) is None
    assert tries.harness.jobs.get(tries.key).written_uri == str(TARGET)


def test_exactly_one_part_is_an_upload_of_one(tries: Tries) -> None:
    tries.write(tries.attempt(), iter([bytes(PART)]))
    assert tries.content() == bytes(PART)
    assert tries.store.numbers == [1]


def test_the_next_attempt_sends_only_what_is_missing(tries: Tries) -> None:
    first = tries.attempt()
    tries.died(first, 7)
    kept = tries.kept(first)
    assert kept >= {1, 2, 3}
    tries.store.numbers.clear()
    tries.write(tries.attempt(), pieces(9))
    assert tries.content() == b"".join(pieces(9))
    assert sorted(tries.store.numbers) == sorted(set(range(1, 11)) - kept), "a kept part is not sent again"


def test_a_part_that_the_store_lost_is_sent_again(tries: Tries) -> None:
    first = tries.attempt()
    tries.died(first, 7)
    (upload_id,) = tries.store.open()
    del tries.store._begun[upload_id].parts[2]
    tries.store.numbers.clear()
    tries.write(tries.attempt(), pieces(9))
    assert tries.content() == b"".join(pieces(9))
    assert 2 in tries.store.numbers
    assert 1 not in tries.store.numbers


def test_other_bytes_end_the_upload_and_come_whole_in_the_next_try(tries: Tries) -> None:
    tries.died(tries.attempt(), 7)
    second = tries.attempt()
    with pytest.raises(StoreUnavailable, match=r"Part 1 of .* is not as an earlier attempt sent it"):
        tries.write(second, pieces(9, fill=99))
    assert tries.store.open() == []
    tries.store.numbers.clear()
    tries.write(second, pieces(9, fill=99))
    assert tries.content() == b"".join(pieces(9, fill=99))
    assert sorted(tries.store.numbers) == list(range(1, 11))


def test_an_upload_that_is_gone_is_begun_anew(tries: Tries) -> None:
    tries.died(tries.attempt(), 7)
    tries.store.abort_upload(TARGET, tries.store.open()[0])
    tries.write(tries.attempt(), pieces(9))
    assert tries.content() == b"".join(pieces(9))
    assert tries.store.open() == []


@pytest.mark.parametrize("at", [3, 5, 9])
def test_an_upload_that_a_lifecycle_rule_aborts_on_the_way_is_begun_anew_in_the_next_try(tries: Tries, at: int) -> None:
    job = tries.attempt()
    tries.store.before[at] = lambda: tries.store.abort_upload(TARGET, tries.store.open()[0])
    with pytest.raises(UploadGone):
        tries.write(job, pieces(9))
    assert tries.kept(job) == set()
    tries.store.numbers.clear()
    tries.write(job, pieces(9))
    assert tries.content() == b"".join(pieces(9))
    assert sorted(tries.store.numbers) == list(range(1, 11))
    assert tries.store.open() == []


def test_an_object_that_a_killed_attempt_completed_is_not_sent_again(tries: Tries) -> None:
    completed_and_killed(tries)
    tries.store.numbers.clear()
    tries.store.begun = 0
    job = tries.attempt()
    tries.write(job, pieces(4))
    assert (tries.store.numbers, tries.store.begun) == ([], 0)
    assert tries.content() == b"".join(pieces(4))
    assert tries.kept(job) == set(), "the upload is abandoned as one is that is completed"


@pytest.mark.parametrize("other", [b"another's", None], ids=["replaced", "removed"])
def test_what_is_not_there_any_more_is_sent_again(tries: Tries, other: bytes | None) -> None:
    completed_and_killed(tries)
    tries.store.delete(TARGET)
    if other:
        tries.store.replace(other)
    tries.store.numbers.clear()
    tries.write(tries.attempt(), pieces(4))
    assert sorted(tries.store.numbers) == [1, 2, 3, 4, 5]
    assert tries.content() == b"".join(pieces(4))


@pytest.mark.parametrize("parts", [2, 4, 6])
def test_a_completed_object_of_other_bytes_is_sent_anew(tries: Tries, parts: int) -> None:
    completed_and_killed(tries)
    job = tries.attempt()
    with pytest.raises(StoreUnavailable):
        tries.write(job, pieces(parts, fill=99))
    tries.write(job, pieces(parts, fill=99))
    assert tries.content() == b"".join(pieces(parts, fill=99))


@pytest.mark.parametrize("parts", [3, 5], ids=["shorter", "longer"])
def test_so_is_one_that_only_begins_the_same(tries: Tries, parts: int) -> None:
    completed_and_killed(tries)
    job = tries.attempt()
    with pytest.raises(StoreUnavailable):
        tries.write(job, longer_or_shorter(parts))
    tries.write(job, longer_or_shorter(parts))
    assert tries.content() == b"".join(longer_or_shorter(parts))


def test_an_upload_that_goes_while_it_is_completed_is_told_as_something_that_passes(tries: Tries) -> None:
    job = tries.attempt()
    tries.store.before_complete = lambda: tries.store.abort_upload(TARGET, tries.store.open()[0])
    with pytest.raises(UploadGone):
        tries.write(job, pieces(2))
    assert not tries.store.exists(TARGET)
    tries.write(job, pieces(2))
    assert tries.content() == b"".join(pieces(2))


def test_an_outdated_attempt_sends_no_part_into_the_later_ones_way(tries: Tries) -> None:
    """The first is held up with its part under way; the second takes the upload over and completes it."""
    first = tries.attempt()
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        go.wait(60)

    tries.store.before[4] = hold
    failures: list[BaseException] = []

    def old() -> None:
        try:
            tries.write(first, pieces(9))
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    thread = threading.Thread(target=old)
    thread.start()
    held.wait(60)
    tries.write(tries.attempt(), pieces(9))
    go.set()
    thread.join(60)
    assert [type(error) for error in failures] == [JobStopped]
    assert tries.content() == b"".join(pieces(9))
    assert tries.store.open() == []


def test_an_outdated_attempt_does_not_complete(tries: Tries) -> None:
    first = tries.attempt()
    tries.store.before[3] = tries.attempt
    with pytest.raises(JobStopped, match="attempt 2"):
        tries.write(first, pieces(2))
    assert not tries.store.exists(TARGET)


def test_a_late_completion_finds_no_upload_once_the_job_was_stopped(tries: Tries) -> None:
    """A worker that is paused behind the guard can make nothing visible: the upload was aborted meanwhile."""
    job = tries.attempt()

    def stop_elsewhere() -> None:
        stopping = tries.harness.stop(tries.key)
        finish(tries.harness.context, stopping, PackagingResult.stopped())

    tries.store.before_complete = stop_elsewhere
    with pytest.raises(JobStopped):
        tries.write(job, pieces(2))
    assert tries.harness.jobs.get(tries.key).status is Status.STOPPED
    assert not tries.store.exists(TARGET)
    assert tries.store.open() == []


@pytest.mark.parametrize("result", [PackagingResult.failed("no", "ObjectNotFound"), PackagingResult.stopped()])
def test_the_upload_of_a_job_that_ends_without_its_object_is_aborted(tries: Tries, result: PackagingResult) -> None:
    job = tries.attempt()
    tries.died(job, 7)
    if result.status is Status.STOPPED:
        tries.harness.stop(tries.key)
    finish(tries.harness.context, job, result)
    assert tries.harness.jobs.get(tries.key).status is result.status
    assert tries.store.open() == []


class TestTidying:
    def test_the_upload_of_a_job_that_ended_is_aborted_and_then_forgotten(self, tries: Tries) -> None:
        job = tries.attempt()
        tries.died(job, 7)
        tries.harness.jobs.move(tries.key, Status.FAILED)
        clean_up(tries.harness.context, 0)
        assert tries.store.open() == []
        wait_a_tick()
        clean_up(tries.harness.context, 0)
        assert beside(tries.harness.jobs).uploads.abandoned(10, -60) == []

    def test_an_upload_whose_begin_was_asked_for_twice_is_found(self, tries: Tries) -> None:
        """The store's client asks again where an answer was lost, and nobody knows the first upload."""
        tries.store.begin_upload(TARGET)
        tries.write(tries.attempt(), pieces(2))
        assert len(tries.store.open()) == 1
        wait_a_tick()
        clean_up(tries.harness.context, 0)
        assert tries.store.open() == []
        assert tries.store.exists(TARGET)

    def test_a_running_jobs_upload_is_left_alone(self, tries: Tries) -> None:
        tries.died(tries.attempt(), 7)
        before = tries.store.open()
        clean_up(tries.harness.context, 0)
        assert tries.store.open() == before != []

    def test_a_part_that_arrived_behind_the_abort_is_found_in_the_next_round(self, tries: Tries) -> None:
        job = tries.attempt()
        tries.died(job, 7)
        (upload_id,) = tries.store.open()
        begun = tries.store._begun[upload_id]
        tries.harness.jobs.move(tries.key, Status.FAILED)
        clean_up(tries.harness.context, 0)
        tries.store._begun[upload_id] = begun  # as S3 has it, when a part was under way
        wait_a_tick()
        clean_up(tries.harness.context, 0)
        assert tries.store.open() == []

    def test_an_upload_that_a_dead_worker_began_and_could_not_note_is_aborted(self, tries: Tries) -> None:
        job = tries.attempt()
        beside(tries.harness.jobs).uploads.intend(job, str(TARGET), None)
        stray = aged(tries.store, tries.store.begin_upload(TARGET))
        tries.write(tries.attempt(), pieces(2))
        tries.harness.jobs.move(tries.key, Status.COMPLETED)
        others = [
            aged(tries.store, tries.store.begin_upload(S3Uri("out", f"{TARGET.key}.other"))),
            aged(tries.store, tries.store.begin_upload(TARGET)),
            tries.store.begin_upload(TARGET),
        ]
        tries.store.upload_part(TARGET, others[1], 1, b"somebody else's")
        for _ in range(3):
            clean_up(tries.harness.context, 0.001)
            wait_a_tick()
        assert stray not in tries.store.open()
        assert set(others[:2]) <= set(tries.store.open()), "what is not ours is left alone"
        assert tries.content() == b"".join(pieces(2))

    def test_an_upload_that_was_begun_by_a_late_request_is_looked_at_again_when_it_is_old(self, tries: Tries) -> None:
        job = tries.attempt()
        beside(tries.harness.jobs).uploads.intend(job, str(TARGET), None)
        tries.harness.jobs.move(tries.key, Status.FAILED)
        late = aged(tries.store, tries.store.begin_upload(TARGET), hours=-1)
        for _ in range(3):
            clean_up(tries.harness.context, 0)
            wait_a_tick()
        assert tries.store.open() == [late], "it may be somebody else's, who is about to send its first part"
        aged(tries.store, late)
        clean_up(tries.harness.context, 0)
        assert tries.store.open() == []
        wait_a_tick()
        clean_up(tries.harness.context, 0)
        assert beside(tries.harness.jobs).uploads.abandoned(1, 0) == []

    @pytest.mark.parametrize("noted_while_listed", [False, True])
    def test_an_upload_that_is_not_noted_yet_is_no_dead_workers(
        self, tries: Tries, *, noted_while_listed: bool
    ) -> None:
        """The database was away for longer than uploads take to settle, between a begin and its note."""
        tries.write(tries.attempt(), pieces(2))
        job, ledger = tries.attempt(), beside(tries.harness.jobs).uploads
        intended = ledger.intend(job, str(TARGET), None)
        mine = aged(tries.store, tries.store.begin_upload(TARGET))
        if noted_while_listed:
            tries.store.before_listing = lambda: ledger.note_begun(intended, job, mine)
        for _ in range(3):
            clean_up(tries.harness.context, -60)
        assert mine in tries.store.open()
        if not noted_while_listed:
            tries.harness.jobs.move(tries.key, Status.FAILED)
            for _ in range(3):
                clean_up(tries.harness.context, -60)
            assert tries.store.open() == [], "nobody can note it any more"

    def test_an_object_that_came_up_after_its_jobs_end_is_removed(self, tries: Tries) -> None:
        job = tries.attempt()
        tries.harness.jobs.note_output(tries.key, str(TARGET), attempt=job.attempt)  # and the worker is paused here
        tries.attempt()
        current = tries.harness.stop(tries.key)
        finish(tries.harness.context, current, PackagingResult.stopped())
        tries.store.write(TARGET, [b"late"])  # it woke, and was killed before it could look
        clean_up(tries.harness.context, -60)
        assert not tries.store.exists(TARGET)
        tries.store.write(TARGET, [b"somebody's own"])
        clean_up(tries.harness.context, -60)
        assert tries.store.exists(TARGET), "once looked for, it is nobody's business any more"

    def test_an_object_is_kept_where_another_job_has_made_it_too(self, tries: Tries) -> None:
        job = tries.attempt()
        tries.harness.jobs.note_output(tries.key, str(TARGET), attempt=job.attempt)
        other = tries.harness.packaging("other")
        second = tries.harness.jobs.begin(other)
        tries.harness.jobs.note_output(other, str(TARGET), attempt=second.attempt)
        tries.store.write(TARGET, [b"the other's"])
        tries.harness.jobs.move(other, Status.COMPLETED)
        finish(tries.harness.context, job, PackagingResult.failed("no", "ObjectNotFound"))
        clean_up(tries.harness.context, -60)
        assert tries.store.exists(TARGET)


def wait_a_tick() -> None:
    """The database's clock counts milliseconds."""
    threading.Event().wait(0.005)


def aged(store: Sent, upload_id: str, hours: float = 1) -> str:
    """An upload that was begun so long ago."""
    store._begun[upload_id] = replace(store._begun[upload_id], initiated=datetime.now(UTC) - timedelta(hours=hours))
    return upload_id
