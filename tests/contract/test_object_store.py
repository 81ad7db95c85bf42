"""One suite that every object store has to pass: a folder, memory, and S3 through a real client and server."""

from __future__ import annotations

import gc
import random
import secrets
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from contract.encrypted_directory import EncryptedDirectory
from contract.s3_servers import OTHERS, S3_SERVERS, server_of
from edgewright.errors import JobStopped, ObjectNotFound, ObjectReplaced, UriRefused
from edgewright.sections import S3Settings
from edgewright.stores import PIECE, DirectoryStore, ObjectStore, S3Uri
from edgewright.stores.opening import open_s3
from memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from contract.s3_service import S3Service

MIB = 1024 * 1024


@dataclass(frozen=True)
class Case:
    """A store, and a bucket in it that nobody else uses."""

    name: str
    store: ObjectStore
    bucket: str

    def uri(self, key: str) -> S3Uri:
        return S3Uri(self.bucket, key)

    def put(self, key: str, body: bytes) -> S3Uri:
        self.store.write(self.uri(key), [body])
        return self.uri(key)

    def content(self, key: str) -> bytes:
        return b"".join(self.store.read(self.uri(key)))

    def keys(self, prefix: str = "") -> list[str]:
        return [uri.key for uri in self.store.list(self.bucket, prefix)]


@pytest.fixture(params=["directory", "encrypted directory", "memory", "s3", *OTHERS])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    bucket = f"bucket-{secrets.token_hex(6)}"
    if request.param == "directory":
        return Case("directory", DirectoryStore(tmp_path / "objects"), bucket)
    if request.param == "encrypted directory":
        return Case("encrypted directory", EncryptedDirectory(tmp_path), bucket)
    if request.param == "memory":
        return Case("memory", MemoryStore(), bucket)
    server = server_of(request, request.param)
    server.client().create_bucket(Bucket=bucket)
    settings = S3Settings(endpoint_url=server.url, access_key_id=server.key, secret_access_key=SecretStr(server.secret))
    return Case(request.param, open_s3(settings), bucket)


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 8 * PIECE, 8 * PIECE + 3, 35 * PIECE + 7])
def test_what_is_written_is_read(case: Case, size: int) -> None:
    body = noise(size)
    case.store.write(case.uri("models/a.tar.gz"), (body[start : start + 700_000] for start in range(0, size, 700_000)))
    pieces = [bytes(piece) for piece in case.store.read(case.uri("models/a.tar.gz"))]
    assert b"".join(pieces) == body
    assert all(len(piece) == PIECE for piece in pieces[:-1])
    assert case.store.size(case.uri("models/a.tar.gz")) == size


def test_pieces_may_be_any_buffer(case: Case) -> None:
    case.store.write(case.uri("k"), [b"ab", bytearray(b"cd"), memoryview(b"xefx")[1:3], b""])
    assert case.content("k") == b"abcdef"


def test_an_object_is_replaced(case: Case) -> None:
    case.put("k", b"a longer first version")
    case.put("k", b"second")
    assert case.content("k") == b"second"
    assert case.store.size(case.uri("k")) == 6


@pytest.mark.parametrize(
    "key",
    [
        "plain",
        "a/b/c/d",
        "with space",
        "100%25",
        "per%cent",
        "é/日本",
        "a#1",
        "a+b&c=d",
        "q?x",
        "...",
        "a:b",
        "back\\slash",
    ],
)
def test_keys_are_kept_as_given(case: Case, key: str) -> None:
    case.put(key, key.encode())
    assert case.content(key) == key.encode()
    assert case.keys() == [key]


def test_a_missing_object_is_named(case: Case) -> None:
    case.put("there", b"")
    wanted = f"^S3 object does not exist. Bucket: {case.bucket}, Key: not/there$"
    with pytest.raises(ObjectNotFound, match=wanted):
        case.store.size(case.uri("not/there"))
    with pytest.raises(ObjectNotFound, match=wanted):
        next(case.store.read(case.uri("not/there")))
    assert not case.store.exists(case.uri("not/there"))
    assert case.store.exists(case.uri("there"))


def test_a_missing_bucket_is_named(case: Case) -> None:
    wanted = "^S3 object does not exist. Bucket: no-such-bucket, Key: k$"
    uri = S3Uri("no-such-bucket", "k")
    with pytest.raises(ObjectNotFound, match=wanted):
        case.store.size(uri)
    with pytest.raises(ObjectNotFound, match=wanted):
        next(case.store.read(uri))
    with pytest.raises(ObjectNotFound, match=r"^S3 bucket does not exist. Bucket: no-such-bucket$"):
        next(case.store.list("no-such-bucket"))
    assert not case.store.exists(uri)


def test_reading_opens_nothing_before_the_first_piece_is_asked_for(case: Case) -> None:
    pieces = case.store.read(case.uri("later"))
    case.put("later", b"written after read() was called")
    assert b"".join(pieces) == b"written after read() was called"


@pytest.mark.parametrize("key", ["", "folder/"])
def test_a_prefix_is_no_object(case: Case, key: str) -> None:
    uri = case.uri(key)
    for use in (
        lambda: case.store.size(uri),
        lambda: next(case.store.read(uri)),
        lambda: case.store.write(uri, [b"x"]),
        lambda: case.store.exists(uri),
        lambda: case.store.delete(uri),
    ):
        with pytest.raises(UriRefused, match="not an object"):
            use()


@pytest.mark.parametrize("before", [100, 30 * MIB])
def test_a_source_that_raises_leaves_nothing(case: Case, before: int) -> None:
    case.put("other", b"")
    stop = JobStopped("stopped on the way")

    def source() -> Iterator[bytes]:
        yield from (bytes(min(MIB, before)) for _ in range(max(1, before // MIB)))
        raise stop

    with pytest.raises(JobStopped) as raised:
        case.store.write(case.uri("half"), source())
    assert raised.value is stop
    assert case.keys() == ["other"]


@pytest.mark.parametrize(
    "error", [FileNotFoundError("x"), ValueError("x"), PermissionError(13, "x"), KeyboardInterrupt()]
)
def test_the_sources_own_error_is_not_taken_for_the_stores(case: Case, error: BaseException) -> None:
    def source() -> Iterator[bytes]:
        yield b"x"
        raise error

    with pytest.raises(type(error)) as raised:
        case.store.write(case.uri("half"), source())
    assert raised.value is error


def test_a_source_that_raises_leaves_the_old_version(case: Case) -> None:
    case.put("k", b"old")

    def source() -> Iterator[bytes]:
        yield b"new"
        raise JobStopped("stopped")

    with pytest.raises(JobStopped):
        case.store.write(case.uri("k"), source())
    assert case.content("k") == b"old"


def test_an_object_is_not_visible_while_it_is_written(case: Case) -> None:
    case.put("other", b"")
    seen: list[bool] = []

    def source() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(MIB)
            seen.append(case.store.exists(case.uri("slow")) or case.keys() != ["other"])

    case.store.write(case.uri("slow"), source())
    assert seen == [False] * 20
    assert case.keys() == ["other", "slow"]


def test_versions_are_never_mixed(case: Case) -> None:
    old, new = noise(60 * MIB, seed=2), noise(60 * MIB, seed=3)
    case.put("k", old)
    reading = case.store.read(case.uri("k"))
    start = b"".join(islice(reading, 2))
    case.put("k", new)
    try:
        whole = start + b"".join(reading)
    except ObjectReplaced as error:
        assert f"Bucket: {case.bucket}, Key: k" in error.message
    else:
        assert whole == old
    assert case.content("k") == new


def test_a_reader_may_give_up(case: Case) -> None:
    case.put("k", noise(40 * MIB))
    reading = case.store.read(case.uri("k"))
    next(reading)
    del reading
    gc.collect()
    case.store.delete(case.uri("k"))
    assert case.keys() == []


def test_deleting_what_is_not_there_is_no_error(case: Case) -> None:
    case.put("a/b", b"x")
    case.store.delete(case.uri("a/b"))
    case.store.delete(case.uri("a/b"))
    case.store.delete(case.uri("never/was"))
    assert case.keys() == []


def test_listing_goes_by_any_prefix_in_order(case: Case) -> None:
    for key in ["b", "a/z", "a.x", "a/b/c", "ab", "é", "a-1"]:
        case.put(key, b"")
    assert case.keys() == ["a-1", "a.x", "a/b/c", "a/z", "ab", "b", "é"]
    assert case.keys("a/") == ["a/b/c", "a/z"]
    assert case.keys("a/b") == ["a/b/c"]
    assert case.keys("a/b/c/") == []
    assert case.keys("a") == ["a-1", "a.x", "a/b/c", "a/z", "ab"]
    assert case.keys("nothing") == []


def test_buckets_are_apart(case: Case, request: pytest.FixtureRequest) -> None:
    case.put("k", b"mine")
    other = f"other-{secrets.token_hex(6)}"
    if case.name in S3_SERVERS:
        request.getfixturevalue(f"{case.name}_server").client().create_bucket(Bucket=other)
    case.store.write(S3Uri(other, "k"), [b"theirs"])
    assert case.content("k") == b"mine"
    assert [str(uri) for uri in case.store.list(other)] == [f"s3://{other}/k"]


def test_a_link_to_s3_is_fetched_by_anybody(s3_server: S3Service) -> None:
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    secret = SecretStr(s3_server.secret)
    store = open_s3(S3Settings(endpoint_url=s3_server.url, access_key_id=s3_server.key, secret_access_key=secret))
    store.write(S3Uri(bucket, "a folder/+.bin"), [b"content"])
    with urllib.request.urlopen(store.link(S3Uri(bucket, "a folder/+.bin"), timedelta(minutes=1))) as answer:
        assert answer.read() == b"content"
