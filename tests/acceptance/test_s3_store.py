"""Objects in S3, through the real client, against a server that checks who asks and for what."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from contract.s3_service import S3Service, s3_service
from edgewright.errors import JobStopped, ObjectForbidden, ObjectNotFound, StoreUnavailable
from edgewright.sections import S3Settings
from edgewright.settings import Settings
from edgewright.stores import ObjectStore, S3Uri, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def service() -> Iterator[S3Service]:
    with s3_service() as running:
        yield running


@pytest.fixture
def bucket(service: S3Service) -> str:
    name = f"models-{secrets.token_hex(6)}"
    service.client().create_bucket(Bucket=name)
    return name


def opened(service: S3Service, tmp_path: Path, **more: Any) -> ObjectStore:
    given = {"endpoint_url": service.url, "access_key_id": service.key, "secret_access_key": service.secret} | more
    return open_store(Settings(data_dir=tmp_path, object_store="s3", s3=S3Settings(**given)))


def uploads(service: S3Service, bucket: str) -> list[Any]:
    return list(service.client().list_multipart_uploads(Bucket=bucket).get("Uploads", []))


def test_boto3_reads_what_the_store_wrote_and_the_other_way(service: S3Service, bucket: str, tmp_path: Path) -> None:
    store = opened(service, tmp_path)
    store.write(S3Uri(bucket, "out/package-1.0.tar.gz"), [b"a" * MIB] * 20)
    found = service.client().get_object(Bucket=bucket, Key="out/package-1.0.tar.gz")
    assert found["Body"].read() == b"a" * MIB * 20
    service.client().put_object(Bucket=bucket, Key="in/ü +%20.tar.gz", Body=b"b" * 3 * MIB)
    assert b"".join(store.read(S3Uri(bucket, "in/ü +%20.tar.gz"))) == b"b" * 3 * MIB


def test_a_large_object_goes_up_in_parts(service: S3Service, bucket: str, tmp_path: Path) -> None:
    opened(service, tmp_path).write(S3Uri(bucket, "k"), [bytes(MIB)] * 20)
    etag = service.client().head_object(Bucket=bucket, Key="k")["ETag"]
    assert etag.endswith('-3"'), "three parts of at most 8 MiB"


def test_a_stopped_upload_is_aborted(service: S3Service, bucket: str, tmp_path: Path) -> None:
    during: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield from (bytes(MIB) for _ in range(40))
        during.append(len(uploads(service, bucket)))
        raise JobStopped("stopped")

    with pytest.raises(JobStopped):
        opened(service, tmp_path).write(S3Uri(bucket, "k"), pieces())
    assert during == [1]
    assert uploads(service, bucket) == []
    assert service.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_one_object_is_copied_into_another_as_it_is_read(service: S3Service, bucket: str, tmp_path: Path) -> None:
    store = opened(service, tmp_path)
    store.write(S3Uri(bucket, "from"), [secrets.token_bytes(MIB) for _ in range(30)])
    store.write(S3Uri(bucket, "to"), store.read(S3Uri(bucket, "from")))
    assert b"".join(store.read(S3Uri(bucket, "to"))) == b"".join(store.read(S3Uri(bucket, "from")))


def test_a_missing_bucket_is_named_when_it_is_written_to(service: S3Service, tmp_path: Path) -> None:
    with pytest.raises(ObjectNotFound, match=r"^S3 bucket does not exist. Bucket: nobodys$"):
        opened(service, tmp_path).write(S3Uri("nobodys", "k"), [b"x"] * 3)


def test_credentials_come_from_the_environment_too(
    service: S3Service, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", service.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", service.secret)
    store = opened(service, tmp_path, access_key_id=None, secret_access_key=None)
    store.write(S3Uri(bucket, "k"), [b"x"])
    assert store.exists(S3Uri(bucket, "k"))


def test_credentials_come_from_a_web_identity_too(
    service: S3Service, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a.web.identity")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pods")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    store = opened(service, tmp_path, access_key_id=None, secret_access_key=None)
    store.write(S3Uri(bucket, "k"), [b"x"])
    assert store.exists(S3Uri(bucket, "k"))


def test_an_unreachable_service_is_said_to_be(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening: connections are refused
        settings = S3Settings(
            endpoint_url=f"http://127.0.0.1:{taken.getsockname()[1]}",
            access_key_id="a",
            secret_access_key=SecretStr("b"),
            retry_seconds=1,
        )
        store = open_store(Settings(data_dir=tmp_path, object_store="s3", s3=settings))
        with pytest.raises(StoreUnavailable, match=r"Bucket: b, Key: k$") as raised:
            store.size(S3Uri("b", "k"))
    assert "\n" not in raised.value.message


def test_rights_are_the_stores_to_check(tmp_path: Path) -> None:
    """After its first four requests this server holds callers to their policies; this caller has none."""
    with s3_service(INITIAL_NO_AUTH_ACTION_COUNT="4") as strict:
        root = strict.client()
        root.create_bucket(Bucket="private")
        root.put_object(Bucket="private", Key="k", Body=b"x")
        key = _key_without_rights(strict)
        store = opened(strict, tmp_path, access_key_id=key[0], secret_access_key=key[1])
        with pytest.raises(ObjectForbidden, match="Bucket: private, Key: k"):
            store.size(S3Uri("private", "k"))
        with pytest.raises(ObjectForbidden):
            next(store.read(S3Uri("private", "k")))
        with pytest.raises(ObjectForbidden):
            store.write(S3Uri("private", "new"), [b"x"])
        with pytest.raises(ObjectForbidden):
            next(store.list("private"))


def _key_without_rights(service: S3Service) -> tuple[str, str]:
    import boto3

    iam = boto3.client(
        "iam",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id=service.key,
        aws_secret_access_key=service.secret,
    )
    iam.create_user(UserName="nobody")
    made = iam.create_access_key(UserName="nobody")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]
