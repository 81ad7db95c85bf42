"""The sections of the settings: the tables of the settings' file, each a frozen model."""

from __future__ import annotations

import base64
from ipaddress import IPv4Network, IPv6Network  # noqa: TC003 - pydantic reads annotations when it runs
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

RENAMED = {
    "lapse_seconds": "liveness_timeout_seconds",
    "look_seconds": "poll_seconds",
    "tidy_seconds": "cleanup_seconds",
    "settle_seconds": "final_cleanup_seconds",
}
"""Old names of a worker's settings, accepted until 1.0."""

ObjectStoreName = Literal["directory", "s3"]
"""The rows of `STORES` in `stores.opening`."""
PublisherName = Literal["local", "aws"]
"""The rows of `PUBLISHERS` in `greengrass.publishing`."""

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
        description="Seconds that running jobs may take to finish once a worker is asked to stop; then they go back "
        "to the queue. Wait ten seconds longer before you kill the worker.",
    )
    poll_seconds: PositiveFloat = Field(
        default=0.1, description="Seconds between two polls of the queue, while the worker has room for a job."
    )
    sweep_seconds: PositiveFloat = Field(
        default=2.0, description="Seconds between two searches for jobs that were accepted and not enqueued."
    )
    audit_seconds: PositiveFloat = Field(
        default=30.0, description="Seconds between two searches for unfinished jobs whose workflow the engine has lost."
    )
    audit_age_seconds: NotNegative = Field(default=60.0, description="Age from which such a job is enqueued again.")
    cleanup_seconds: PositiveFloat = Field(
        default=30.0, description="Seconds between two cleanups of uploads and objects that ended jobs left behind."
    )
    final_cleanup_seconds: NotNegative = Field(
        default=600.0,
        description="Seconds after a job's end until the final cleanup of what it left: a worker that was paused may "
        "have written it late.",
    )

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
    timeout_seconds: PositiveFloat = Field(default=10.0, description="Seconds for the receiver's whole answer.")
    give_up_seconds: PositiveFloat = Field(
        default=86_400.0, description="Seconds after which an event that was not taken becomes a dead letter."
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
    session_seconds: Positive = Field(default=8 * 3600, description="Seconds that a session lasts.")
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = Field(
        default="us-east-1", description="The region that is shown first, unless the account has jobs elsewhere alone."
    )


class ConnectionSettings(Section):
    """What HTTP connections may take together."""

    limit: Positive = Field(
        default=1000,
        description="Connections that are open at once; fewer where the process may not open twice as many files. When "
        "all are taken, the one that has waited longest for its client is closed.",
    )
    per_client: Positive | None = Field(
        default=None,
        description="Connections of one client's address (of IPv6, its first 64 bits) that are open at once; behind a "
        "trusted proxy, its requests that are answered at once. No limit when unset.",
    )
    trusted_proxies: list[IPv4Network | IPv6Network] = Field(
        default=[],
        description="Networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, such as "
        '`["10.0.0.0/24"]`.',
    )
    write_seconds: PositiveFloat = Field(
        default=30.0, description="Seconds in which a client must take 4 KiB of what it is sent."
    )


class AdminSettings(Section):
    """The pages for those who run the service: `/metrics`, and the details of `/health`."""

    host: str = Field(default="127.0.0.1", description="The address of a listener of their own.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="The port of a listener of their own, which needs no token; none when unset."
    )
    allowed_hosts: list[str] = Field(
        default=[],
        description="Names, without ports, by which they may be asked for; when it is empty: the host's name, `host`, "
        "the name in `public_url`, `localhost`, and the address that the request came to.",
    )
