"""Temporary credentials of roles, from STS: fetched when they are needed, and again before they expire."""

from __future__ import annotations

import time
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore import exceptions
from botocore.config import Config
from botocore.credentials import CredentialProvider, CredentialResolver, RefreshableCredentials

from edgewright.errors import RoleRefused, SettingsRefused, StoreUnavailable
from edgewright.roles.roles import STORES_OPEN, check_account, could_not_assume, session_name
from edgewright.stores.retries import Retries
from edgewright.stores.s3_client import new_session
from edgewright.stores.s3_errors import FAILURES, Broken, transient_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.settings import Settings
    from edgewright.stores.protocols import ObjectStore

CHECKED_SECONDS = 60.0
"""How long a role that was assumed counts as one that can be: each create would else wait for STS."""
CHECK_SECONDS = 5.0
"""How long a create waits for an STS that fails."""
ADVISORY, MANDATORY = 0.25, 0.1
"""The part of its life that is left when a credential is fetched anew: beside its use, and before any further use."""
_SHORTEST_MARGIN = 1
_NOT_THE_ROLES_FAULT = frozenset({"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"})


class AssumedRoles:
    """A role is assumed, with the service's own credentials, for one job.

    Args:
        sts: asks STS.
        open_assumed: opens the store with a role's temporary credentials, from its ARN and a session's name.
    """

    def __init__(self, sts: Sts, open_assumed: Callable[[str, str], ObjectStore]) -> None:
        self._sts = sts
        self._opened = lru_cache(maxsize=STORES_OPEN)(open_assumed)

    def check(self, role_arn: str, account: str, job_name: str) -> None:
        """See `Roles.check`: the role is assumed, unless it was within `CHECKED_SECONDS`."""
        check_account(role_arn, account)
        self._sts.check(role_arn, session_name(job_name))

    def objects(self, role_arn: str, job_name: str) -> ObjectStore:
        """See `Roles.objects`."""
        return self._opened(role_arn, session_name(job_name))


class Sts:
    """Asks STS for roles.

    Args:
        settings: where STS is, how long it is retried, for how long roles are assumed and with which external id.
        session: opens a session with the service's own credentials.
    """

    def __init__(self, settings: Settings, session: Callable[[], Any]) -> None:
        self._settings = settings
        self._session = session
        self._opened: Any = None
        self._assumed: dict[str, float] = {}
        self._lock = Lock()

    def check(self, role_arn: str, session_name: str) -> None:
        """Assume a role, only to see whether it can be.

        Raises:
            RoleRefused: STS denies it.
            StoreUnavailable: STS cannot be asked.
        """
        if time.monotonic() - self._assumed.get(role_arn, -CHECKED_SECONDS) < CHECKED_SECONDS:
            return
        self._assume(role_arn, session_name, CHECK_SECONDS)

    def credentials(self, role_arn: str, session_name: str) -> RefreshableCredentials:
        """A role's credentials, which fetch their successors by themselves.

        Raises:
            RoleRefused, StoreUnavailable: as `check` does, and as their later use does.
        """
        retry_seconds = self._settings.s3.retry_seconds
        first, life = self._assume(role_arn, session_name, retry_seconds)
        return RefreshableCredentials.create_from_metadata(
            first,
            refresh_using=lambda: self._assume(role_arn, session_name, retry_seconds)[0],
            method="edgewright-assume-role",
            advisory_timeout=max(_SHORTEST_MARGIN, life * ADVISORY),
            mandatory_timeout=max(_SHORTEST_MARGIN, life * MANDATORY),
        )

    def session(self, role_arn: str, session_name: str) -> Any:
        """A session with a role's credentials."""
        resolver = CredentialResolver([_Provider(self.credentials(role_arn, session_name))])
        session = new_session()
        session.register_component("credential_provider", resolver)
        return session

    def _assume(self, role_arn: str, session_name: str, retry_seconds: float) -> tuple[dict[str, str], float]:
        retries = Retries(f"asking STS for the role {role_arn}", None, retry_seconds)
        while True:
            try:
                credentials = self._assume_once(role_arn, session_name)
            except FAILURES as error:
                self._assumed.pop(role_arn, None)
                passing = transient_failure(error)
                if passing is None:
                    raise _refusal(role_arn, error) from error
                retries.failed(passing, error)
            else:
                self._assumed[role_arn] = time.monotonic()
                return credentials

    def _assume_once(self, role_arn: str, session_name: str) -> tuple[dict[str, str], float]:
        """Temporary credentials as botocore's refreshable ones take them, and the seconds until they end."""
        sts = self._settings.sts
        wanted = {"RoleArn": role_arn, "RoleSessionName": session_name, "DurationSeconds": sts.duration}
        if sts.external_id is not None:
            wanted["ExternalId"] = sts.external_id
        answer = self._client().assume_role(**wanted)["Credentials"]
        expires = answer["Expiration"]
        life = expires.timestamp() - time.time()
        if life <= 0:
            raise Broken(f"what it gave expired {-life:.0f} s before it came; is this host's clock right?")
        credentials = {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": expires.isoformat(),
        }
        return credentials, life

    def _client(self) -> Any:
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> Any:
        s3, sts = self._settings.s3, self._settings.sts
        session = self._session()
        if session.get_credentials() is None:
            raise StoreUnavailable("The service has no credentials of its own to assume roles with: see s3.profile.")
        config = Config(
            ignore_configured_endpoint_urls=True,  # as for S3
            retries={"total_max_attempts": 1},
            connect_timeout=s3.connect_seconds,
            read_timeout=s3.read_seconds,
        )
        region = sts.region or s3.region
        try:
            return session.create_client("sts", endpoint_url=sts.endpoint_url, region_name=region, config=config)
        except (exceptions.BotoCoreError, ValueError) as error:
            raise SettingsRefused(f"The settings sts cannot be used: {error}") from error


class _Provider(CredentialProvider):  # type: ignore[misc]  # botocore has no types
    """Hands out the credentials that it was given."""

    METHOD = CANONICAL_NAME = "edgewright-assume-role"

    def __init__(self, credentials: RefreshableCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RefreshableCredentials:
        """See botocore's own."""
        return self._credentials


def _refusal(role_arn: str, error: Exception) -> RoleRefused | StoreUnavailable:
    """What a refusal of STS's is: about the role, or about the service's own credentials."""
    if isinstance(error, exceptions.ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code not in _NOT_THE_ROLES_FAULT:
            return RoleRefused(could_not_assume(role_arn))
        return StoreUnavailable(f"STS refuses the service's own credentials ({code}), so that no role can be assumed.")
    return StoreUnavailable(f"STS could not be asked for the role {role_arn}: {' '.join(str(error).split())[:300]}")
