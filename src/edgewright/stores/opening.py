"""The one place that picks a store from the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from edgewright.errors import SettingsRefused
from edgewright.stores.directory import DirectoryStore
from edgewright.stores.keyring import Keyring
from edgewright.stores.s3_client import own_session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from edgewright.settings import S3Settings, Settings
    from edgewright.stores.s3 import S3Store
    from edgewright.stores.seam import ObjectStore
    from edgewright.stores.uri import S3Uri


def open_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name; nothing is reached before its first use."""
    if settings.object_store == "s3":
        return open_s3(settings.s3)
    return DirectoryStore(settings.objects_dir, Keyring(settings.kms_dir))


def open_links(settings: Settings, life: timedelta) -> Callable[[S3Uri], str] | None:
    """What makes an address at which anybody may fetch an object for a while.

    None where the store has no server of its own.
    """
    if settings.object_store != "s3":
        return None
    store = open_s3(settings.s3)
    return lambda uri: store.link(uri, life)


def open_s3(settings: S3Settings) -> S3Store:
    """The store of an S3 service, with the service's own credentials.

    Raises:
        SettingsRefused: boto3 is not installed.
    """
    try:
        from edgewright.stores.s3 import S3Store  # noqa: PLC0415 - boto3's 0.5 s, which a folder does without
    except ImportError as error:
        raise SettingsRefused("Object storage in S3 needs boto3. Install edgewright[s3].") from error
    return S3Store(settings, partial(own_session, settings))
