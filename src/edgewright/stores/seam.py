"""What edgewright asks of object storage. One contract suite holds every implementation to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.stores.uri import S3Uri

PIECE = 1024 * 1024
"""The size of the pieces that `ObjectStore.read` gives, in bytes; the last of an object may be shorter."""


class ObjectStore(Protocol):
    """Objects by bucket and key: visible whole or not at all.

    Every method may raise, also while its iterator is used:
        ObjectNotFound: no such object, or no such bucket.
        ObjectForbidden: the store denies it to the rights that the service runs with.
        UriRefused: the URI names a prefix, or something that this store cannot hold.
        StoreUnavailable: the store could not be reached, or broke off.
        KeyRefused: the store does not have the KMS key that an object is to be encrypted with, or may not use it.
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
            kms_key_id: the key to encrypt the object with at rest; None leaves it to the store.
            poll: called several times a second while the calling thread waits for the store, unless the object is
                becoming visible just then. A store that does not keep its callers waiting may leave it alone.
        """
        ...

    def check_key(self, kms_key_id: str) -> None:
        """Raise KeyRefused where the store is sure that it cannot encrypt with this key; nothing is written.

        Args:
            kms_key_id: as `OutputConfig.KmsKeyId` has it: a key's id, its ARN, or an alias.
        """
        ...

    def exists(self, uri: S3Uri) -> bool:
        """Whether the object is there."""
        ...

    def delete(self, uri: S3Uri) -> None:
        """Remove the object; one that is not there is no error."""
        ...

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """The objects whose keys start with a prefix (any string, not only whole parts), in order of their UTF-8."""
        ...
