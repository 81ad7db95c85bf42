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
class House:
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
def house(s3_server: S3Service) -> House:
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    return House(s3_server, bucket)


@SIZES
@pytest.mark.parametrize("key", [KEY, "1234abcd-12ab-34cd-56ef-1234567890ab", "alias/models", "a-compatible-key"])
def test_an_object_is_encrypted_with_the_key(house: House, size: int, key: str) -> None:
    house.store().write(house.uri, [bytes(size)], kms_key_id=key)
    assert house.head()["ServerSideEncryption"] == "aws:kms"
    assert house.head()["SSEKMSKeyId"] == key
    assert house.head()["ContentLength"] == size


def test_an_upload_in_parts_is_encrypted_whichever_process_completes_it(house: House) -> None:
    upload_id = house.store().begin_upload(house.uri, kms_key_id=KEY)
    house.store().upload_part(house.uri, upload_id, 1, b"x")
    parts = list(house.store().uploaded_parts(house.uri, upload_id).values())
    house.store().complete_upload(house.uri, upload_id, parts, kms_key_id=KEY)
    assert house.head()["SSEKMSKeyId"] == KEY


def test_an_upload_begun_with_another_key_is_found_out(house: House) -> None:
    upload_id = house.store().begin_upload(house.uri, kms_key_id=OTHER)
    house.store().upload_part(house.uri, upload_id, 1, b"x")
    parts = list(house.store().uploaded_parts(house.uri, upload_id).values())
    with pytest.raises(EncryptionMissing, match=f"asked to encrypt with the KMS key {KEY}, and took {OTHER}"):
        house.store().complete_upload(house.uri, upload_id, parts, kms_key_id=KEY)
    assert house.names() == []


@SIZES
def test_a_service_that_ignores_the_key_keeps_no_object(house: House, size: int) -> None:
    def without_encryption(asked: Asked) -> Answer:
        return passed_on(house.server.url, asked, drop="x-amz-server-side-encryption")

    with stand_in(without_encryption) as ignorant:
        wanted = rf"{KEY}, and did not: .*The object was removed\. Bucket: {house.bucket}, Key: k$"
        with pytest.raises(EncryptionMissing, match=wanted):
            house.store(ignorant.url).write(house.uri, [bytes(size)], kms_key_id=KEY)
    assert house.names() == []


def test_a_key_that_the_service_does_not_have_is_the_callers_fault(house: House) -> None:
    refusal = b"<Error><Code>KMS.NotFoundException</Code><Message>Invalid keyId</Message></Error>"
    with (
        stand_in(lambda _: Answer(400, refusal, {"Content-Type": "application/xml"})) as service,
        pytest.raises(KeyRefused, match=r"Invalid keyId\. Bucket"),
    ):
        house.store(service.url).write(house.uri, [b"x"], kms_key_id=KEY)


@pytest.mark.parametrize("name", ["", "with space", "line\r\nx-amz-acl: public-read", "ключ", "x" * 2049])
def test_what_cannot_be_a_keys_name_is_refused(house: House, name: str) -> None:
    with pytest.raises(KeyRefused):
        house.store().check_key(name, "123456789012", "eu-west-1")
    with pytest.raises(KeyRefused):
        house.store().write(house.uri, [b"x"], kms_key_id=name)
    assert house.names() == []


def test_no_key_leaves_it_to_the_bucket(house: House) -> None:
    house.store().write(house.uri, [b"x"])
    assert house.head().get("ServerSideEncryption") != "aws:kms"
