"""A component that goes to AWS before it is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgewright.errors import (
    ComponentExists,
    EdgewrightError,
    ServiceRefused,
    ServiceUnreachable,
    SettingsRefused,
)
from edgewright.greengrass.publishing.protocols import Published
from edgewright.greengrass.reading import read_json_recipe
from edgewright.greengrass.recipe_artifacts import artifacts_of, checked
from edgewright.jobs import Status
from edgewright.stores import S3Uri
from edgewright.worker import ShuttingDown
from edgewright.worker.messages import MOST_CHARACTERS
from unit.worker.conftest import tar_gz
from unit.worker.test_components import TYPE, Crash, asking, made, run
from unit.worker.test_packaging import content

if TYPE_CHECKING:
    from datetime import datetime

    from edgewright.arns import ComponentArn
    from edgewright.greengrass.publishing.protocols import Fetch
    from edgewright.jobs import JobKey
    from unit.worker.conftest import Harness

ON_AWS = "arn:aws:greengrass:eu-west-1:999999999999:components:sample-component-name:versions:1.0.2"


class Aws:
    """A publisher instead of AWS's: it reads the artifacts, as AWS's side must, and remembers them."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls: list[tuple[str, bytes]] = []
        self.withdrawn: list[tuple[str, str, str, datetime]] = []

    def withdraw(self, region: str, key: ComponentArn, job_arn: str, since: datetime) -> str | None:
        self.withdrawn.append((region, str(key), job_arn, since))
        if self.errors:
            raise self.errors.pop(0)
        return ON_AWS

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        (artifact,) = artifacts_of(read_json_recipe(recipe))
        self.calls.append((region, b"".join(bytes(piece) for piece in checked(artifact, fetch(artifact)))))
        if self.errors:
            raise self.errors.pop(0)
        return Published(ON_AWS, (S3Uri("there", "package"),), new=True)


@pytest.fixture(autouse=True)
def model(harness: Harness) -> None:
    harness.source(tar_gz({"model.so": b"code" * 1000}))


def test_the_job_names_the_component_on_aws_and_keeps_one_here(harness: Harness) -> None:
    aws = Aws()
    job = run(harness, asking(harness), publisher=aws)
    assert job.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}
    assert aws.calls == [("eu-west-1", content(harness))]
    assert [component.job_arn for component in made(harness)] == [job.key.arn]
    assert job.bytes_done == job.bytes_total, "looking at the job leaves its progress alone"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ComponentExists("taken there"), "taken there"),
        (ServiceRefused("AccessDenied: no"), "ClientError: AccessDenied: no"),
        (ServiceUnreachable("gone"), "InternalServerError: The component could not be published to AWS: gone"),
        (SettingsRefused("no keys"), "InternalServerError: The component could not be published to AWS: no keys"),
    ],
)
def test_what_aws_refuses_is_told_and_another_job_may_try(
    harness: Harness, error: EdgewrightError, message: str
) -> None:
    aws = Aws(error)
    first, second = (
        run(harness, asking(harness), publisher=aws),
        run(harness, asking(harness, "digits-2"), publisher=aws),
    )
    assert first.status is Status.COMPLETED
    assert first.preset_output == {"Type": TYPE, "Status": "FAILED", "StatusMessage": message}
    assert second.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}


def test_a_long_reason_is_cut(harness: Harness) -> None:
    job = run(harness, asking(harness), publisher=Aws(ServiceUnreachable("gone " * 1000)))
    assert job.preset_output is not None
    assert len(job.preset_output["StatusMessage"]) == MOST_CHARACTERS


def test_a_version_that_another_job_made_does_not_go_to_aws(harness: Harness) -> None:
    aws = Aws()
    run(harness, asking(harness))
    job = run(harness, asking(harness, "digits-2"), publisher=aws)
    assert job.preset_output is not None
    assert job.preset_output["StatusMessage"].startswith("Component [sample-component-name : 1.0.2]")
    assert aws.calls == []


def test_a_crash_while_it_is_published_makes_no_second_component(harness: Harness) -> None:
    key, aws = asking(harness), Aws(Crash())
    with pytest.raises(Crash):
        run(harness, key, publisher=aws)
    assert made(harness) == []
    job = run(harness, key, publisher=aws)
    assert job.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}
    assert len(made(harness)) == 1


def test_a_stop_ends_the_upload_and_the_job(harness: Harness) -> None:
    key = asking(harness)

    class Stopped(Aws):
        def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
            assert region == "eu-west-1"
            harness.stop(key)
            (artifact,) = artifacts_of(read_json_recipe(recipe))
            list(fetch(artifact))
            raise AssertionError("read on after the Stop")

    job = run(harness, key, publisher=Stopped())
    assert (job.status, job.preset_output, made(harness)) == (Status.STOPPED, None, [])
    assert harness.objects.names("out") == set()


class StoppedLate(Aws):
    """The Stop comes when AWS has the component."""

    def __init__(self, harness: Harness, key: JobKey, *errors: BaseException) -> None:
        super().__init__()
        self.harness, self.key, self.late = harness, key, errors

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        published = super().publish(region, recipe, fetch)
        self.harness.stop(self.key)
        self.errors = list(self.late)
        return published


def test_a_stop_behind_the_publishing_takes_the_component_from_aws(harness: Harness) -> None:
    key = asking(harness)
    aws = StoppedLate(harness, key)
    job = run(harness, key, publisher=aws)
    assert (job.status, job.preset_output, made(harness)) == (Status.STOPPED, None, [])
    here = "arn:aws:greengrass:eu-west-1:123456789012:components:sample-component-name:versions:1.0.2"
    assert aws.withdrawn == [("eu-west-1", here, job.key.arn, job.created_at)]


def test_what_aws_does_not_give_back_is_told(harness: Harness) -> None:
    key = asking(harness)
    job = run(harness, key, publisher=StoppedLate(harness, key, ServiceRefused("DeleteComponent: AccessDenied: no")))
    assert (job.status, made(harness)) == (Status.STOPPED, [])
    assert job.preset_output == {
        "Type": TYPE,
        "Status": "FAILED",
        "StatusMessage": "InternalServerError: The component sample-component-name 1.0.2 may be on AWS: if it is "
        "there, delete it. DeleteComponent: AccessDenied: no",
    }


def test_a_worker_that_leaves_hands_the_job_back(harness: Harness) -> None:
    key = asking(harness)

    class Leaves(Aws):
        def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
            assert region == "eu-west-1"
            harness.leaving.set()
            (artifact,) = artifacts_of(read_json_recipe(recipe))
            list(fetch(artifact))
            raise AssertionError("read on")

    with pytest.raises(ShuttingDown):
        run(harness, key, publisher=Leaves())
    harness.leaving.clear()
    assert run(harness, key, publisher=Aws()).status is Status.COMPLETED
