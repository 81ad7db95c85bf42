from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.arns import ComponentArn
from edgewright.errors import DatabaseUnavailable, StoreUnavailable
from edgewright.greengrass.component_store import ComponentStore
from edgewright.greengrass.rules import check_recipe
from edgewright.jobs import JobKey, PackagingJob, Status
from edgewright.worker import ShuttingDown
from edgewright.worker.attempts import end_unbegun
from edgewright.worker.packaging import package_job
from migrated import beside
from unit.worker.conftest import SOURCE, tar_gz
from unit.worker.test_packaging import PACKAGE, content

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.greengrass.component_store import Component
    from edgewright.worker.context import Json
    from unit.worker.conftest import Harness

CONFIG = '{"ComponentName":"sample-component-name", "ComponentVersion":"1.0.2"}'
TYPE = "GreengrassV2Component"
KEY = ComponentArn("123456789012", "eu-west-1", "sample-component-name", "1.0.2")

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def model(harness: Harness) -> None:
    harness.source(tar_gz({"model.so": b"code" * 1000}))


def asking(harness: Harness, name: str = "digits", config: str | None = CONFIG, **members: Any) -> JobKey:
    """A new job that asks for a component."""
    output = {"S3OutputLocation": "s3://out/packages/", "PresetDeploymentType": TYPE}
    output |= {} if config is None else {"PresetDeploymentConfig": config}
    return harness.packaging(name, output_config=output, **members)


def run(harness: Harness, key: JobKey, **context: Any) -> PackagingJob:
    package_job(key, replace(harness.context, **context))
    job = harness.jobs.get(key)
    assert isinstance(job, PackagingJob)
    return job


def made(harness: Harness) -> list[Component]:
    return list(beside(harness.jobs).components.versions(KEY).components)


class Crash(BaseException):
    """The end of a process, as far as a recipe can tell."""


class Engine:
    """Durable steps that keep their results, and crash where they are told to."""

    def __init__(self, crash_before: str = "", crash_behind: str = "") -> None:
        self.kept: dict[str, Json] = {}
        self.crash_before = crash_before
        self.crash_behind = crash_behind

    def __call__(self, name: str, work: Callable[[], Json], /) -> Json:
        if name in self.kept:
            return self.kept[name]
        if name == self.crash_before:
            self.crash_before = ""
            raise Crash
        result = work()
        if name == self.crash_behind:
            self.crash_behind = ""
            raise Crash
        return self.kept.setdefault(name, json.loads(json.dumps(result)))


class TestMade:
    def test_the_component_names_the_package_and_its_digest(self, harness: Harness) -> None:
        job = run(harness, asking(harness))
        arn = "arn:aws:greengrass:eu-west-1:123456789012:components:sample-component-name:versions:1.0.2"
        assert job.status is Status.COMPLETED
        assert job.preset_output == {"Type": TYPE, "Artifact": arn, "Status": "COMPLETED"}
        (component,) = made(harness)
        assert (component.arn, component.job_arn, component.artifacts) == (arn, job.key.arn, (str(PACKAGE),))
        assert (component.state, component.publisher, component.description) == (
            "DEPLOYABLE",
            "edgewright",
            "Model digits version 1.0",
        )
        recipe = json.loads(component.recipe)
        assert check_recipe(recipe) == []
        digest = hashlib.sha256(content(harness))
        for manifest in recipe["Manifests"]:
            (artifact,) = manifest["Artifacts"]
            assert base64.b64decode(artifact["Digest"]) == digest.digest()
        assert recipe["ComponentConfiguration"]["DefaultConfiguration"] == {
            "ModelName": "digits",
            "ModelVersion": "1.0",
            "PackageSha256": digest.hexdigest(),
            "EdgePackagingJobArn": job.key.arn,
        }

    def test_without_a_config_it_is_named_for_the_job(self, harness: Harness) -> None:
        job = run(harness, asking(harness, config=None))
        assert job.preset_output is not None
        assert job.preset_output["Artifact"].endswith(":components:SagemakerEdgeManagerdigits:versions:1.0.0")

    def test_every_wish_is_met(self, harness: Harness) -> None:
        wishes = {
            "ComponentName": "sample-component-name",
            "ComponentVersion": "1.0.2",
            "ComponentDescription": "Reads digits",
            "PlatformOS": "Linux",
            "PlatformArchitecture": "ARMV8",
        }
        run(harness, asking(harness, config=json.dumps(wishes)))
        (component,) = made(harness)
        assert component.description == "Reads digits"
        attributes = {"os": "linux", "architecture": "aarch64", "runtime": "*"}
        assert component.platforms == ({"attributes": attributes, "name": "linux-aarch64"},)

    def test_a_job_that_asks_for_none_gets_none(self, harness: Harness) -> None:
        job = run(harness, harness.packaging())
        assert (job.status, job.preset_output) == (Status.COMPLETED, None)
        assert beside(harness.jobs).components.list("123456789012", "eu-west-1").components == ()


class TestNotMade:
    def test_a_version_that_is_there_leaves_the_job_completed(self, harness: Harness) -> None:
        first, second = run(harness, asking(harness)), run(harness, asking(harness, "digits-2"))
        assert (first.status, second.status) == (Status.COMPLETED, Status.COMPLETED)
        assert second.model_artifact == str(PACKAGE)
        assert second.preset_output == {
            "Type": TYPE,
            "Status": "FAILED",
            "StatusMessage": "Component [sample-component-name : 1.0.2] for account [123456789012] already exists "
            "with state: [DEPLOYABLE]",
        }
        assert [component.job_arn for component in made(harness)] == [first.key.arn]

    def test_a_job_that_fails_makes_none(self, harness: Harness) -> None:
        harness.objects.memory.delete(SOURCE)
        job = run(harness, asking(harness))
        assert (job.status, job.preset_output) == (Status.FAILED, None)
        assert made(harness) == []

    @pytest.mark.parametrize(
        ("error", "message"),
        [
            (StoreUnavailable("no"), "InternalServerError: The object store could not be reached"),
            (RuntimeError("a secret of ours"), "InternalServerError: The service could not do the job."),
        ],
    )
    def test_whatever_goes_wrong_leaves_the_job_completed(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        monkeypatch.setattr("edgewright.worker.components.recipe", fail)
        job = run(harness, asking(harness))
        assert job.status is Status.COMPLETED
        assert job.preset_output is not None
        assert (job.preset_output["Status"], job.preset_output["Type"]) == ("FAILED", TYPE)
        assert job.preset_output["StatusMessage"].startswith(message)
        assert "secret" not in job.preset_output["StatusMessage"]


class TestAgain:
    @pytest.mark.parametrize("crash", [{"crash_before": "component"}, {"crash_behind": "component"}])
    def test_a_crash_around_the_step_makes_no_second_component(self, harness: Harness, crash: dict[str, str]) -> None:
        key, engine = asking(harness), Engine(**crash)
        with pytest.raises(Crash):
            run(harness, key, step=engine)
        before = made(harness)
        job = run(harness, key, step=engine)
        assert job.status is Status.COMPLETED
        assert job.preset_output == {"Type": TYPE, "Artifact": str(KEY), "Status": "COMPLETED"}
        assert (job.attempt, harness.objects.reads) == (2, 1), "the package was not made again"
        assert len(made(harness)) == 1
        assert before in ([], made(harness))

    def test_a_crash_behind_the_package_makes_both_again(self, harness: Harness) -> None:
        key, engine = asking(harness), Engine(crash_behind="package")
        with pytest.raises(Crash):
            run(harness, key, step=engine)
        assert made(harness) == []
        assert run(harness, key, step=engine).status is Status.COMPLETED
        assert len(made(harness)) == 1

    def test_a_database_that_comes_back_loses_no_component(self, harness: Harness) -> None:
        class Away(ComponentStore):
            """A component store that cannot be reached twice."""

            left = 2

            def insert(self, *args: Any, **kwargs: Any) -> Component:
                if self.left:
                    self.left -= 1
                    raise DatabaseUnavailable("The database cannot be used: disk I/O error")
                return super().insert(*args, **kwargs)

        job = run(harness, asking(harness), components=Away(harness.jobs._engine))
        assert job.preset_output == {"Type": TYPE, "Artifact": str(KEY), "Status": "COMPLETED"}

    def test_two_attempts_at_once_make_one(self, harness: Harness) -> None:
        key = asking(harness)

        def overtaken(name: str, work: Callable[[], Json]) -> Json:
            if name == "component":
                run(harness, key)
            return work()

        job = run(harness, key, step=overtaken)
        assert (job.status, job.attempt) == (Status.COMPLETED, 2)
        assert job.preset_output == {"Type": TYPE, "Artifact": str(KEY), "Status": "COMPLETED"}
        assert len(made(harness)) == 1


class TestStopped:
    @pytest.mark.parametrize("moment", ["before", "behind"])
    def test_a_stop_around_the_step_leaves_neither_package_nor_component(self, harness: Harness, moment: str) -> None:
        key = asking(harness)

        def step(name: str, work: Callable[[], Json]) -> Json:
            if name == "component" and moment == "before":
                harness.stop(key)
            ending = work()
            if name == "component" and moment == "behind":
                harness.stop(key)
            return ending

        job = run(harness, key, step=step)
        assert (job.status, job.preset_output, job.model_artifact) == (Status.STOPPED, None, None)
        assert made(harness) == []
        assert harness.objects.names("out") == set()

    def test_a_stop_behind_a_crash_takes_the_component_along(self, harness: Harness) -> None:
        key = asking(harness)
        with pytest.raises(Crash):
            run(harness, key, step=Engine(crash_behind="component"))
        assert len(made(harness)) == 1
        harness.stop(key)
        assert run(harness, key).status is Status.STOPPED
        assert made(harness) == []

    def test_a_stop_leaves_others_components_alone(self, harness: Harness) -> None:
        first = run(harness, asking(harness))
        key = asking(harness, "digits-2")
        harness.stop(key)
        end_unbegun(harness.context, key)
        assert harness.jobs.get(key).status is Status.STOPPED
        assert [component.job_arn for component in made(harness)] == [first.key.arn]

    def test_a_config_that_is_no_longer_understood_does_not_keep_a_job_from_its_end(self, harness: Harness) -> None:
        key = asking(harness, config='{"Wish": "of an earlier version"}')
        harness.stop(key)
        end_unbegun(harness.context, key)
        assert harness.jobs.get(key).status is Status.STOPPED


def test_a_worker_that_leaves_leaves_the_component_to_the_next(harness: Harness) -> None:
    key = asking(harness)

    def step(name: str, work: Callable[[], Json]) -> Json:
        if name == "component":
            raise ShuttingDown
        return work()

    with pytest.raises(ShuttingDown):
        run(harness, key, step=step)
    assert (harness.jobs.get(key).status, made(harness)) == (Status.INPROGRESS, [])
    assert run(harness, key).status is Status.COMPLETED
    assert len(made(harness)) == 1
