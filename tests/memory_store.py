"""An object store in this process's memory. The contract tests hold it to what the others are held to."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from edgewright.errors import KeyRefused, ObjectNotFound, UploadGone
from edgewright.stores.protocols import PIECE, Part, Upload
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class _Begun:
    uri: S3Uri
    initiated: datetime
    parts: dict[int, tuple[Part, bytes]] = field(default_factory=dict)


class MemoryStore:
    """Objects as bytes, and uploads in parts. A bucket comes into being with its first object."""

    def __init__(self) -> None:
        self._buckets: dict[str, dict[str, bytes]] = {}
        self._begun: dict[str, _Begun] = {}
        self._ended: dict[str, list[Part]] = {}
        self._lock = Lock()

    def size(self, uri: S3Uri) -> int:
        """See `ObjectStore.size`."""
        return len(self._content(uri))

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        """See `ObjectStore.read`: the bytes that the object had at the first piece."""
        view = memoryview(self._content(uri))
        for start in range(0, len(view), PIECE):
            yield view[start : start + PIECE]

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        """See `ObjectStore.write`."""
        if kms_key_id is not None:
            raise _no_key(kms_key_id)
        key = uri.object_key
        self._put(uri.bucket, key, b"".join(bytes(piece) for piece in pieces))

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:
        """See `ObjectStore.check_key`: memory has no keys."""
        raise _no_key(kms_key_id)

    def exists(self, uri: S3Uri) -> bool:
        """See `ObjectStore.exists`."""
        return uri.object_key in self._buckets.get(uri.bucket, {})

    def delete(self, uri: S3Uri) -> None:
        """See `ObjectStore.delete`."""
        key = uri.object_key
        with self._lock:
            self._buckets.get(uri.bucket, {}).pop(key, None)

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """See `ObjectStore.list`."""
        with self._lock:
            if bucket not in self._buckets:
                raise ObjectNotFound(f"S3 bucket does not exist. Bucket: {bucket}")
            keys = sorted(self._buckets[bucket], key=str.encode)
        yield from (S3Uri(bucket, key) for key in keys if key.startswith(prefix))

    def begin_upload(self, uri: S3Uri, *, kms_key_id: str | None = None) -> str:
        """See `MultipartStore.begin_upload`."""
        if kms_key_id is not None:
            raise _no_key(kms_key_id)
        uri.object_key  # noqa: B018 - refuses a prefix
        upload_id = secrets.token_hex(16)
        with self._lock:
            self._begun[upload_id] = _Begun(uri, datetime.now(UTC))
        return upload_id

    def upload_part(self, uri: S3Uri, upload_id: str, number: int, data: Buffer) -> str:
        """See `MultipartStore.upload_part`."""
        content = bytes(data)
        part = Part(number, hashlib.md5(content, usedforsecurity=False).hexdigest(), len(content))
        with self._lock:
            self._found(uri, upload_id).parts[number] = part, content
        return part.etag

    def uploaded_parts(self, uri: S3Uri, upload_id: str) -> dict[int, Part]:
        """See `MultipartStore.uploaded_parts`."""
        with self._lock:
            return {number: part for number, (part, _) in sorted(self._found(uri, upload_id).parts.items())}

    def complete_upload(
        self,
        uri: S3Uri,
        upload_id: str,
        parts: Sequence[Part],
        *,
        kms_key_id: str | None = None,
    ) -> None:
        """See `MultipartStore.complete_upload`."""
        if self.is_completed(uri, upload_id, parts):
            return
        with self._lock:
            held = self._found(uri, upload_id).parts
            if any(part.number not in held or held[part.number][0] != part for part in parts):
                raise _gone(uri, upload_id)
            content = b"".join(held[part.number][1] for part in parts)
            del self._begun[upload_id]
            self._ended[upload_id] = list(parts)
        self._put(uri.bucket, uri.key, content)

    def is_completed(self, uri: S3Uri, upload_id: str, parts: Sequence[Part]) -> bool:
        """See `MultipartStore.is_completed`."""
        with self._lock:
            return self._ended.get(upload_id) == list(parts) and uri.key in self._buckets.get(uri.bucket, {})

    def abort_upload(self, uri: S3Uri, upload_id: str) -> None:
        """See `MultipartStore.abort_upload`."""
        with self._lock:
            self._begun.pop(upload_id, None)

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        """See `MultipartStore.uploads`."""
        with self._lock:
            begun = sorted(self._begun.items(), key=lambda item: item[1].initiated)
        for upload_id, upload in begun:
            if upload.uri.bucket == bucket and upload.uri.key.startswith(prefix):
                yield Upload(upload.uri, upload_id, upload.initiated)

    def _content(self, uri: S3Uri) -> bytes:
        key = uri.object_key
        with self._lock:
            try:
                return self._buckets[uri.bucket][key]
            except KeyError:
                raise ObjectNotFound(f"S3 object does not exist. Bucket: {uri.bucket}, Key: {uri.key}") from None

    def _put(self, bucket: str, key: str, content: bytes) -> None:
        with self._lock:
            self._buckets.setdefault(bucket, {})[key] = content

    def _found(self, uri: S3Uri, upload_id: str) -> _Begun:
        begun = self._begun.get(upload_id)
        if begun is None or begun.uri != uri:
            raise _gone(uri, upload_id)
        return begun


def _gone(uri: S3Uri, upload_id: str) -> UploadGone:
    return UploadGone(
        f"The multipart upload {upload_id} is gone, or its parts are not as they were said to be: send the object "
        f"again. Bucket: {uri.bucket}, Key: {uri.key}"
    )


def _no_key(kms_key_id: str) -> KeyRefused:
    return KeyRefused(f"The object store has no key {kms_key_id}: objects in memory are not encrypted.")
