"""Encryption with a KMS key: asked for, read back, and not believed where it did not happen."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_stand_in import Answer, Asked, passed_on, stand_in
from edgewright.errors import EncryptionMissing, KeyRefused
from edgewright.sections import S3Settings
from edgewright.stores import PART, S3Uri
from edgewright.stores.opening import open_s3

if TYPE_CHECKING:
    from contract.s3_service import S3Service
    from edgewright.stores.s3 import S3Store

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = "arn:aws:kms:eu-west-1:123456789012:key/00000000-12ab-34cd-56ef-1234567890ab"
SIZES = pytest.mark.parametrize("size", [10, PART + 10])


@dataclass(frozen=True)
class Harness:
    server: S3Service
    bucket: str

    @property
    def uri(self) -> S3Uri:
        return S3Uri(self.bucket, "k")

    def store(self, url: str | None = None) -> S3Store:
        given = {
            "endpoint_url": url or self.server.url,
            "access_key_id": "AKIA",
            "secret_access_key": "s",
            "retry_seconds": 5,
        }
        return open_s3(S3Settings.model_validate(given))

    def head(self) -> dict[str, Any]:
        found: dict[str, Any] = self.server.client().head_object(Bucket=self.bucket, Key="k")
        return found

    def names(self) -> list[str]:
        return [uri.key for uri in self.store().list(self.bucket)]


@pytest.fixture
def harness(s3_server: S3Service) -> Harness:
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    return Harness(s3_server, bucket)


@SIZES
@pytest.mark.parametrize("key", [KEY, "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/models", "a-compatible-key"])
def test_an_object_is_encrypted_with_the_key(harness: Harness, size: int, key: str) -> None:
    harness.store().write(harness.uri, [bytes(size)], kms_key_id=key)
    assert harness.head()["ServerSideEncryption"] == "aws:kms"
    assert harness.head()["SSEKMSKeyId"] == key
    assert harness.head()["ContentLength"] == size


def test_an_upload_in_parts_is_encrypted_whichever_process_completes_it(harness: Harness) -> None:
    upload_id = harness.store().begin_upload(harness.uri, kms_key_id=KEY)
    harness.store().upload_part(harness.uri, upload_id, 1, b"x")
    parts = list(harness.store().uploaded_parts(harness.uri, upload_id).values())
    harness.store().complete_upload(harness.uri, upload_id, parts, kms_key_id=KEY)
    assert harness.head()["SSEKMSKeyId"] == KEY


def test_an_upload_begun_with_another_key_is_found_out(harness: Harness) -> None:
    upload_id = harness.store().begin_upload(harness.uri, kms_key_id=OTHER)
    harness.store().upload_part(harness.uri, upload_id, 1, b"x")
    parts = list(harness.store().uploaded_parts(harness.uri, upload_id).values())
    with pytest.raises(EncryptionMissing, match=f"asked to encrypt with the KMS key {KEY}, and took {OTHER}"):
        harness.store().complete_upload(harness.uri, upload_id, parts, kms_key_id=KEY)
    assert harness.names() == []


@SIZES
def test_a_service_that_ignores_the_key_keeps_no_object(harness: Harness, size: int) -> None:
    def without_encryption(asked: Asked) -> Answer:
        return passed_on(harness.server.url, asked, drop="x-amz-server-side-encryption")

    with stand_in(without_encryption) as ignorant:
        wanted = rf"{KEY}, and did not: .*The object was removed\. Bucket: {harness.bucket}, Key: k$"
        with pytest.raises(EncryptionMissing, match=wanted):
            harness.store(ignorant.url).write(harness.uri, [bytes(size)], kms_key_id=KEY)
    assert harness.names() == []


def test_a_key_that_the_service_does_not_have_is_the_callers_fault(harness: Harness) -> None:
    refusal = b"<Error><Code>KMS.NotFoundException</Code><Message>Invalid keyId</Message></Error>"
    with (
        stand_in(lambda _: Answer(400, refusal, {"Content-Type": "application/xml"})) as service,
        pytest.raises(KeyRefused, match=r"Invalid keyId\. Bucket"),
    ):
        harness.store(service.url).write(harness.uri, [b"x"], kms_key_id=KEY)


@pytest.mark.parametrize("name", ["", "with space", "line\r\nx-amz-acl: public-read", "ключ", "x" * 2049])
def test_what_cannot_be_a_keys_name_is_refused(harness: Harness, name: str) -> None:
    with pytest.raises(KeyRefused):
        harness.store().check_key(name, "123456789012", "eu-west-1")
    with pytest.raises(KeyRefused):
        harness.store().write(harness.uri, [b"x"], kms_key_id=name)
    assert harness.names() == []


def test_no_key_leaves_it_to_the_bucket(harness: Harness) -> None:
    harness.store().write(harness.uri, [b"x"])
    assert harness.head().get("ServerSideEncryption") != "aws:kms"
