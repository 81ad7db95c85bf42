"""The one place that chooses a store by the settings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from edgewright.stores.directory import DirectoryStore
from edgewright.stores.keyring import Keyring
from edgewright.stores.s3_client import own_session, requiring_boto3

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.sections import S3Settings
    from edgewright.settings import Settings
    from edgewright.stores.protocols import ObjectStore
    from edgewright.stores.s3 import S3Store


def open_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name; nothing is reached before its first use."""
    return STORES[settings.object_store](settings)


def open_s3(settings: S3Settings, session: Callable[[], Any] | None = None) -> S3Store:
    """The store of an S3 service.

    Args:
        settings: where it is, and how long it is retried.
        session: opens a session with the credentials to use; the service's own without it.

    Raises:
        SettingsRefused: boto3 is not installed.
    """
    with requiring_boto3():
        from edgewright.stores.s3 import S3Store

    return S3Store(settings, session or partial(own_session, settings))


STORES: Final[dict[str, Callable[[Settings], ObjectStore]]] = {
    "directory": lambda settings: DirectoryStore(settings.objects_dir, Keyring(settings.kms_dir)),
    "s3": lambda settings: open_s3(settings.s3),
}
"""What opens the store of each value of the setting `object_store`; nothing is reached before its first use."""
