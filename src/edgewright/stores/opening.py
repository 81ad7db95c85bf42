"""The one place that chooses a store by the settings."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from edgewright.errors import SettingsRefused
from edgewright.stores.directory import DirectoryStore
from edgewright.stores.keyring import Keyring
from edgewright.stores.s3_client import own_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgewright.sections import S3Settings
    from edgewright.settings import Settings
    from edgewright.stores.protocols import ObjectStore
    from edgewright.stores.s3 import S3Store


def open_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name; nothing is reached before its first use."""
    if settings.object_store == "s3":
        return open_s3(settings.s3)
    return DirectoryStore(settings.objects_dir, Keyring(settings.kms_dir))


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


@contextmanager
def requiring_boto3() -> Iterator[None]:
    """Around imports of what needs boto3: raises SettingsRefused where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise SettingsRefused("Object storage in S3 needs boto3. Install edgewright[s3].") from error
