"""The encrypted form of an object in a folder.

An encrypted file begins with `MAGIC`, a byte that says which form follows, and the key's id. Then comes a stream of
Tink's AES256_GCM_HKDF_1MB: segments of 1 MiB, each authenticated with its number and whether it is the last. The
object's bucket, key and KMS key are its associated data, so that a file that is cut, patched, or moved to another
object's path is refused. A plain object that happens to begin with `MAGIC` is written behind a header that says so. See
docs/decisions/0047-objects-encrypted-at-rest.md.

Tink is imported when the first object is encrypted or decrypted.
"""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.errors import ObjectDamaged, SettingsRefused
from edgewright.stores.protocols import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.stores.uri import S3Uri

MAGIC = b"\x93edgewright seal"
HEAD = len(MAGIC) + 1 + 16
"""Bytes of a file that show its form."""

_PLAIN, _TINK = b"\x00", b"\x01"
# Tink's format: a header of a length, a salt and a nonce's prefix, which counts as part of the first segment.
_SEGMENT, _TINK_HEADER, _TAG = 1024 * 1024, 40, 16


@dataclass(frozen=True, slots=True)
class StoredForm:
    """How a file holds its object.

    Attributes:
        start: bytes of the header, behind which the object's bytes or their ciphertext begin.
        key_id: the key that they are encrypted with; None when they are plain.
    """

    start: int
    key_id: str | None = None

    def size(self, file_size: int, uri: S3Uri) -> int:
        """The object's size in bytes, of a file of `file_size` bytes.

        Raises:
            ObjectDamaged: no encrypted file has such a size.
        """
        length = file_size - self.start
        if self.key_id is None:
            return length
        segments = -(-length // _SEGMENT)
        size = length - _TINK_HEADER - segments * _TAG
        last = length - (segments - 1) * _SEGMENT
        if size < 0 or (segments > 1 and last <= _TAG):
            raise damaged(uri)
        return size


def form(head: bytes, uri: S3Uri) -> StoredForm:
    """The form of the file that begins with `head`, its first `HEAD` bytes or all it has.

    Raises:
        ObjectDamaged: a header that this version cannot read.
    """
    if not head.startswith(MAGIC):
        return StoredForm(0)
    kind, key_id = head[len(MAGIC) : len(MAGIC) + 1], head[len(MAGIC) + 1 :]
    if kind == _PLAIN:
        return StoredForm(len(MAGIC) + 1)
    if kind == _TINK and len(key_id) == len(uuid.UUID(int=0).bytes):
        return StoredForm(HEAD, str(uuid.UUID(bytes=key_id)))
    raise damaged(uri)


def damaged(uri: S3Uri) -> ObjectDamaged:
    """The one error for bytes that are not those that were written."""
    return ObjectDamaged(
        "The encrypted object cannot be decrypted: its file was changed, cut short, or moved here from another "
        f"object's place. Bring it back from a backup, or make it anew. Bucket: {uri.bucket}, Key: {uri.key}"
    )


def plain(pieces: Iterable[Buffer]) -> Iterator[Buffer]:
    """The file of an object that is not encrypted: its own bytes, and a header only where they would look encrypted."""
    left = iter(pieces)
    start = b""
    for piece in left:
        start += bytes(piece)
        if len(start) >= len(MAGIC):
            break
    if start.startswith(MAGIC):
        yield MAGIC + _PLAIN
    yield start
    yield from left


def encrypt(pieces: Iterable[Buffer], keyset: str, key_id: str, uri: S3Uri) -> Generator[Buffer, None, None]:
    """The file of an object that is encrypted.

    Args:
        pieces: the object's bytes.
        keyset: the key, as `new_keyset` gives it.
        key_id: the key's id.
        uri: the object, to which the file is bound.
    """
    ciphertext = _Taken()
    stream = _cipher(keyset).new_encrypting_stream(ciphertext, _bound_to(key_id, uri))
    yield MAGIC + _TINK + uuid.UUID(key_id).bytes
    for piece in pieces:
        stream.write(piece)
        yield from ciphertext.take()
    stream.close()
    yield from ciphertext.take()


def decrypt(read: Callable[[int], bytes], keyset: str, key_id: str, uri: S3Uri) -> Generator[bytes, None, None]:
    """The object's bytes in pieces of `PIECE`; each was authenticated before it comes out.

    Args:
        read: gives up to so many bytes of the file behind its header, and none at its end.
        keyset: the key.
        key_id: the key's id.
        uri: the object.

    Raises:
        ObjectDamaged: the file is not the one that was written for this object, at the first piece that shows it.
        EdgewrightError: whatever `read` raised.
    """
    from tink import TinkError

    given = _Given(read)
    stream = _cipher(keyset).new_decrypting_stream(given, _bound_to(key_id, uri))
    while True:
        try:
            piece: bytes = stream.read(PIECE)
        except TinkError as error:
            raise given.error or damaged(uri) from error
        if not piece:
            return
        yield piece


def new_keyset() -> str:
    """A new random key: a Tink keyset in JSON, not encrypted.

    Raises:
        SettingsRefused: Tink is not installed.
    """
    require_tink()
    import tink
    from tink import json_proto_keyset_format, secret_key_access, streaming_aead

    streaming_aead.register()
    handle = tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)
    return str(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))


def require_tink() -> None:
    """Refuse to go on without the library.

    Raises:
        SettingsRefused: Tink is not installed.
    """
    try:
        import tink.streaming_aead  # noqa: F401 - an extra
    except ImportError as error:
        raise SettingsRefused(
            "Objects are encrypted with Tink, which is not installed here. Install it with: "
            "pip install 'edgewright[kms]'"
        ) from error


def _cipher(keyset: str) -> Any:
    require_tink()
    from tink import json_proto_keyset_format, secret_key_access, streaming_aead

    streaming_aead.register()
    return json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN).primitive(streaming_aead.StreamingAead)


def _bound_to(key_id: str, uri: S3Uri) -> bytes:
    """The associated data. Neither a bucket nor a key can hold a line's end, so no two objects share it."""
    return f"edgewright sealed object 1\n{key_id}\n{uri.bucket}\n{uri.key}".encode()


class _Taken(io.RawIOBase):
    """Takes ciphertext from Tink and keeps it until it is written: an error of the disk never goes through Tink."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        piece = bytes(data)
        self._kept.append(piece)
        return len(piece)

    def take(self) -> list[bytes]:
        """What has come since the last call."""
        kept, self._kept = self._kept, []
        return kept


class _Given(io.RawIOBase):
    """Gives ciphertext to Tink, which forgets the reason when reading fails.

    Attributes:
        error: that reason.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        super().__init__()
        self._read = read
        self.error: Exception | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._read(size)
        except Exception as error:
            self.error = error
            raise
