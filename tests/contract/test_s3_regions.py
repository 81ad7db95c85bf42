"""Buckets in other regions than the settings', and checksums: S3's manners that its stand-ins do not have."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_stand_in import Answer, Asked, passed_on, stand_in
from edgewright.errors import ObjectForbidden, StoreUnavailable, StoreUnsuited, UploadGone
from edgewright.sections import S3Settings
from edgewright.stores import PART, S3Uri
from edgewright.stores.opening import open_s3

if TYPE_CHECKING:
    from contract.s3_service import S3Service
    from edgewright.stores.s3 import S3Store

HOME = "eu-west-3"
URI = S3Uri("far-away", "k")
XML = {"Content-Type": "application/xml"}


def opened(url: str, **settings: Any) -> S3Store:
    given = {"endpoint_url": url, "access_key_id": "AKIA", "secret_access_key": "s", "retry_seconds": 2}
    return open_s3(S3Settings.model_validate(given | settings))


def in_another_region(body: bytes = b"content", *, tells: bool = True) -> Any:
    """A service whose bucket is in HOME, and that says so to requests that are signed for elsewhere."""

    def answer(asked: Asked) -> Answer:
        where = {"x-amz-bucket-region": HOME} if tells or asked.target.rstrip("/") == "/far-away" else {}
        if asked.credential[2] != HOME:
            error = b"<Error><Code>PermanentRedirect</Code><Message>use the endpoint</Message></Error>"
            return Answer(301, b"" if asked.method == "HEAD" else error, XML | where)
        found = {"ETag": '"abc"', "Content-Length": str(len(body)), "Last-Modified": "Wed, 01 Jan 2025 00:00:00 GMT"}
        return Answer(200, body, found | where)

    return answer


@pytest.mark.parametrize("tells", [True, False])
def test_a_buckets_region_is_found_and_remembered(tells: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with stand_in(in_another_region(tells=tells)) as service:
        store = opened(service.url)
        assert b"".join(store.read(URI)) == b"content"
        told_off = [asked for asked in service.asked if asked.credential[2] != HOME]
        assert 1 <= len(told_off) <= 2  # the object, and where the answer does not say it, the bucket
        before = len(service.asked)
        assert store.size(URI) == 7
        assert b"".join(store.read(URI)) == b"content"
        assert {asked.credential[2] for asked in service.asked[before:]} == {HOME}


def test_only_the_first_bucket_pays_for_its_region() -> None:
    with stand_in(in_another_region()) as service:
        store = opened(service.url, region=HOME)
        assert store.size(URI) == 7
        assert len(service.asked) == 1


def crc32(body: bytes) -> str:
    return base64.b64encode(binascii.crc32(body).to_bytes(4, "big")).decode()


@pytest.mark.parametrize("size", [1000, PART + 1000])
@pytest.mark.parametrize("checksum", ["crc32", "md5"])
def test_every_body_goes_with_its_checksum(s3_server: S3Service, checksum: str, size: int) -> None:
    bucket = f"checked-{checksum}-{size}"
    s3_server.client().create_bucket(Bucket=bucket)
    with stand_in(lambda asked: passed_on(s3_server.url, asked)) as service:
        opened(service.url, checksum=checksum).write(S3Uri(bucket, "k"), [b"x" * size])
        sent = [asked for asked in service.asked if asked.method == "PUT"]
    assert sum(len(asked.body) for asked in sent) == size
    for asked in sent:
        if checksum == "md5":
            assert asked.headers["Content-MD5"] == base64.b64encode(hashlib.md5(asked.body).digest()).decode()
        else:
            assert asked.headers["x-amz-checksum-crc32"] == crc32(asked.body)


@pytest.mark.parametrize(
    "answered",
    [
        {"ETag": '"00000000000000000000000000000000"'},
        {"ETag": '"of-no-form"', "x-amz-checksum-crc32": "AAAAAA=="},
    ],
)
def test_a_body_that_came_out_wrong_is_sent_again(answered: dict[str, str]) -> None:
    with stand_in(lambda _: Answer(200, headers=answered)) as service:
        with pytest.raises(StoreUnavailable, match="of what was sent"):
            opened(service.url).write(S3Uri("bucket", "k"), [b"x"])
        assert len([asked for asked in service.asked if asked.method == "PUT"]) > 1


def test_a_short_object_is_removed() -> None:
    body = b"the whole object"
    etag = f'"{hashlib.md5(body).hexdigest()}"'

    def answer(asked: Asked) -> Answer:
        if asked.method == "HEAD":
            return Answer(200, headers={"ETag": etag, "Content-Length": "3"})
        return Answer(200 if asked.method == "PUT" else 204, headers={"ETag": etag})

    with stand_in(answer) as service:
        with pytest.raises(StoreUnavailable, match="has 3 bytes of an object of 16"):
            opened(service.url).write(S3Uri("bucket", "k"), [body])
        assert [asked.method for asked in service.asked] == ["PUT", "HEAD", "DELETE"]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (404, "NoSuchUpload", UploadGone),
        (403, "AccessDenied", ObjectForbidden),
        (403, "SignatureDoesNotMatch", ObjectForbidden),
        (503, "SlowDown", StoreUnavailable),
        (400, "RequestTimeout", StoreUnavailable),
        (400, "BadDigest", StoreUnavailable),
        (400, "ExpiredToken", StoreUnavailable),
        (409, "OperationAborted", StoreUnavailable),
        (501, "NotImplemented", StoreUnsuited),
    ],
)
def test_what_an_answer_means(status: int, code: str, error: type[Exception]) -> None:
    body = f"<Error><Code>{code}</Code><Message>said</Message></Error>".encode()
    with (
        stand_in(lambda _: Answer(status, body, XML)) as service,
        pytest.raises(error, match="Bucket: bucket, Key: k"),
    ):
        opened(service.url, retry_seconds=0.2).upload_part(S3Uri("bucket", "k"), "upload", 1, b"x")


def test_the_time_that_a_service_asks_for_is_left_to_it() -> None:
    answers = [Answer(503, headers={"Retry-After": "1"}), Answer(200, headers={"ETag": '"e"', "Content-Length": "5"})]
    with stand_in(lambda _: answers.pop(0)) as service:
        assert opened(service.url, retry_seconds=30).size(S3Uri("bucket", "k")) == 5
    answers = [Answer(503, headers={"Retry-After": "60"})]
    with stand_in(lambda _: answers.pop(0)) as service, pytest.raises(StoreUnavailable, match="Tried 1 times"):
        opened(service.url, retry_seconds=30).size(S3Uri("bucket", "k"))
