"""Publishing: the real boto3, an S3 service, and a control plane of Greengrass that behaves as each test sets it."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import pytest

from components import COMPONENTS, Cloud, artifact, cloud, recipe
from contract.s3_service import S3Service, s3_service
from edgewright.arns import ComponentArn
from edgewright.errors import (
    ComponentExists,
    PackageRefused,
    ServiceRefused,
    ServiceUnreachable,
    SettingsRefused,
    ValidationFault,
)
from edgewright.greengrass.publishing import PUBLISHERS, open_publisher
from edgewright.greengrass.publishing import aws as publishing
from edgewright.greengrass.publishing.aws import Clients, Destination, publish, withdraw
from edgewright.sections import AwsSettings
from edgewright.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgewright.greengrass.recipe_artifacts import Artifact

CONTENT = secrets.token_bytes(9 * 1024 * 1024)  # more than boto3 sends in one piece
RECIPE = recipe(artifact("s3://here/out/digits-1.0.tar.gz", CONTENT))
ARN = f"{COMPONENTS}:digits:versions:1.0.0"


def fetch(_: Artifact) -> Iterator[bytes]:
    for start in range(0, len(CONTENT), 1024 * 1024):
        yield CONTENT[start : start + 1024 * 1024]


@pytest.fixture(scope="module")
def storage() -> Iterator[S3Service]:
    with s3_service() as running:
        yield running


@pytest.fixture
def bucket(storage: S3Service) -> str:
    name = f"components-{secrets.token_hex(6)}"
    storage.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def aws() -> Iterator[Cloud]:
    with cloud() as running:
        yield running


@pytest.fixture
def clients(aws: Cloud, storage: S3Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clients:
    """The clients that AWS's own environment makes."""
    monkeypatch.setattr(publishing, "POLL_SECONDS", (0.01, 0.02))
    (tmp_path / "config").write_text(
        "[profile edge]\nregion = eu-west-1\nservices = here\n"
        f"[services here]\ngreengrassv2 =\n  endpoint_url = {aws.url}\ns3 =\n  endpoint_url = {storage.url}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    (tmp_path / "credentials").write_text(
        f"[edge]\naws_access_key_id = {storage.key}\naws_secret_access_key = {storage.secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return Clients.open(None, "edge")


def keys(clients: Clients, bucket: str) -> list[str]:
    return [found["Key"] for found in clients.s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_a_version_is_uploaded_made_and_waited_for(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.states = ["REQUESTED", "INITIATED", "DEPLOYABLE"]
    made = publish(clients, RECIPE, fetch, Destination(bucket, "/edge/"))
    assert (made.arn, made.new) == (ARN, True)
    (place,) = made.artifacts
    assert place.key.startswith("edge/digits/1.0.0/")
    assert place.key.endswith("/digits-1.0.tar.gz")
    assert clients.s3.get_object(Bucket=bucket, Key=place.key)["Body"].read() == CONTENT
    told = json.loads(aws.recipes[ARN])
    assert told["Manifests"][0]["Artifacts"] == [artifact(str(place), CONTENT)]
    assert [call for call in aws.calls if "metadata" in call] == [f"GET /greengrass/v2/components/{ARN}/metadata"] * 3


def test_done_again_it_uploads_and_makes_nothing(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.others = ["another", "yet-another"]

    def nobody(_: Artifact) -> Any:
        raise AssertionError("uploaded again")

    first = publish(clients, RECIPE, fetch, Destination(bucket))
    again = publish(clients, RECIPE, nobody, Destination(bucket))
    assert (again.arn, again.new, again.artifacts) == (first.arn, False, first.artifacts)
    assert sum(call.startswith("POST") for call in aws.calls) == 1


def test_an_upload_that_was_done_before_a_crash_is_not_repeated(clients: Clients, aws: Cloud, bucket: str) -> None:
    first = publish(clients, RECIPE, fetch, Destination(bucket))
    aws.recipes.clear()
    when = clients.s3.head_object(Bucket=bucket, Key=first.artifacts[0].key)["LastModified"]
    assert publish(clients, RECIPE, fetch, Destination(bucket)).new
    assert clients.s3.head_object(Bucket=bucket, Key=first.artifacts[0].key)["LastModified"] == when


def test_other_bytes_under_a_taken_version_are_refused(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.recipes[ARN] = recipe(artifact("s3://there/digits-1.0.tar.gz", b"others"))
    with pytest.raises(ComponentExists, match=r"exists with other artifacts: digits-1\.0\.tar\.gz"):
        publish(clients, RECIPE, fetch, Destination(bucket))
    assert keys(clients, bucket) == []


def test_one_who_makes_the_version_meanwhile_is_found(clients: Clients, aws: Cloud, bucket: str) -> None:
    def overtaken(wanted: Artifact) -> Iterator[bytes]:
        aws.recipes[ARN] = RECIPE
        yield from fetch(wanted)

    made = publish(clients, RECIPE, overtaken, Destination(bucket))
    assert (made.arn, made.new, str(made.artifacts[0])) == (ARN, False, "s3://here/out/digits-1.0.tar.gz")


def test_changed_bytes_are_not_uploaded(clients: Clients, aws: Cloud, bucket: str) -> None:
    def changed(wanted: Artifact) -> Iterator[bytes]:
        *most, last = fetch(wanted)
        yield from [*most, last[:-1] + bytes([last[-1] ^ 1])]

    with pytest.raises(PackageRefused, match="is not what the recipe says"):
        publish(clients, RECIPE, changed, Destination(bucket))
    assert keys(clients, bucket) == []
    assert clients.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert aws.recipes == {}


def test_a_version_that_aws_cannot_make_is_told_with_aws_words(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.states, aws.errors = ["REQUESTED", "FAILED"], {"s3://b/k": "cannot be accessed"}
    with pytest.raises(ServiceRefused, match=r"FAILED: m; s3://b/k: cannot be accessed.*delete-component --arn arn:"):
        publish(clients, RECIPE, fetch, Destination(bucket))


def test_waiting_ends(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.states = ["INITIATED"]
    with pytest.raises(ServiceUnreachable, match=r"is still INITIATED after 0\.1 seconds"):
        publish(clients, RECIPE, fetch, Destination(bucket, wait_seconds=0.1))


def test_what_aws_refuses_is_told_with_aws_words(clients: Clients) -> None:
    with pytest.raises(ServiceRefused, match="NoSuchBucket"):
        publish(clients, RECIPE, fetch, Destination("nobodys-bucket"))


def test_a_cloud_that_is_not_there_is_said_to_be(clients: Clients, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GREENGRASSV2", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ServiceUnreachable, match="AWS could not be reached"):
        publish(Clients.open("eu-west-1", "edge"), RECIPE, fetch, Destination("bucket"))


def test_what_cores_could_not_fetch_is_not_published() -> None:
    with pytest.raises(ValidationFault, match=r"cannot fetch from the bucket my\.bucket"):
        Destination("my.bucket")
    with pytest.raises(ValidationFault, match="begins with 'my models'"):
        Destination("bucket", "my models")


def test_missing_surroundings_are_named(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsRefused, match="nobody"):
        Clients.open("eu-west-1", "nobody")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SettingsRefused, match="No AWS credentials found"):
        publish(Clients.open(None, "edge"), RECIPE, fetch, Destination("bucket"))


def test_components_stay_here_unless_the_settings_say_otherwise(clients: Clients, aws: Cloud, bucket: str) -> None:
    assert open_publisher(Settings()) is None
    publishes = open_publisher(
        Settings(greengrass="aws", aws=AwsSettings(bucket=bucket, prefix="edge", profile="edge"))
    )
    assert publishes is not None
    made = publishes.publish("eu-central-1", RECIPE, fetch)
    assert (made.arn, made.new) == (ARN, True)
    assert made.artifacts[0].key.startswith("edge/digits/1.0.0/")
    assert aws.regions == {"eu-central-1"}
    elsewhere = AwsSettings(bucket=bucket, profile="edge", region="us-west-2")
    again = open_publisher(Settings(greengrass="aws", aws=elsewhere))
    assert again is not None
    again.publish("eu-central-1", RECIPE, fetch)
    assert aws.regions == {"eu-central-1", "us-west-2"}


def test_each_value_of_the_setting_is_in_the_table() -> None:
    assert get_args(Settings.model_fields["greengrass"].annotation) == tuple(PUBLISHERS)


JOB = "arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/digits"
KEY = ComponentArn("999999999999", "eu-west-1", "digits", "1.0.0")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def of_job(arn: str) -> bytes:
    return json.dumps(
        json.loads(RECIPE) | {"ComponentConfiguration": {"DefaultConfiguration": {"EdgePackagingJobArn": arn}}}
    ).encode()


def test_what_a_job_made_is_deleted(clients: Clients, aws: Cloud, bucket: str) -> None:
    aws.made_at = NOON.timestamp()
    assert withdraw(clients, KEY, JOB, NOON) is None
    publish(clients, of_job(JOB), fetch, Destination(bucket))
    assert withdraw(clients, KEY, JOB, NOON) == ARN
    assert aws.recipes == {}
    assert withdraw(clients, KEY, JOB, NOON) is None
    assert keys(clients, bucket), "objects stay: another version may name them"


@pytest.mark.parametrize(
    ("recipe_", "since"),
    [(of_job(f"{JOB}-2"), NOON), (RECIPE, NOON), (of_job(JOB), NOON + timedelta(seconds=1))],
    ids=["another job's", "nobody's", "an earlier job's of this name"],
)
def test_what_a_job_did_not_make_stays(
    clients: Clients, aws: Cloud, bucket: str, recipe_: bytes, since: datetime
) -> None:
    aws.made_at = NOON.timestamp()
    publish(clients, recipe_, fetch, Destination(bucket))
    assert withdraw(clients, KEY, JOB, since) is None
    assert ARN in aws.recipes
