"""The one place that picks a store from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.stores.directory import DirectoryStore
from edgewright.stores.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from edgewright.settings import Settings
    from edgewright.stores.seam import ObjectStore
    from edgewright.stores.uri import S3Uri


def open_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name; nothing is reached before its first use."""
    if settings.object_store == "s3":
        from edgewright.stores.obstores import S3Store  # noqa: PLC0415 - obstore's 70 ms, which a folder does without

        return S3Store(settings.s3)
    return DirectoryStore(settings.objects_dir, Keyring(settings.kms_dir))


def open_links(settings: Settings, life: timedelta) -> Callable[[S3Uri], str] | None:
    """What makes an address at which anybody may fetch an object for a while.

    None where the store has no server of its own.
    """
    if settings.object_store != "s3":
        return None
    from edgewright.stores.obstores import S3Store  # noqa: PLC0415 - as in open_store

    store = S3Store(settings.s3)
    return lambda uri: store.link(uri, life)
