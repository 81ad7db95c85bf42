"""Frozen settings: what the operator chooses, each a field with its default.

A field is read from a flag, else from the environment (`EDGEWRIGHT_` and the field's name in upper case), else from
the TOML file that `EDGEWRIGHT_CONFIG` names (default `edgewright.toml` in the working folder), else its default.
A nested field joins its parts with two underscores: `EDGEWRIGHT_LIMITS__MEMBERS=1000`.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
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
from edgewright.sections import (
    RENAMED,
    AdminSettings,
    AwsSettings,
    ConnectionSettings,
    ConsoleSettings,
    NotNegative,
    ObjectStoreName,
    Positive,
    PositiveFloat,
    PublisherName,
    S3Settings,
    StsSettings,
    WebhookSettings,
    WorkerSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB, MIB = 1024, 1024**2
CONFIG, DEFAULT_FILE = "EDGEWRIGHT_CONFIG", "edgewright.toml"
TOKEN_LENGTH = 16


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
    signing_key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9+.-]*:.+$")] | None = Field(
        default=None,
        description="The key that signs packages: `file:/KEY.pem`, `pkcs11:...` (RFC 7512, extra `pkcs11`) or "
        "`awskms:KEY` (extra `aws`); the data folder's `keys/signing.pem` when unset.",
    )
    object_store: ObjectStoreName = Field(
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
    component_buckets: dict[str, list[str]] = Field(
        default={},
        description="By account, the buckets that artifacts of its users' recipes may be in, besides its jobs' "
        'packages. When it is empty: any bucket with `roles = "account"`, else none.',
    )
    sts: StsSettings = Field(default=StsSettings(), description='How roles are assumed, with `roles = "sts"`.')
    greengrass: PublisherName = Field(
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
    connections: ConnectionSettings = Field(
        default=ConnectionSettings(), description="What connections may take together."
    )
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
    unconfined_compilation: Literal["auto", "refuse", "allow"] = Field(
        default="auto",
        description="What a worker does where no sandbox can be made: `refuse` to compile, `allow` it with a line in "
        "the log, or `auto`: refuse where more than one account uses the service.",
    )
    worker_concurrency: Positive = Field(default=2, description="Jobs that one worker runs at a time.")
    worker: WorkerSettings = Field(default=WorkerSettings(), description="How a worker keeps time.")
    log_format: Literal["console", "json"] = Field(default="console", description="`console` for people, or `json`.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The lowest level that is logged; `debug` has a line for each request."
    )
    admin: AdminSettings = Field(
        default=AdminSettings(), validate_default=True, description="The pages for those who run the service."
    )
    metrics: Literal["loopback", "token", "off"] = Field(
        default="loopback",
        description="Who may read `/metrics` and the details of `/health`, beside those who reach the listener of "
        "`admin`: this host alone, or who sends `metrics_token`. With `off` there are no metrics.",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description='The bearer token of those who read these pages, with `metrics = "token"`.',
    )
    console: ConsoleSettings = Field(default=ConsoleSettings(), description="The pages at `/`.")
    webhook: WebhookSettings = Field(
        default=WebhookSettings(), description="Where every change of a job's state is posted."
    )
    events_days: PositiveFloat = Field(
        default=14.0, description="Days that events are kept, for `GET /events` and a job's history."
    )

    jobs_days: PositiveFloat | None = Field(
        default=None,
        description="Days that ended jobs are kept, with their tags and reports; empty keeps them. At least "
        "`events_days`.",
    )

    @field_validator("jobs_days")
    @classmethod
    def _outlive_their_events(cls, days: float | None, found: ValidationInfo) -> float | None:
        events_days = found.data.get("events_days")
        if days is not None and events_days is not None and days < events_days:
            raise ValueError(
                f"jobs_days is {days:g}, less than events_days ({events_days:g}): raise it, or lower those"
            )
        return days

    @field_validator("admin")
    @classmethod
    def _listens_elsewhere(cls, admin: AdminSettings, found: ValidationInfo) -> AdminSettings:
        if admin.port is not None and admin.port == found.data.get("port"):
            raise ValueError(f"admin.port is {admin.port}, as is port: choose another")
        return admin

    @field_validator("metrics", mode="before")
    @classmethod
    def _is_not_open(cls, readers: object) -> object:
        if readers == "open":
            raise ValueError("metrics is 'open', which is no more: set admin.port, or 'token' and metrics_token")
        return readers

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
        """The folder of private signing keys, and of their public halves."""
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
        """Flags first, then the environment, then the TOML file: in each, old names count as the new ones."""
        found = (env_settings(), read_file())
        return init_settings, *(InitSettingsSource(settings_cls, _with_new_names(each)) for each in found)


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


def deprecated_names(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The old names of settings that the environment or the TOML file uses, such as `worker.lapse_seconds`."""
    in_file = read_file().get("worker")
    used = {name.lower() for name in environment}
    return [
        f"worker.{old}"
        for old in RENAMED
        if f"edgewright_worker__{old}" in used or (isinstance(in_file, dict) and old in in_file)
    ]


def _with_new_names(found: dict[str, Any]) -> dict[str, Any]:
    """What one source gives, with the old names of a worker's settings replaced; a new name counts more."""
    worker = found.get("worker")
    if not isinstance(worker, dict):
        return found  # refused with the other settings, if it is there
    old = {RENAMED[name]: value for name, value in worker.items() if name in RENAMED}
    new = {name: value for name, value in worker.items() if name not in RENAMED}
    return found | {"worker": old | new}


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
