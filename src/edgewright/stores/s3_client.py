"""botocore's sessions and clients for S3, opened as the settings say. Botocore is imported when it is needed."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from edgewright.errors import SettingsRefused, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.sections import S3Settings

CONNECTIONS = 32
"""Kept open per client: more than two jobs use at once."""


def own_session(settings: S3Settings) -> Any:
    """A session with the service's own credentials: static ones, a profile's, or those of AWS's default chain.

    Raises:
        SettingsRefused: botocore is not installed, or the profile is not known.
    """
    if settings.access_key_id is None or settings.secret_access_key is None:
        return new_session(settings.profile)
    token = settings.session_token
    session = new_session()
    session.set_credentials(
        settings.access_key_id,
        settings.secret_access_key.get_secret_value(),
        token.get_secret_value() if token else None,
    )
    return session


def new_session(profile: str | None = None) -> Any:
    """A session of botocore's with the credentials of a profile of AWS's files; None takes the default chain.

    Raises:
        SettingsRefused: botocore is not installed, or the profile is not known.
    """
    with requiring_boto3():
        from botocore.exceptions import BotoCoreError
        from botocore.session import Session
    session = Session(profile=profile)
    try:
        session.register_component("data_loader", _service_models(session.get_config_variable("data_path")))
    except BotoCoreError as error:
        raise SettingsRefused(f"The object store's credentials cannot be used: {error}") from error
    return session


@contextmanager
def requiring_boto3() -> Iterator[None]:
    """Around imports of what needs boto3: raises SettingsRefused where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise SettingsRefused("Object storage in S3 needs boto3. Install edgewright[s3].") from error


@cache
def _service_models(folders: str | None) -> Any:
    """AWS's service models, read once for all sessions: each would else take 140 ms of processor time to read S3's."""
    from botocore.loaders import create_loader

    return create_loader(folders)


def s3_client(session: Any, settings: S3Settings, region: str | None = None) -> Any:
    """A client that tries everything once: the store retries, since it knows how much is done already.

    Args:
        session: whose credentials are used; they are looked for now.
        settings: address, form of addresses, region and time-outs.
        region: another than the settings'.

    Raises:
        StoreUnavailable: no credentials were found. They may come, as an instance's do.
        SettingsRefused: an address or a region that is none.
    """
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    try:
        if session.get_credentials() is None:
            raise StoreUnavailable(
                "The object store's credentials were not found: set s3.access_key_id and s3.secret_access_key, "
                "s3.profile, or give them in one of the ways that AWS's SDKs read."
            )
        return session.create_client(
            "s3",
            endpoint_url=settings.endpoint_url,
            region_name=region or settings.region,
            config=Config(
                signature_version="s3v4",
                # AWS_ENDPOINT_URL often names this very service, for the clients on the same machine.
                ignore_configured_endpoint_urls=True,
                s3={"addressing_style": "path" if settings.path_style else "virtual"},
                # Parts carry checksums of our own, in headers: trailers are news to many compatible services.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"total_max_attempts": 1},
                connect_timeout=settings.connect_seconds,
                read_timeout=settings.read_seconds,
                max_pool_connections=CONNECTIONS,
                tcp_keepalive=True,
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SettingsRefused(f"The object store's settings cannot be used: {error}") from error
