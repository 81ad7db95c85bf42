"""Uploads that are gone, and objects that are completed later than the store says: as Ceph, S3 and others have them.

A small server stands before the S3 server and answers as they do.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_stand_in import Answer, Asked, StandIn, passed_on, stand_in
from edgewright.errors import EdgewrightError, EncryptionMissing, StoreUnavailable, StoreUnsuited, UploadGone
from edgewright.sections import S3Settings
from edgewright.stores import PART, Part, S3Uri
from edgewright.stores.opening import open_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract.s3_service import S3Service
    from edgewright.stores.s3 import S3Store

ABSENT = Answer(404)
BODIES = [b"1" * PART, b"2" * 1000]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def error(status: int, code: str) -> Answer:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
    return Answer(status, body.encode(), {"Content-Type": "application/xml"})


@dataclass
class Before:
    """What stands before the server.

    Attributes:
        absent: the answer about an upload that is gone, in place of the server's.
        lost: how many answers to a completion are lost, that is, replaced by a 500.
        heads: what is answered to the next HEADs; None passes one on.
        refused: every answer that is not the server's, by the method.
        drop: beginnings of headers' names that the server does not see.
    """

    server: S3Service
    bucket: str
    absent: Answer | None = None
    lost: int = 0
    heads: list[Answer | None] = field(default_factory=list)
    refused: dict[str, Answer] = field(default_factory=dict)
    drop: str = ""
    at: StandIn = field(default_factory=StandIn)

    @property
    def uri(self) -> S3Uri:
        return S3Uri(self.bucket, "models/k")

    def __call__(self, asked: Asked) -> Answer:
        if asked.method in self.refused:
            return self.refused[asked.method]
        if asked.method == "HEAD" and self.heads:
            return self.heads.pop(0) or passed_on(self.server.url, asked)
        found = passed_on(self.server.url, asked, self.drop)
        if "uploadId=" not in asked.target:
            return found
        if asked.method == "POST" and self.lost:
            self.lost -= 1
            return error(500, "InternalError")
        return self.absent if self.absent and found.status == 404 else found

    def store(self, **settings: Any) -> S3Store:
        given = {"endpoint_url": self.at.url, "access_key_id": "AKIA", "secret_access_key": "s", "retry_seconds": 5}
        return open_s3(S3Settings.model_validate(given | settings))

    def sent(self, kms_key_id: str | None = None) -> tuple[str, list[Part]]:
        """An upload of all parts, not completed."""
        store = self.store()
        upload_id = store.begin_upload(self.uri, kms_key_id=kms_key_id)
        parts = [
            Part(number, store.upload_part(self.uri, upload_id, number, body), len(body))
            for number, body in enumerate(BODIES, 1)
        ]
        self.at.asked.clear()
        return upload_id, parts

    def asked(self, method: str) -> int:
        return sum(each.method == method for each in self.at.asked)

    def content(self) -> bytes:
        body: bytes = self.server.client().get_object(Bucket=self.bucket, Key=self.uri.key)["Body"].read()
        return body

    def is_there(self) -> bool:
        return bool(self.server.client().list_objects_v2(Bucket=self.bucket)["KeyCount"])


@pytest.fixture
def before(s3_server: S3Service) -> Iterator[Before]:
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    found = Before(s3_server, bucket)
    with stand_in(found) as found.at:
        yield found


@pytest.mark.parametrize(
    "absent",
    [error(404, "NoSuchKey"), error(404, "NoSuchUpload"), error(404, "NoSuchBucket"), error(404, "NotFound"), ABSENT],
    ids=["NoSuchKey", "NoSuchUpload", "NoSuchBucket", "NotFound", "bare"],
)
class TestAny404OfAnUpload:
    @pytest.mark.parametrize(
        "call",
        [
            lambda store, uri, upload_id, _: store.uploaded_parts(uri, upload_id),
            lambda store, uri, upload_id, _: store.upload_part(uri, upload_id, 1, b"x"),
            lambda store, uri, upload_id, parts: store.complete_upload(uri, upload_id, parts),
        ],
        ids=["ListParts", "UploadPart", "Complete"],
    )
    def test_it_is_gone(self, before: Before, absent: Answer, call: Callable[..., object]) -> None:
        upload_id, parts = before.sent()
        store = before.store(retry_seconds=0.3)
        store.abort_upload(before.uri, upload_id)
        before.absent = absent
        with pytest.raises(UploadGone, match=f"Bucket: {before.bucket}, Key: models/k"):
            call(store, before.uri, upload_id, parts)

    def test_aborting_it_is_no_error(self, before: Before, absent: Answer) -> None:
        upload_id, _ = before.sent()
        before.store().abort_upload(before.uri, upload_id)
        before.absent = absent
        before.store().abort_upload(before.uri, upload_id)

    def test_a_completed_one_is_recognized(self, before: Before, absent: Answer) -> None:
        before.absent = absent
        upload_id, parts = before.sent()
        before.store().complete_upload(before.uri, upload_id, parts)
        assert before.store().is_completed(before.uri, upload_id, parts)
        before.store().complete_upload(before.uri, upload_id, parts)
        assert before.content() == b"".join(BODIES)


def test_a_lost_completion_is_not_asked_for_again(before: Before) -> None:
    """The parts are listed again first: Ceph has no end of 500s for the completion of an upload that is gone."""
    upload_id, parts = before.sent()
    before.absent, before.lost = error(404, "NoSuchKey"), 1
    before.store().complete_upload(before.uri, upload_id, parts)
    assert before.asked("POST") == 1
    assert before.content() == b"".join(BODIES)


@pytest.mark.parametrize("lost", [0, 1], ids=["answered", "answer lost"])
@pytest.mark.parametrize("number", [1, 3])
def test_an_object_that_is_not_visible_yet_is_looked_for_again(before: Before, lost: int, number: int) -> None:
    """The first completion is still at work."""
    upload_id, parts = before.sent()
    before.lost, before.heads = lost, [ABSENT] * number
    before.store().complete_upload(before.uri, upload_id, parts)
    assert before.heads == []
    assert before.content() == b"".join(BODIES)


@pytest.mark.parametrize("lost", [0, 1], ids=["answered", "answer lost"])
def test_so_is_one_in_whose_place_an_older_one_is_visible(before: Before, lost: int) -> None:
    upload_id, parts = before.sent()
    before.lost = lost
    before.heads = [Answer(200, b"x" * 7, {"ETag": '"00000000000000000000000000000000"'})] * 2
    before.store().complete_upload(before.uri, upload_id, parts)
    assert before.heads == []
    assert before.content() == b"".join(BODIES), "nothing was removed"


def test_a_small_object_that_is_not_visible_yet_is_looked_for_again(before: Before) -> None:
    before.heads = [ABSENT, ABSENT]
    before.store().write(before.uri, [b"small"])
    assert before.asked("HEAD") == 3


def test_an_object_that_never_comes_is_given_up(before: Before) -> None:
    upload_id, parts = before.sent()
    before.store().abort_upload(before.uri, upload_id)
    with pytest.raises(UploadGone):
        before.store(retry_seconds=2).complete_upload(before.uri, upload_id, parts)
    assert before.asked("HEAD") > 1
    assert not before.store(retry_seconds=0).is_completed(before.uri, upload_id, parts)


def test_an_object_that_was_taken_and_never_comes_is_the_stores_fault(before: Before) -> None:
    before.refused["HEAD"] = ABSENT
    with pytest.raises(StoreUnavailable, match=r"took an object .* has none .*Key: models/k"):
        before.store(retry_seconds=0.3).write(before.uri, [b"small"])


def test_a_store_that_cannot_be_asked_does_not_answer_that_there_is_none(before: Before) -> None:
    upload_id, parts = before.sent()
    before.refused["HEAD"] = error(500, "InternalError")
    with pytest.raises(StoreUnavailable, match=r"\(500\)"):
        before.store(retry_seconds=0.3).is_completed(before.uri, upload_id, parts)


def test_no_parts_make_no_object(before: Before) -> None:
    assert not before.store().is_completed(before.uri, "any", [])
    assert before.at.asked == []


def test_another_writers_object_is_not_removed(before: Before) -> None:
    """It came between the write and the look at it."""
    before.heads = [Answer(200, b"x" * 7, {"ETag": '"00000000000000000000000000000000"'})] * 50
    with pytest.raises(StoreUnavailable, match="not removed"):
        before.store(retry_seconds=0.3).write(before.uri, [b"small"])
    assert before.is_there()
    assert before.asked("DELETE") == 0


def test_an_object_that_a_lost_completion_made_is_checked_as_well(before: Before) -> None:
    before.drop = "x-amz-server-side-encryption"
    upload_id, parts = before.sent(KEY)
    before.lost = 1
    with pytest.raises(EncryptionMissing):
        before.store().complete_upload(before.uri, upload_id, parts, kms_key_id=KEY)
    assert not before.is_there()


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("HEAD", lambda store, uri: store.size(uri)),
        ("PUT", lambda store, uri: store.write(uri, [b"small"])),
        ("POST", lambda store, uri: store.begin_upload(uri)),
        ("GET", lambda store, uri: list(store.uploads(uri.bucket))),
        ("DELETE", lambda store, uri: store.delete(uri)),
    ],
)
def test_what_a_store_does_not_implement_is_asked_for_once(
    before: Before, method: str, call: Callable[[S3Store, S3Uri], object]
) -> None:
    before.refused[method] = error(501, "NotImplemented")
    with pytest.raises(StoreUnsuited, match=r"501.*Key: ") as raised:
        call(before.store(), before.uri)
    assert before.asked(method) == 1
    assert not isinstance(raised.value, StoreUnavailable), "a worker would try again"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_other_errors_of_a_server_are_asked_again(before: Before, status: int) -> None:
    before.refused["HEAD"] = error(status, "Whatever")
    with pytest.raises(EdgewrightError):
        before.store(retry_seconds=2).size(before.uri)
    assert before.asked("HEAD") > 1
