"""What edgewright asks of object storage. One contract suite holds every implementation to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edgewright.errors import ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from typing_extensions import Buffer

    from edgewright.stores.uri import S3Uri

PIECE = 1024 * 1024
"""The size of the pieces that `ObjectStore.read` gives, in bytes; the last of an object may be shorter."""

PART = 8 * PIECE
"""Bytes of one part of a multipart upload; the last may be shorter. 10,000 parts, the most there are, hold 80 GiB."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that the store holds.

    Attributes:
        number: from 1 to 10,000; an object is its parts in this order.
        etag: the store's name for this part's bytes, without quotes.
        size: in bytes.
    """

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload that was begun and is not ended.

    Attributes:
        uri: the object that it is to become.
        upload_id: the store's name for it.
        initiated: when it was begun, in UTC, by the store's clock.
    """

    uri: S3Uri
    upload_id: str
    initiated: datetime


class ObjectStore(Protocol):
    """Objects by bucket and key: visible whole or not at all.

    Every method may raise, also while its iterator is used:
        ObjectNotFound: no such object, or no such bucket.
        ObjectForbidden: the store denies it to the rights that the service runs with.
        UriRefused: the URI names a prefix, or something that this store cannot hold.
        StoreUnavailable: the store could not be reached, or broke off.
        KeyRefused: the store does not have the KMS key that an object is to be encrypted with, or may not use it.
        ObjectDamaged: an encrypted object is not what was written.
    """

    def size(self, uri: S3Uri) -> int:
        """The object's size in bytes."""
        ...

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        """The object's bytes in pieces of `PIECE`, lazily: nothing is opened before the first is asked for.

        All pieces are of one version of the object. Where the store cannot go on reading a version that was
        replaced meanwhile, `ObjectReplaced` is raised.
        """
        ...

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        """Make the object of these pieces, taken from the calling thread; an object of that name is replaced.

        When the iterable or `poll` raises, its exception comes out unchanged, nothing is visible under the name that
        was not before, and no unfinished upload is left.

        Args:
            uri: where the object goes.
            pieces: its bytes; the object becomes visible only once the iterable has ended.
            kms_key_id: the key to encrypt the object with at rest, as `check_key` gave it; None leaves it to the store.
            poll: called several times a second while the calling thread waits for the store, unless the object is
                becoming visible just then. A store that does not keep its callers waiting may leave it alone.
        """
        ...

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:
        """The key's name as `write` takes it. KeyRefused where the store is sure that it cannot encrypt with the key.

        Args:
            kms_key_id: as `OutputConfig.KmsKeyId` has it: a key's id, its ARN, an alias or an alias's ARN.
            account: the job's, in which a bare id or alias is looked for.
            region: the job's.
        """
        ...

    def exists(self, uri: S3Uri) -> bool:
        """Whether the object is there."""
        try:
            self.size(uri)
        except ObjectNotFound:
            return False
        return True

    def delete(self, uri: S3Uri) -> None:
        """Remove the object; one that is not there is no error."""
        ...

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """The objects whose keys start with a prefix (any string, not only whole parts), in order of their UTF-8."""
        ...


@runtime_checkable
class MultipartStore(Protocol):
    """Objects made of parts that outlive the process that sent them: another process may go on with an upload.

    Only stores that are reached over a network have it; the others simply write. A part is `PART` bytes, but for an
    object's last. Every method may raise what those of `ObjectStore` do.
    """

    def begin_upload(self, uri: S3Uri, *, kms_key_id: str | None = None) -> str:
        """Begin an upload; its id. Nothing is visible under the name before it is completed.

        Done again after a failure, it may leave an upload behind whose id was lost: `uploads` finds it.
        """
        ...

    def upload_part(self, uri: S3Uri, upload_id: str, number: int, data: Buffer) -> str:
        """Send one part and check that it arrived whole; its ETag. A part of that number is replaced.

        Safe to call from several threads. The data may be used again once it returns.

        Raises:
            UploadGone: the upload was completed, aborted or cleaned away.
        """
        ...

    def uploaded_parts(self, uri: S3Uri, upload_id: str) -> Mapping[int, Part]:
        """What the store really holds, by number; a part that is still being sent is not among it.

        Raises:
            UploadGone: as above.
        """
        ...

    def complete_upload(
        self, uri: S3Uri, upload_id: str, parts: Sequence[Part], *, kms_key_id: str | None = None
    ) -> None:
        """Make the object visible, whole or not at all, and check what was asked for: its size, and its encryption.

        The parts are compared with what the store holds first. May be repeated after a failure that leaves open
        whether it was done: where the upload is gone and the object there has the ETag that these parts make, it
        succeeds. Where that cannot be known, as with parts that a KMS key encrypts, it raises UploadGone, and the
        object has to be sent again.

        Args:
            uri: as `begin_upload` had it.
            upload_id: as `begin_upload` gave it.
            parts: all of them, in order.
            kms_key_id: as `begin_upload` had it: what the object's encryption is compared with.

        Raises:
            UploadGone: as above, or a part is not as it is said to be.
            EncryptionMissing: the store did not encrypt as `begin_upload` asked; the object has been removed.
        """
        ...

    def is_completed(self, uri: S3Uri, upload_id: str, parts: Sequence[Part]) -> bool:
        """Whether the object there is the one that an upload makes of all these parts, after the upload is gone.

        Looked for more than once: a completion that is still at work may be about to make it visible. Where it cannot
        be known, as with parts that a KMS key encrypts, it is not.
        """
        ...

    def abort_upload(self, uri: S3Uri, upload_id: str) -> None:
        """End an upload and forget its parts; one that is not there is no error."""
        ...

    def uploads(self, bucket: str, prefix: str = "") -> Iterator[Upload]:
        """The unended uploads of objects whose keys start with a prefix, of all processes."""
        ...


@runtime_checkable
class VersioningStore(Protocol):
    """A store that has a name of its own for the bytes that an object has now."""

    def version(self, uri: S3Uri) -> str:
        """The object's version id where its bucket keeps versions, else its ETag. Raises as `ObjectStore.size`."""


def version_of(store: ObjectStore, uri: S3Uri) -> str | None:
    """The store's own name for what the object is now; None where the store has none."""
    return store.version(uri) if isinstance(store, VersioningStore) else None


@runtime_checkable
class LinkingStore(Protocol):
    """A store with a server of its own, at which objects have addresses."""

    def link(self, uri: S3Uri, life: timedelta) -> str:
        """A pre-signed address that serves the object to everybody for as long as `life`; the object may be absent.

        Raises:
            UriRefused: the URI names a prefix.
            StoreUnavailable: there are no credentials to sign with.
        """
        ...
