"""A component version into AWS: its artifacts into a bucket, its recipe to AWS IoT Greengrass, through boto3.

Done again, it finds what it did and changes nothing. An artifact's key holds its digest, so no object that a
published version names is ever replaced.
"""

from __future__ import annotations

import io
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import ComponentExists, ServiceRefused, ServiceUnreachable, SettingsRefused, ValidationFault
from edgewright.greengrass.publishing.protocols import Fetch, Published
from edgewright.greengrass.reading import read_json_recipe, value_of
from edgewright.greengrass.recipe import dump, made_by
from edgewright.greengrass.recipe_artifacts import Artifact, artifacts_of, checked, with_uris
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from typing_extensions import Buffer

    from edgewright.arns import ComponentArn
    from edgewright.settings import Settings

POLL_SECONDS: Final = (0.5, 5.0)
"""Between two looks at a version that is being made: at first, and at most."""
WAIT_SECONDS: Final = 600.0
"""How long AWS may take to make a component version of artifacts that it must read whole."""

_PREFIX: Final = re.compile(r"[A-Za-z0-9._/-]*")
_NO_OBJECT: Final = frozenset({"403", "404", "NoSuchKey", "NotFound"})  # without ListBucket, S3 says 403


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients of one account and region of AWS.

    Attributes:
        greengrass: of `greengrassv2`.
        s3: of `s3`.
    """

    greengrass: Any
    s3: Any

    @classmethod
    def open(cls, region: str | None, profile: str | None) -> Clients:
        """Clients with AWS's usual credentials and endpoints; nothing is reached yet.

        Raises:
            SettingsRefused: boto3 is not installed, the profile is not known, or no region is.
        """
        try:
            import boto3
            from botocore import exceptions
        except ImportError as error:
            raise SettingsRefused("Publishing to AWS needs boto3. Install edgewright[aws].") from error
        try:
            session = boto3.Session(profile_name=profile, region_name=region)
            return cls(session.client("greengrassv2"), session.client("s3"))
        except exceptions.BotoCoreError as error:
            raise SettingsRefused(f"AWS cannot be used: {error}") from error


@dataclass(frozen=True, slots=True)
class Destination:
    """Where artifacts go.

    Attributes:
        bucket: cores fetch from it, so its name has no dots.
        prefix: of every key; may be empty. Letters, digits and `._-/`: cores escape nothing else in a key.
        wait_seconds: until a version that is still being made is an error.
    """

    bucket: str
    prefix: str = ""
    wait_seconds: float = WAIT_SECONDS

    def __post_init__(self) -> None:
        if "." in self.bucket:
            raise ValidationFault(
                f"Greengrass cores cannot fetch from the bucket {self.bucket}: a dot in a bucket's name breaks the "
                "certificate of its host. Choose a bucket without dots."
            )
        if not _PREFIX.fullmatch(self.prefix):
            raise ValidationFault(
                f"Greengrass cores cannot fetch what begins with {self.prefix!r}: in a prefix, letters, digits, dots, "
                "hyphens, underscores and slashes are wanted."
            )

    def uri(self, name: str, version: str, artifact: Artifact) -> S3Uri:
        """Where an artifact goes: another URI for other bytes."""
        folder = S3Uri(self.bucket, self.prefix.strip("/")).joined(f"{name}/{version}/{artifact.sha256}")
        return folder.joined(artifact.file)


@dataclass(frozen=True, slots=True)
class AwsPublisher:
    """Publishes to AWS as the settings say.

    Attributes:
        destination: where the artifacts go.
        profile, region: of AWS, where they are set.
    """

    destination: Destination
    profile: str | None
    region: str | None

    @classmethod
    def of(cls, settings: Settings) -> AwsPublisher:
        """The publisher that the settings name."""
        aws = settings.aws
        return cls(Destination(aws.bucket or "", aws.prefix), aws.profile, aws.region)

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        """See `Publisher.publish`, and the function of that name."""
        return publish(self._clients(region), recipe, fetch, self.destination)

    def withdraw(self, region: str, key: ComponentArn, job_arn: str, since: datetime) -> str | None:
        """See `Publisher.withdraw`, and the function of that name."""
        return withdraw(self._clients(region), key, job_arn, since)

    def _clients(self, region: str) -> Clients:
        return Clients.open(self.region or region, self.profile)


def publish(clients: Clients, recipe: bytes, fetch: Fetch, destination: Destination) -> Published:
    """Make a component version on AWS and wait until it can be deployed.

    Args:
        clients: of the account and region to publish into.
        recipe: JSON; its artifacts' digests are what counts, its URIs are replaced.
        fetch: gives each artifact's bytes, which are checked as they pass.
        destination: where the artifacts go.

    Raises:
        PackageRefused: an artifact's bytes are not those of the recipe's digest.
        ComponentExists: AWS has this version with other artifacts.
        ServiceRefused: AWS refused a call, or could not make the version; the message holds its words.
        ServiceUnreachable: AWS could not be reached, or was not done in time.
    """
    read = read_json_recipe(recipe)
    name, version, artifacts = value_of(read, "ComponentName"), value_of(read, "ComponentVersion"), artifacts_of(read)
    uris = {artifact.uri: destination.uri(name, version, artifact) for artifact in artifacts}
    with _translated():
        arn = _existing(clients, name, version)
        made = None
        if arn is None:
            for artifact in artifacts:
                _upload(clients.s3, uris[artifact.uri], checked(artifact, fetch(artifact)))
            made = _create(clients, dump(with_uris(read, uris)))
            arn = made or _existing(clients, name, version)
        if arn is None:
            raise ServiceUnreachable(f"AWS says that {name} {version} exists, and does not list it. Try again.")
        _await_deployable(clients, arn, destination.wait_seconds)
        return Published(arn, _same(clients, arn, artifacts), new=made is not None)


def withdraw(clients: Clients, key: ComponentArn, job_arn: str, since: datetime) -> str | None:
    """Delete a version from AWS if this job made it; its ARN, or None where there is nothing of the job's.

    A version is the job's if its recipe names the job and it is no older than the job: before the job there may have
    been another of its name.

    Args:
        clients: of the account and region that it was published into.
        key: names the component and its version; AWS's account may be another.
        job_arn: the edge packaging job's.
        since: when the job was created.

    Raises:
        ServiceRefused, ServiceUnreachable, SettingsRefused: as `publish`.
    """
    with _translated():
        arn = _existing(clients, key.name, key.version or "")
        if arn is None or clients.greengrass.describe_component(arn=arn)["creationTimestamp"] < since:
            return None
        recipe = read_json_recipe(clients.greengrass.get_component(arn=arn, recipeOutputFormat="JSON")["recipe"])
        if made_by(recipe) != job_arn:
            return None
        clients.greengrass.delete_component(arn=arn)
        return arn


def _existing(clients: Clients, name: str, version: str) -> str | None:
    """The ARN of this version on AWS, where there is one."""
    pages = clients.greengrass.get_paginator("list_components").paginate(scope="PRIVATE")
    components = (found for page in pages for found in page.get("components", ()))
    component = next((found["arn"] for found in components if found["componentName"] == name), None)
    if component is None:
        return None
    arn = f"{component}:versions:{version}"
    try:
        clients.greengrass.describe_component(arn=arn)
    except clients.greengrass.exceptions.ResourceNotFoundException:
        return None
    return arn


def _same(clients: Clients, arn: str, artifacts: tuple[Artifact, ...]) -> tuple[S3Uri, ...]:
    """Where AWS has the artifacts. It computes the digests of what it finds: they must be ours."""
    answer = clients.greengrass.get_component(arn=arn, recipeOutputFormat="JSON")
    held = artifacts_of(read_json_recipe(answer["recipe"]))
    theirs = {artifact.file: artifact.sha256 for artifact in held}
    ours = {artifact.file: artifact.sha256 for artifact in artifacts}
    if theirs != ours:
        changed = sorted(set(theirs.items()) ^ set(ours.items()))
        raise ComponentExists(
            f"{arn} exists with other artifacts: {', '.join(f'{file} {digest}' for file, digest in changed)}. "
            "A version cannot be replaced; make the component with a higher ComponentVersion."
        )
    return tuple(artifact.uri for artifact in held)


def _create(clients: Clients, recipe: bytes) -> str | None:
    """The new version's ARN; None where it was made in between."""
    try:
        return str(clients.greengrass.create_component_version(inlineRecipe=recipe)["arn"])
    except clients.greengrass.exceptions.ConflictException:
        return None


def _upload(s3: Any, uri: S3Uri, pieces: Iterable[Buffer]) -> None:
    """Upload, unless these very bytes are there already: the key holds their digest."""
    try:
        s3.head_object(Bucket=uri.bucket, Key=uri.key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in _NO_OBJECT:
            raise
        s3.upload_fileobj(io.BufferedReader(_Pieces(pieces)), uri.bucket, uri.key)


def _await_deployable(clients: Clients, arn: str, wait_seconds: float) -> None:
    pause, longest = POLL_SECONDS
    until = time.monotonic() + wait_seconds
    while True:
        status = clients.greengrass.describe_component(arn=arn)["status"]
        state = status["componentState"]
        if state == "DEPLOYABLE":
            return
        if state not in {"REQUESTED", "INITIATED"}:
            reasons = "; ".join(
                [status.get("message", ""), *(f"{n}: {t}" for n, t in status.get("errors", {}).items())]
            )
            raise ServiceRefused(
                f"AWS could not make {arn}, which is {state}: {reasons}. Delete it with `aws greengrassv2 "
                f"delete-component --arn {arn}`, fix the cause, and publish again."
            )
        if time.monotonic() >= until:
            raise ServiceUnreachable(
                f"{arn} is still {state} after {wait_seconds:g} seconds. Publish again to wait on."
            )
        time.sleep(pause)
        pause = min(pause * 2, longest)


@contextmanager
def _translated() -> Iterator[None]:
    """What boto3 raises becomes one of our errors, with AWS's own words."""
    from boto3 import exceptions as of_boto3
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        found = error.response["Error"]
        raise ServiceRefused(f"{error.operation_name}: {found['Code']}: {found['Message']}") from error
    except of_boto3.S3UploadFailedError as error:
        raise ServiceRefused(str(error)) from error
    except exceptions.NoCredentialsError as error:
        raise SettingsRefused("No AWS credentials found. Set AWS_PROFILE, or give --profile.") from error
    except (exceptions.BotoCoreError, of_boto3.Boto3Error) as error:
        raise ServiceUnreachable(f"AWS could not be reached: {error}") from error


class _Pieces(io.RawIOBase):
    """An iterator of bytes as the file that boto3 reads from."""

    def __init__(self, pieces: Iterable[Buffer]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece).cast("B")
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count], self._left = self._left[:count], self._left[count:]
        return count
