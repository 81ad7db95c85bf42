"""Frozen settings: what the operator chooses, each a field with its default.

A field is read from a flag, else from the environment (`EDGEWRIGHT_` and the field's name in upper case), else from
the TOML file that `EDGEWRIGHT_CONFIG` names (default `edgewright.toml` in the working folder), else its default.
A nested field joins its parts with two underscores: `EDGEWRIGHT_LIMITS__MEMBERS=1000`.
"""

from __future__ import annotations

import base64
import os
import tomllib
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from edgewright.errors import SettingsRefused
from edgewright.limits import Limits

KIB, MIB = 1024, 1024**2
CONFIG, DEFAULT_FILE = "EDGEWRIGHT_CONFIG", "edgewright.toml"
TOKEN_LENGTH = 16
RENAMED = {
    "lapse_seconds": "liveness_timeout_seconds",
    "look_seconds": "poll_seconds",
    "tidy_seconds": "cleanup_seconds",
    "settle_seconds": "final_cleanup_seconds",
}
"""Old names of a worker's settings, accepted until 1.0."""

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """A table of the settings' file."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class S3Settings(Section):
    """How `s3://` objects are reached where a real S3 service holds them."""

    endpoint_url: str | None = Field(default=None, description="The service's address; AWS's own when unset.")
    region: str = Field(
        default="us-east-1", description="The region to begin with; buckets in another are found there."
    )
    access_key_id: str | None = Field(
        default=None, description="Static credentials; else the profile's, else those of AWS's default chain."
    )
    secret_access_key: SecretStr | None = Field(default=None, description="The secret of `access_key_id`.")
    session_token: SecretStr | None = Field(default=None, description="The session token of `access_key_id`.")
    profile: str | None = Field(default=None, description="The profile of AWS's files whose credentials are used.")
    path_style: bool = Field(default=True, description="Bucket in the path rather than in the host name.")
    checksum: Literal["crc32", "md5"] = Field(
        default="crc32",
        description="What the service checks uploads with: `crc32`, or `md5` where a service knows only Content-MD5.",
    )
    retry_seconds: NotNegative = Field(
        default=60.0, description="Seconds that a request may fail and be tried again, with no byte of progress."
    )
    connect_seconds: PositiveFloat = Field(default=5.0, description="Seconds in which a connection must be made.")
    read_seconds: PositiveFloat = Field(
        default=20.0, description="Seconds without a byte until a connection is given up and the request tried again."
    )

    @model_validator(mode="after")
    def _one_kind_of_credentials(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key go together: set both or neither")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token goes with access_key_id and secret_access_key: set all three")
        if self.profile is not None and self.access_key_id is not None:
            raise ValueError("profile and access_key_id are both set: set the one that is to be used")
        return self


class StsSettings(Section):
    """How roles are assumed, where `roles` is `sts`: with the credentials of the `s3` settings."""

    endpoint_url: str | None = Field(default=None, description="The address of STS; AWS's own when unset.")
    region: str | None = Field(default=None, description="The region whose STS is asked; that of `s3` when unset.")
    external_id: Annotated[str, Field(min_length=2, max_length=1224, pattern=r"^[A-Za-z0-9_+=,.@:/-]+$")] | None = (
        Field(default=None, description="The external id that the roles' trust policies ask for.")
    )
    duration: Annotated[int, Field(ge=900, le=43_200)] = Field(
        default=3600, description="Seconds that a role is assumed for; longer jobs assume it again before they pass."
    )


class AwsSettings(Section):
    """Where components are published, where `greengrass` is `aws`."""

    bucket: Annotated[str, Field(pattern=r"^[a-z0-9-]{3,63}$")] | None = Field(
        default=None, description="The bucket that packages are published into; its name has no dots."
    )
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]*$")] = Field(
        default="", description="What the keys of published packages begin with."
    )
    region: str | None = Field(default=None, description="The region to publish into; the job's own when unset.")
    profile: str | None = Field(default=None, description="The profile of AWS's files whose credentials are used.")


class WorkerSettings(Section):
    """How a worker keeps time, in seconds. Every worker on one database should have the same."""

    heartbeat_seconds: PositiveFloat = Field(default=2.0, description="Seconds between two heartbeats of a worker.")
    liveness_timeout_seconds: PositiveFloat = Field(
        default=15.0,
        description="Age of a heartbeat at which its worker counts as dead and its jobs are taken over; at least three "
        "heartbeats. A worker that was only slow does no harm.",
    )
    takeover_seconds: PositiveFloat = Field(
        default=1.0,
        description="Seconds between two checks for dead workers; at most a third of `liveness_timeout_seconds`.",
    )
    grace_seconds: NotNegative = Field(
        default=10.0,
        description="Seconds that running jobs may take to finish once a worker is asked to stop; then they are handed "
        "back. Wait ten seconds longer before you kill the worker.",
    )
    poll_seconds: PositiveFloat = Field(
        default=0.1, description="Seconds between two polls of the queue, while the worker has room for a job."
    )
    sweep_seconds: PositiveFloat = Field(
        default=2.0, description="Seconds between two searches for jobs that were accepted and not handed over."
    )
    audit_seconds: PositiveFloat = Field(
        default=30.0, description="Seconds between two searches for unfinished jobs whose workflow the engine has lost."
    )
    audit_age_seconds: NotNegative = Field(default=60.0, description="Age from which such a job is handed over again.")
    cleanup_seconds: PositiveFloat = Field(
        default=30.0, description="Seconds between two cleanups of uploads and objects that ended jobs left behind."
    )
    final_cleanup_seconds: NotNegative = Field(
        default=600.0,
        description="Seconds after a job's end until the final cleanup of what it left: a worker that was paused may "
        "have written it late.",
    )

    @model_validator(mode="before")
    @classmethod
    def _accept_old_names(cls, given: dict[str, Any]) -> dict[str, Any]:
        found = dict(given)
        for old in RENAMED.keys() & found.keys():
            warnings.warn(f"worker.{old} is deprecated: use worker.{RENAMED[old]}", FutureWarning, stacklevel=2)
            found = {RENAMED[old]: found.pop(old)} | found
        return found

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        timeout = self.liveness_timeout_seconds
        for what, name in (("heartbeats", "heartbeat_seconds"), ("checks", "takeover_seconds")):
            if timeout < 3 * getattr(self, name):
                raise ValueError(
                    f"liveness_timeout_seconds is {timeout}, less than three {what} of {getattr(self, name)}: one that "
                    f"is late would cost a worker its jobs; raise liveness_timeout_seconds or lower {name}"
                )
        return self


class WebhookSettings(Section):
    """Where every change of a job's state is posted."""

    url: Annotated[str, Field(pattern=r"^https?://[^\s/@]+(/\S*)?$")] | None = Field(
        default=None, description="Where events are posted; nowhere when unset."
    )
    secret: SecretStr | None = Field(
        default=None, description="Signs what is posted: `whsec_` and 24 to 64 random bytes in base64."
    )
    timeout_seconds: PositiveFloat = Field(default=10.0, description="Seconds that the receiver has to answer.")
    give_up_seconds: PositiveFloat = Field(
        default=86_400.0, description="Seconds after which an event that nobody took is laid aside as a dead letter."
    )

    @model_validator(mode="after")
    def _signs_what_it_posts(self) -> Self:
        if self.secret is not None:
            try:
                key = base64.b64decode(self.secret.get_secret_value().removeprefix("whsec_"), validate=True)
            except ValueError as error:
                raise ValueError("webhook.secret is not base64") from error
            if not 24 <= len(key) <= 64:  # as Standard Webhooks wants them
                raise ValueError(f"webhook.secret holds {len(key)} bytes, and 24 to 64 are wanted")
        elif self.url is not None:
            raise ValueError("webhook.url needs webhook.secret, so that the receiver can tell who posts")
        return self


class ConsoleSettings(Section):
    """The pages at `/`."""

    enabled: bool = Field(default=True, description="Whether there are any; the API is there without them.")
    session_seconds: Positive = Field(default=8 * 3600, description="Seconds that somebody stays signed in.")
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = Field(
        default="us-east-1", description="The region that is shown first, unless the account has jobs elsewhere alone."
    )


class Settings(BaseSettings):
    """Everything that the operator chooses."""

    # A refused secret is not printed.
    model_config = SettingsConfigDict(
        env_prefix="EDGEWRIGHT_", env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    data_dir: Path = Field(default=Path("edgewright-data"), description="Where everything local is kept.")
    host: str = Field(default="127.0.0.1", description="The address that the API listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(default=8181, description="The API's port; 0 takes a free one.")
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+$")] | None = Field(
        default=None,
        description="What links to artifacts begin with, such as `https://models.example.com`, where a proxy stands "
        "before the server; what the caller's request came to when unset.",
    )
    account_id: Annotated[str, Field(pattern=r"^[0-9]{12}$")] = Field(
        default="123456789012", description="The account of the built-in access key."
    )
    access_key_id: str | None = Field(
        default=None, description="Replaces the access key in the data folder's `credentials` file."
    )
    secret_access_key: SecretStr | None = Field(default=None, description="The secret of `access_key_id`.")
    database_url: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the database; a SQLite file in the data folder when unset.",
    )
    database_pool: Positive = Field(
        default=8, description="Connections to the database that one process keeps at most, for the jobs."
    )
    engine_pool: Annotated[int, Field(ge=2)] = Field(
        default=4,
        description="Connections of the engine in one process: an API server has so many, a worker twice as many and "
        "one for each job that it runs.",
    )
    database_wait_seconds: NotNegative = Field(
        default=60.0, description="Seconds that a starting server or worker waits for a database that does not answer."
    )
    object_store: Literal["directory", "s3"] = Field(
        default="directory",
        description="`directory` keeps objects in the data folder; `s3` uses the `s3` settings.",
    )
    s3: S3Settings = Field(default=S3Settings(), description='The S3 service, with `object_store = "s3"`.')
    roles: Literal["account", "map", "sts"] = Field(
        default="account",
        description="What a job's RoleArn means: `account` only checks that it is the caller's, `map` takes the "
        "profile that `role_profiles` names, `sts` assumes the role.",
    )
    role_profiles: dict[str, str] = Field(
        default={},
        validate_default=True,
        description="With `roles = \"map\"`: a profile of AWS's files for each role's ARN.",
    )
    sts: StsSettings = Field(default=StsSettings(), description='How roles are assumed, with `roles = "sts"`.')
    greengrass: Literal["local", "aws"] = Field(
        default="local",
        description="`local` keeps the components of preset deployments here; `aws` publishes them to AWS as well.",
    )
    aws: AwsSettings = Field(
        default=AwsSettings(), validate_default=True, description='Where to publish, with `greengrass = "aws"`.'
    )
    limits: Limits = Field(default=Limits(), description="What an archive may hold.")
    body_limit: Positive = Field(default=1 * MIB, description="Bytes of one request's body.")
    body_seconds: PositiveFloat = Field(default=30.0, description="Seconds in which a request's body must arrive.")
    header_limit: Positive = Field(default=32 * KIB, description="Bytes of one request's line and headers.")
    header_seconds: PositiveFloat = Field(default=10.0, description="Seconds in which the headers must arrive.")
    keep_alive_seconds: Positive = Field(default=75, description="Seconds that an idle connection stays open.")
    shutdown_seconds: Positive = Field(
        default=30, description="Seconds that requests in flight have to finish when the server is asked to stop."
    )
    requests_per_second: PositiveFloat | None = Field(
        default=None, description="Requests a second that one access key may send; no limit when unset."
    )
    request_burst: Positive = Field(default=100, description="Requests that may come at once, above that rate.")
    unfinished_jobs: Positive = Field(
        default=10_000, description="Jobs of one kind that an account may have unfinished in a region."
    )
    worker_concurrency: Positive = Field(default=2, description="Jobs that one worker runs at a time.")
    worker: WorkerSettings = Field(default=WorkerSettings(), description="How a worker keeps time.")
    log_format: Literal["console", "json"] = Field(default="console", description="`console` for people, or `json`.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The lowest level that is logged; `debug` has a line for each request."
    )
    metrics: Literal["loopback", "token", "open", "off"] = Field(
        default="loopback",
        description="Who may read `/metrics`: this host alone, who brings `metrics_token`, everybody, or nobody.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description='The bearer token of those who read `/metrics`, with `metrics = "token"`.',
    )
    console: ConsoleSettings = Field(default=ConsoleSettings(), description="The pages at `/`.")
    webhook: WebhookSettings = Field(
        default=WebhookSettings(), description="Where every change of a job's state is posted."
    )
    events_days: PositiveFloat = Field(
        default=14.0, description="Days that events are kept, for `GET /events` and a job's history."
    )

    @field_validator("metrics_token")
    @classmethod
    def _guards_metrics(cls, token: SecretStr | None, found: ValidationInfo) -> SecretStr | None:
        if found.data.get("metrics") == "token" and (token is None or len(token.get_secret_value()) < TOKEN_LENGTH):
            raise ValueError(f"metrics is 'token', which needs metrics_token: {TOKEN_LENGTH} characters or more")
        return token

    @field_validator("aws")
    @classmethod
    def _publishes_somewhere(cls, aws: AwsSettings, found: ValidationInfo) -> AwsSettings:
        if found.data.get("greengrass") == "aws" and not aws.bucket:
            raise ValueError("greengrass is 'aws', which needs aws.bucket: the bucket to publish packages into")
        return aws

    @field_validator("role_profiles")
    @classmethod
    def _maps_some_role(cls, profiles: dict[str, str], found: ValidationInfo) -> dict[str, str]:
        if (found.data.get("roles") == "map") != bool(profiles):
            raise ValueError("roles = 'map' and role_profiles go together: set both or neither")
        return profiles

    @property
    def objects_dir(self) -> Path:
        """The folder of the directory object store: `objects/<bucket>/<key>`."""
        return self.data_dir / "objects"

    @property
    def keys_dir(self) -> Path:
        """The folder of the signing key and its public half."""
        return self.data_dir / "keys"

    @property
    def kms_dir(self) -> Path:
        """The local keyring: the keys that the directory object store encrypts with."""
        return self.data_dir / "kms"

    @property
    def credentials_file(self) -> Path:
        """The built-in access key, in the AWS credentials-file format, mode 0600."""
        return self.data_dir / "credentials"

    @property
    def principals_file(self) -> Path:
        """Further access keys and what each may do, mode 0600; see `auth.principals`."""
        return self.data_dir / "principals.toml"

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL: as set, else the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'edgewright.sqlite').absolute()}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the TOML file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, read_file())


def load(**flags: Any) -> Settings:
    """Settings from flags (those that are None are skipped), the environment and the TOML file.

    Raises:
        SettingsRefused: names each field that cannot be used, and why; or the file that cannot.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise SettingsRefused(f"{error.error_count()} settings cannot be used: {faults}") from error
    except SettingsError as error:  # it names the field, and shows nothing of its value
        raise SettingsRefused(
            f"The environment cannot be read: {error}. Write it as JSON, or field by field."
        ) from None


def read_file() -> dict[str, Any]:
    """The settings of the TOML file; none where no file is named and the usual one is not there.

    Raises:
        SettingsRefused: a file that is named and not there, or cannot be read; without a line of the file.
    """
    named = os.environ.get(CONFIG)
    path = Path(named or DEFAULT_FILE)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if named:
            raise SettingsRefused(f"{CONFIG} names {path}, which is not there. Name a file, or unset it.") from error
        return {}
    except OSError as error:
        raise SettingsRefused(f"The settings' file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"The settings' file {path} is not TOML: {error}.") from error
