"""The directory store as a job with a KMS key uses it: every object is written encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.stores import DirectoryStore
from edgewright.stores.keyring import Keyring, Owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from typing_extensions import Buffer

    from edgewright.stores import S3Uri


class EncryptedDirectory(DirectoryStore):
    """A folder whose objects are all written with one key of a keyring beside it."""

    def __init__(self, data: Path) -> None:
        keyring = Keyring(data / "kms")
        super().__init__(data / "objects", keyring)
        self._name = keyring.create(Owner("123456789012", "eu-west-1")).arn

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        """Write with the key where none is named."""
        super().write(uri, pieces, kms_key_id=kms_key_id or self._name, poll=poll)
