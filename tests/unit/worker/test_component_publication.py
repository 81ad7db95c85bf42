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
    from unit.worker.conftest import House

ON_AWS = "arn:aws:greengrass:eu-west-1:999999999999:components:sample-component-name:versions:1.0.2"


class Aws:
    """What stands at the seam for AWS: it reads the artifacts, as AWS's side must, and remembers them."""

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
def model(house: House) -> None:
    house.source(tar_gz({"model.so": b"code" * 1000}))


def test_the_job_names_the_component_on_aws_and_keeps_one_here(house: House) -> None:
    aws = Aws()
    job = run(house, asking(house), publisher=aws)
    assert job.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}
    assert aws.calls == [("eu-west-1", content(house))]
    assert [component.job_arn for component in made(house)] == [job.key.arn]
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
def test_what_aws_refuses_is_told_and_another_job_may_try(house: House, error: EdgewrightError, message: str) -> None:
    aws = Aws(error)
    first, second = run(house, asking(house), publisher=aws), run(house, asking(house, "digits-2"), publisher=aws)
    assert first.status is Status.COMPLETED
    assert first.preset_output == {"Type": TYPE, "Status": "FAILED", "StatusMessage": message}
    assert second.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}


def test_a_long_reason_is_cut(house: House) -> None:
    job = run(house, asking(house), publisher=Aws(ServiceUnreachable("gone " * 1000)))
    assert job.preset_output is not None
    assert len(job.preset_output["StatusMessage"]) == MOST_CHARACTERS


def test_a_version_that_another_job_made_does_not_go_to_aws(house: House) -> None:
    aws = Aws()
    run(house, asking(house))
    job = run(house, asking(house, "digits-2"), publisher=aws)
    assert job.preset_output is not None
    assert job.preset_output["StatusMessage"].startswith("Component [sample-component-name : 1.0.2]")
    assert aws.calls == []


def test_a_crash_while_it_is_published_makes_no_second_component(house: House) -> None:
    key, aws = asking(house), Aws(Crash())
    with pytest.raises(Crash):
        run(house, key, publisher=aws)
    assert made(house) == []
    job = run(house, key, publisher=aws)
    assert job.preset_output == {"Type": TYPE, "Artifact": ON_AWS, "Status": "COMPLETED"}
    assert len(made(house)) == 1


def test_a_stop_ends_the_upload_and_the_job(house: House) -> None:
    key = asking(house)

    class Stopped(Aws):
        def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
            assert region == "eu-west-1"
            house.stop(key)
            (artifact,) = artifacts_of(read_json_recipe(recipe))
            list(fetch(artifact))
            raise AssertionError("read on after the Stop")

    job = run(house, key, publisher=Stopped())
    assert (job.status, job.preset_output, made(house)) == (Status.STOPPED, None, [])
    assert house.objects.names("out") == set()


class StoppedLate(Aws):
    """The Stop comes when AWS has the component."""

    def __init__(self, house: House, key: JobKey, *errors: BaseException) -> None:
        super().__init__()
        self.house, self.key, self.late = house, key, errors

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        published = super().publish(region, recipe, fetch)
        self.house.stop(self.key)
        self.errors = list(self.late)
        return published


def test_a_stop_behind_the_publishing_takes_the_component_from_aws(house: House) -> None:
    key = asking(house)
    aws = StoppedLate(house, key)
    job = run(house, key, publisher=aws)
    assert (job.status, job.preset_output, made(house)) == (Status.STOPPED, None, [])
    here = "arn:aws:greengrass:eu-west-1:123456789012:components:sample-component-name:versions:1.0.2"
    assert aws.withdrawn == [("eu-west-1", here, job.key.arn, job.created_at)]


def test_what_aws_does_not_give_back_is_told(house: House) -> None:
    key = asking(house)
    job = run(house, key, publisher=StoppedLate(house, key, ServiceRefused("DeleteComponent: AccessDenied: no")))
    assert (job.status, made(house)) == (Status.STOPPED, [])
    assert job.preset_output == {
        "Type": TYPE,
        "Status": "FAILED",
        "StatusMessage": "InternalServerError: The component sample-component-name 1.0.2 may be on AWS: if it is "
        "there, delete it. DeleteComponent: AccessDenied: no",
    }


def test_a_worker_that_leaves_hands_the_job_back(house: House) -> None:
    key = asking(house)

    class Leaves(Aws):
        def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
            assert region == "eu-west-1"
            house.leaving.set()
            (artifact,) = artifacts_of(read_json_recipe(recipe))
            list(fetch(artifact))
            raise AssertionError("read on")

    with pytest.raises(ShuttingDown):
        run(house, key, publisher=Leaves())
    house.leaving.clear()
    assert run(house, key, publisher=Aws()).status is Status.COMPLETED
