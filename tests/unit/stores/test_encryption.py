"""The encrypted form of objects: what is refused, and that nothing unproven comes out."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import JobStopped, ObjectDamaged, SettingsRefused, StoreUnavailable
from edgewright.stores import PIECE, S3Uri, encryption

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from typing_extensions import Buffer

URI = S3Uri("bucket", "models/digits.tar.gz")
KEY_ID = "1234abcd-12ab-34cd-56ef-1234567890ab"
SEGMENT = 1024 * 1024
FIRST = SEGMENT - 40 - 16  # bytes of the object in the first segment, which has the header too
NEXT = SEGMENT - 16


@pytest.fixture(scope="module")
def keyset() -> str:
    return encryption.new_keyset()


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def encrypted_file(keyset: str, body: bytes, uri: S3Uri = URI, key_id: str = KEY_ID) -> bytes:
    return b"".join(map(bytes, encryption.encrypt([body], keyset, key_id, uri)))


def opened(keyset: str, file: bytes, uri: S3Uri = URI) -> Generator[bytes, None, None]:
    form = encryption.form(file[: encryption.HEAD], uri)
    assert form.key_id is not None
    return encryption.decrypt(io.BytesIO(file[form.start :]).read, keyset, form.key_id, uri)


def until_refused(pieces: Iterable[bytes]) -> bytes:
    """What came out before the refusal, which must come."""
    got: list[bytes] = []
    with pytest.raises(ObjectDamaged, match=r"Bucket: bucket, Key: models/digits\.tar\.gz$"):
        got.extend(pieces)  # keeps what came before the error
    return b"".join(got)


@pytest.mark.parametrize(
    "size", [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + NEXT - 1, FIRST + NEXT, FIRST + NEXT + 1, 5 * SEGMENT + 7]
)
def test_the_size_of_an_object_is_told_by_its_file(keyset: str, size: int) -> None:
    body = noise(size)
    file = encrypted_file(keyset, body)
    form = encryption.form(file[: encryption.HEAD], URI)
    assert form == encryption.StoredForm(encryption.HEAD, KEY_ID)
    assert form.size(len(file), URI) == size
    pieces = list(opened(keyset, file))
    assert b"".join(pieces) == body
    assert all(len(piece) == PIECE for piece in pieces[:-1])


def test_no_byte_of_the_object_is_in_its_file(keyset: str) -> None:
    body = b"\x1f\x8b" + b"a known text that repeats. " * 100_000
    file = encrypted_file(keyset, body)
    assert b"known" not in file
    assert file != encrypted_file(keyset, body), "a new salt for each object"


@pytest.mark.parametrize("sizes", [[1] * 5000, [0, 3, 0], [SEGMENT * 3], [7_000, 700_000, 5]])
def test_pieces_of_any_size_are_encrypted(keyset: str, sizes: list[int]) -> None:
    pieces = [noise(size, seed) for seed, size in enumerate(sizes)]
    buffers: list[Buffer] = [(memoryview, bytearray, bytes)[number % 3](piece) for number, piece in enumerate(pieces)]
    file = b"".join(map(bytes, encryption.encrypt(buffers, keyset, KEY_ID, URI)))
    assert b"".join(opened(keyset, file)) == b"".join(pieces)


def test_ciphertext_comes_while_pieces_come(keyset: str) -> None:
    """Memory does not grow with the object."""
    given = 0

    def pieces() -> Iterator[bytes]:
        nonlocal given
        for _ in range(64):
            given += PIECE
            yield bytes(PIECE)

    taken = 0
    for piece in encryption.encrypt(pieces(), keyset, KEY_ID, URI):
        taken += len(memoryview(piece))
        assert given - taken <= 3 * PIECE
    assert taken > 64 * PIECE


BODY = noise(3 * SEGMENT + 7)

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing behind the header": lambda file: file[: encryption.HEAD],
    "half of the salt": lambda file: file[: encryption.HEAD + 20],
    "no segment": lambda file: file[: encryption.HEAD + 40],
    "the first segment alone": lambda file: file[: encryption.HEAD + SEGMENT],
    "two whole segments": lambda file: file[: encryption.HEAD + 2 * SEGMENT],
    "all but the last segment": lambda file: file[: encryption.HEAD + 3 * SEGMENT],
    "all but the last byte": lambda file: file[:-1],
    "a byte more": lambda file: file + b"\0",
    "a segment more": lambda file: file + file[-SEGMENT:],
    "itself twice": lambda file: file + file,
    "another salt": lambda file: flipped(file, encryption.HEAD + 5),
    "another nonce": lambda file: flipped(file, encryption.HEAD + 35),
    "a changed first segment": lambda file: flipped(file, encryption.HEAD + 100),
    "a changed third segment": lambda file: flipped(file, encryption.HEAD + 2 * SEGMENT + 100),
    "a changed last byte": lambda file: flipped(file, len(file) - 1),
    "another key id": lambda file: flipped(file, encryption.HEAD - 1),
    "segments the wrong way round": lambda file: swapped(file, 1, 2),
    "a segment twice": lambda file: swapped(file, 1, 1),
}


def flipped(file: bytes, position: int) -> bytes:
    return file[:position] + bytes([file[position] ^ 1]) + file[position + 1 :]


def swapped(file: bytes, one: int, other: int) -> bytes:
    head, body = file[: encryption.HEAD], file[encryption.HEAD :]
    segments = [body[start : start + SEGMENT] for start in range(0, len(body), SEGMENT)]
    segments[one], segments[2] = segments[other], segments[1]
    return head + b"".join(segments)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused_and_gives_only_what_was_proven(keyset: str, damage: str) -> None:
    got = until_refused(opened(keyset, DAMAGES[damage](encrypted_file(keyset, BODY))))
    assert BODY.startswith(got)
    assert len(got) < len(BODY)


def test_any_changed_bit_is_found(keyset: str) -> None:
    file = encrypted_file(keyset, b"a small object")
    for position in range(encryption.HEAD - 16, len(file)):
        assert until_refused(opened(keyset, flipped(file, position))) == b""


@pytest.mark.parametrize(
    "other", [S3Uri("bucket", "models/other.tar.gz"), S3Uri("bucket-2", URI.key), S3Uri("b", f"ucket/{URI.key}")]
)
def test_a_file_that_was_moved_to_another_object_is_refused(keyset: str, other: S3Uri) -> None:
    file = encrypted_file(keyset, BODY, other)
    assert b"".join(opened(keyset, file, other)) == BODY
    assert until_refused(opened(keyset, file)) == b""


def test_another_key_opens_nothing(keyset: str) -> None:
    assert until_refused(opened(encryption.new_keyset(), encrypted_file(keyset, BODY))) == b""


@pytest.mark.parametrize("length", [0, 39, 55, SEGMENT + 1, SEGMENT + 16, 3 * SEGMENT + 16])
def test_a_size_that_no_encrypted_file_has_is_refused(length: int) -> None:
    with pytest.raises(ObjectDamaged, match="cut short"):
        encryption.StoredForm(encryption.HEAD, KEY_ID).size(encryption.HEAD + length, URI)


@pytest.mark.parametrize("tail", [b"", b"\x02" + bytes(16), b"\x01", b"\x01" + bytes(15), b"\xff" * 17])
def test_a_header_that_cannot_be_read_is_refused(tail: bytes) -> None:
    with pytest.raises(ObjectDamaged):
        encryption.form(encryption.MAGIC + tail, URI)


@pytest.mark.parametrize(
    "body", [b"", b"x", b"\x1f\x8b" * 20, encryption.MAGIC[:-1], encryption.MAGIC[:-1] + b"x" * 40]
)
def test_a_plain_object_is_its_own_file(body: bytes) -> None:
    assert b"".join(map(bytes, encryption.plain([body]))) == body
    assert encryption.form(body[: encryption.HEAD], URI) == encryption.StoredForm(0)
    assert encryption.StoredForm(0).size(len(body), URI) == len(body)


@pytest.mark.parametrize("cut", [1, 5, len(encryption.MAGIC), 40])
def test_a_plain_object_that_looks_encrypted_gets_a_header(cut: int) -> None:
    body = encryption.MAGIC + b"\x01" + uuid.uuid4().bytes + noise(100)
    pieces = [body[start : start + cut] for start in range(0, len(body), cut)]
    file = b"".join(map(bytes, encryption.plain(pieces)))
    form = encryption.form(file[: encryption.HEAD], URI)
    assert form.key_id is None
    assert file[form.start :] == body
    assert form.size(len(file), URI) == len(body)


def test_the_makers_own_error_comes_out_unchanged(keyset: str) -> None:
    stop = JobStopped("stopped on the way")

    def pieces() -> Iterator[bytes]:
        yield bytes(PIECE)
        raise stop

    for file in (encryption.encrypt(pieces(), keyset, KEY_ID, URI), encryption.plain(pieces())):
        with pytest.raises(JobStopped) as raised:
            list(file)
        assert raised.value is stop


def test_a_disk_that_fails_while_it_is_read_is_not_taken_for_damage(keyset: str) -> None:
    file = io.BytesIO(encrypted_file(keyset, BODY)[encryption.HEAD :])
    broken = StoreUnavailable("the disk failed")

    def read(size: int) -> bytes:
        if file.tell() > 2 * SEGMENT:
            raise broken
        return file.read(size)

    got: list[bytes] = []
    with pytest.raises(StoreUnavailable) as raised:
        got.extend(encryption.decrypt(read, keyset, KEY_ID, URI))
    assert raised.value is broken
    assert b"".join(got) == BODY[: len(got) * PIECE] != b""


def test_a_reader_and_a_writer_may_give_up(keyset: str) -> None:
    writing = encryption.encrypt([bytes(PIECE)] * 3, keyset, KEY_ID, URI)
    next(writing), next(writing)
    writing.close()
    reading = opened(keyset, encrypted_file(keyset, BODY))
    next(reading)
    reading.close()


def test_a_key_is_a_tink_keyset_of_aes_256_gcm() -> None:
    keyset = json.loads(encryption.new_keyset())
    assert [key["keyData"]["typeUrl"].rpartition(".")[2] for key in keyset["key"]] == ["AesGcmHkdfStreamingKey"]
    assert encryption.new_keyset() != encryption.new_keyset()


def test_without_tink_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tink.streaming_aead", None)
    with pytest.raises(SettingsRefused, match=r"pip install 'edgewright\[kms\]'"):
        encryption.new_keyset()


def test_plain_objects_need_no_tink() -> None:
    code = (
        "import sys, tempfile, pathlib; from edgewright.stores import DirectoryStore, S3Uri;"
        "store = DirectoryStore(pathlib.Path(tempfile.mkdtemp())); uri = S3Uri('b', 'k');"
        "store.write(uri, [b'x']); assert list(store.read(uri)) == [b'x'] and store.size(uri) == 1;"
        "print([name for name in sys.modules if name.startswith(('tink', 'google', 'absl'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
