"""One suite for stores whose objects are sent in parts that outlive the process that sent them: memory, and S3."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from contract.s3_servers import OTHERS, server_of
from edgewright.errors import ObjectNotFound, UploadGone, UriRefused
from edgewright.sections import S3Settings
from edgewright.stores import PART, MultipartStore, ObjectStore, Part, S3Uri
from edgewright.stores.opening import open_s3
from memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Store(ObjectStore, MultipartStore, Protocol):
    """Both interfaces."""


@dataclass(frozen=True)
class Case:
    """A store, a bucket of its own, and what opens the store again, as another process would."""

    open: Callable[[], Store]
    bucket: str

    @property
    def uri(self) -> S3Uri:
        return S3Uri(self.bucket, "models/large +%.tar.gz")

    def content(self) -> bytes:
        return b"".join(self.open().read(self.uri))

    def names(self) -> list[str]:
        return [uri.key for uri in self.open().list(self.bucket)]

    def sent(self, bodies: Sequence[bytes]) -> tuple[str, list[Part]]:
        """An upload of these parts, not completed."""
        store = self.open()
        upload_id = store.begin_upload(self.uri)
        for number, body in enumerate(bodies, 1):
            store.upload_part(self.uri, upload_id, number, body)
        return upload_id, list(store.uploaded_parts(self.uri, upload_id).values())


@pytest.fixture(params=["memory", "s3", *OTHERS])
def case(request: pytest.FixtureRequest) -> Case:
    bucket = f"bucket-{secrets.token_hex(6)}"
    if request.param == "memory":
        memory = MemoryStore()
        memory.write(S3Uri(bucket, "other"), [b""])
        memory.delete(S3Uri(bucket, "other"))
        return Case(lambda: memory, bucket)
    server = server_of(request, request.param)
    server.client().create_bucket(Bucket=bucket)
    access = {"access_key_id": server.key, "secret_access_key": server.secret}
    settings = S3Settings.model_validate({"endpoint_url": server.url, "retry_seconds": 3} | access)
    return Case(lambda: open_s3(settings), bucket)


def bodies(last: int = 1000) -> list[bytes]:
    made = random.Random(last)
    return [made.randbytes(PART), made.randbytes(PART), made.randbytes(last)]


def test_an_object_is_its_parts_in_order(case: Case) -> None:
    first, second, third = bodies()
    store = case.open()
    upload_id = store.begin_upload(case.uri)
    etags = {}
    for number, body in [(3, third), (1, first), (2, second)]:
        etags[number] = store.upload_part(case.uri, upload_id, number, body)
    parts = store.uploaded_parts(case.uri, upload_id)
    assert {number: (part.number, part.etag, part.size) for number, part in parts.items()} == {
        1: (1, etags[1], PART),
        2: (2, etags[2], PART),
        3: (3, etags[3], 1000),
    }
    store.complete_upload(case.uri, upload_id, [parts[number] for number in (1, 2, 3)])
    assert case.content() == first + second + third
    assert list(store.uploads(case.bucket)) == []


def test_another_process_goes_on(case: Case) -> None:
    first, second, third = bodies()
    store = case.open()
    upload_id = store.begin_upload(case.uri)
    store.upload_part(case.uri, upload_id, 1, first)
    del store
    later = case.open()
    assert set(later.uploaded_parts(case.uri, upload_id)) == {1}
    later.upload_part(case.uri, upload_id, 2, second)
    later.upload_part(case.uri, upload_id, 3, third)
    later.complete_upload(case.uri, upload_id, list(later.uploaded_parts(case.uri, upload_id).values()))
    assert case.content() == first + second + third


def test_a_part_of_the_same_number_is_replaced(case: Case) -> None:
    upload_id, _ = case.sent([b"wrong"])
    store = case.open()
    etag = store.upload_part(case.uri, upload_id, 1, memoryview(bytearray(b"right")))
    assert store.uploaded_parts(case.uri, upload_id) == {1: Part(1, etag, 5)}
    store.complete_upload(case.uri, upload_id, [Part(1, etag, 5)])
    assert case.content() == b"right"


def test_nothing_is_visible_before_it_is_complete(case: Case) -> None:
    case.open().write(case.uri, [b"old"])
    upload_id, parts = case.sent([b"new"])
    assert case.content() == b"old"
    case.open().complete_upload(case.uri, upload_id, parts)
    assert case.content() == b"new"


def test_an_aborted_upload_is_gone(case: Case) -> None:
    upload_id, parts = case.sent(bodies())
    store = case.open()
    store.abort_upload(case.uri, upload_id)
    store.abort_upload(case.uri, upload_id)
    with pytest.raises(UploadGone):
        store.uploaded_parts(case.uri, upload_id)
    with pytest.raises(UploadGone):
        store.complete_upload(case.uri, upload_id, parts)
    assert case.names() == []


def test_completing_again_is_completing_once(case: Case) -> None:
    upload_id, parts = case.sent(bodies())
    case.open().complete_upload(case.uri, upload_id, parts)
    case.open().complete_upload(case.uri, upload_id, parts)
    assert case.content() == b"".join(bodies())


def test_a_completed_upload_is_known_by_its_object(case: Case) -> None:
    upload_id, parts = case.sent(bodies())
    assert not case.open().is_completed(case.uri, upload_id, parts)
    case.open().complete_upload(case.uri, upload_id, parts)
    assert case.open().is_completed(case.uri, upload_id, parts)
    assert not case.open().is_completed(case.uri, upload_id, parts[:2]), "another object"
    assert not case.open().is_completed(case.uri, upload_id, [])
    case.open().delete(case.uri)
    assert not case.open().is_completed(case.uri, upload_id, parts)


def test_completing_again_does_not_take_another_object_for_its_own(case: Case) -> None:
    upload_id, parts = case.sent(bodies())
    store = case.open()
    store.abort_upload(case.uri, upload_id)
    store.write(case.uri, [bytes(PART), bytes(PART), bytes(1000)])  # as long, in as many parts
    assert not store.is_completed(case.uri, upload_id, parts)
    with pytest.raises(UploadGone):
        store.complete_upload(case.uri, upload_id, parts)


@pytest.mark.parametrize("wrong", [{"etag": "0" * 32}, {"size": 1}, {"number": 7}])
def test_parts_that_are_not_as_said_make_no_object(case: Case, wrong: dict[str, Any]) -> None:
    upload_id, parts = case.sent(bodies())
    with pytest.raises(UploadGone, match=f"Bucket: {case.bucket}"):
        case.open().complete_upload(case.uri, upload_id, [*parts[:2], replace(parts[2], **wrong)])
    assert case.names() == []


def test_an_upload_that_was_aborted_takes_no_part_any_more(case: Case) -> None:
    upload_id, _ = case.sent(bodies())
    store = case.open()
    store.abort_upload(case.uri, upload_id)
    with pytest.raises(UploadGone, match=f"Bucket: {case.bucket}"):
        store.upload_part(case.uri, upload_id, 1, b"x")


def test_uploads_are_listed(case: Case) -> None:
    store = case.open()
    here = store.begin_upload(case.uri)
    there = store.begin_upload(S3Uri(case.bucket, "elsewhere"))
    assert {upload.upload_id for upload in store.uploads(case.bucket)} == {here, there}
    (found,) = store.uploads(case.bucket, "models/")
    assert (found.uri, found.upload_id) == (case.uri, here)
    assert abs(datetime.now(UTC) - found.initiated) < timedelta(minutes=1)
    assert found.initiated.utcoffset() == timedelta(0)


def test_a_bucket_without_uploads_has_none(case: Case) -> None:
    """Where there never was one, rclone answers with *NoSuchUpload*."""
    assert list(case.open().uploads(case.bucket)) == []


def test_many_parts_are_all_listed(case: Case) -> None:
    store = case.open()
    upload_id = store.begin_upload(case.uri)
    for number in range(1, 1006):  # S3 lists a thousand at a time
        store.upload_part(case.uri, upload_id, number, b"x")
    assert list(store.uploaded_parts(case.uri, upload_id)) == list(range(1, 1006))


def test_an_upload_never_begun_is_gone(case: Case) -> None:
    with pytest.raises(UploadGone):
        case.open().uploaded_parts(case.uri, "never")
    case.open().abort_upload(case.uri, "never")


def test_a_prefix_is_no_object(case: Case) -> None:
    with pytest.raises(UriRefused):
        case.open().begin_upload(S3Uri(case.bucket, "folder/"))


def test_a_missing_bucket_is_said_to_be(request: pytest.FixtureRequest) -> None:
    server: Any = request.getfixturevalue("s3_server")
    store = open_s3(S3Settings(endpoint_url=server.url, access_key_id="a", secret_access_key=server.secret))
    with pytest.raises(ObjectNotFound):
        store.begin_upload(S3Uri("nobodys", "k"))
