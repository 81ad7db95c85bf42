"""The one place that picks a store from the settings."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from edgewright.errors import SettingsRefused
from edgewright.roles.roles import AssumedRights, MappedRights, OwnRights, Rights
from edgewright.stores.directory import DirectoryStore
from edgewright.stores.keyring import Keyring
from edgewright.stores.s3_client import own_session, profile_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from edgewright.settings import S3Settings, Settings
    from edgewright.stores.protocols import ObjectStore
    from edgewright.stores.s3 import S3Store
    from edgewright.stores.uri import S3Uri


def open_store(settings: Settings) -> ObjectStore:
    """The object store that the settings name; nothing is reached before its first use."""
    if settings.object_store == "s3":
        return open_s3(settings.s3)
    return DirectoryStore(settings.objects_dir, Keyring(settings.kms_dir))


def open_rights(settings: Settings) -> Rights:
    """What jobs' roles mean; nobody is asked before the first check or use.

    A folder has no rights of its own: `map` still wants the role in the table there, and `sts` assumes nothing.
    """
    own = open_store(settings)
    if settings.roles == "map":
        return MappedRights(settings.role_profiles, _profile_opener(settings, own))
    if settings.roles == "sts" and settings.object_store == "s3":
        return _assumed_rights(settings)
    return OwnRights(own)


def _profile_opener(settings: Settings, own: ObjectStore) -> Callable[[str], ObjectStore]:
    if settings.object_store != "s3":
        return lambda _profile: own
    return lambda profile: open_s3(settings.s3, partial(profile_session, profile))


def _assumed_rights(settings: Settings) -> Rights:
    own_rights = partial(own_session, settings.s3)
    with _boto3_wanted():
        from edgewright.roles.assumed import Assumer

    assumer = Assumer(settings, own_rights)
    return AssumedRights(assumer, lambda role, name: open_s3(settings.s3, partial(assumer.session, role, name)))


def open_links(settings: Settings, life: timedelta) -> Callable[[S3Uri], str] | None:
    """What makes an address at which anybody may fetch an object for a while.

    None where the store has no server of its own.
    """
    if settings.object_store != "s3":
        return None
    store = open_s3(settings.s3)
    return lambda uri: store.link(uri, life)


def open_s3(settings: S3Settings, session: Callable[[], Any] | None = None) -> S3Store:
    """The store of an S3 service.

    Args:
        settings: where it is, and how patiently it is asked.
        session: opens a boto3 session with the rights to use; the service's own without it.

    Raises:
        SettingsRefused: boto3 is not installed.
    """
    with _boto3_wanted():
        from edgewright.stores.s3 import S3Store

    return S3Store(settings, session or partial(own_session, settings))


@contextmanager
def _boto3_wanted() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SettingsRefused("Object storage in S3 needs boto3. Install edgewright[s3].") from error
