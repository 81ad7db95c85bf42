from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.jobs import Kind, PackagingJob, Status
from edgewright.operations.packaging_jobs import create_edge_packaging_job, describe_edge_packaging_job
from unit.operations.conftest import ROLE

if TYPE_CHECKING:
    from edgewright.jobs import JobStore
    from edgewright.operations import Context

TYPE = "GreengrassV2Component"


def request(location: str = "s3://out/packages/", config: str | None = None, **changes: Any) -> dict[str, Any]:
    output = {"S3OutputLocation": location, "PresetDeploymentType": TYPE}
    output |= {} if config is None else {"PresetDeploymentConfig": config}
    return {
        "EdgePackagingJobName": "digits",
        "CompilationJobName": "compiled",
        "ModelName": "model",
        "ModelVersion": "1.0",
        "RoleArn": ROLE,
        "OutputConfig": output,
    } | changes


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    "config",
    [
        None,
        "{}",
        '{"ComponentName":"sample-component-name", "ComponentVersion":"1.0.2"}',
        '{"ComponentVersion":"1.0.0-rc.1"}',
        '{"PlatformOS":"linux", "PlatformArchitecture":"Linux ARMV8"}',
        json.dumps({"ComponentName": "n" * 128, "ComponentDescription": "✓" * 500}),
    ],
)
def test_a_job_with_a_preset_is_made_and_echoed(context: Context, config: str | None) -> None:
    create_edge_packaging_job(context, request(config=config))
    described = describe_edge_packaging_job(context, {"EdgePackagingJobName": "digits"})
    assert described["OutputConfig"] == request(config=config)["OutputConfig"]
    assert "PresetDeploymentOutput" not in described


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (request(config="[]"), "'outputConfig.presetDeploymentConfig' is a JSON list"),
        (request(ModelVersion="1.0 beta"), "Value '1.0 beta' at 'modelVersion' cannot be used"),
        (request("s3://a.b/out"), "at 'outputConfig.s3OutputLocation' cannot be used"),
        (request("s3://b/50%"), "the package's key has '%', which cores do not escape"),
        (request("s3://b/ä"), "the package's key has 'ä'"),
        (
            request(OutputConfig={"S3OutputLocation": "s3://b/o", "PresetDeploymentConfig": "{}"}),
            "was given without 'outputConfig.presetDeploymentType'",
        ),
    ],
)
def test_what_is_sure_to_fail_is_refused(context: Context, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationFault) as refused:
        create_edge_packaging_job(context, asked)
    assert words in refused.value.message
    with pytest.raises(ResourceNotFound):
        describe_edge_packaging_job(context, {"EdgePackagingJobName": "digits"})


@pytest.mark.usefixtures("compiled")
def test_a_package_without_a_component_may_have_a_version_with_a_space(context: Context) -> None:
    asked = request(OutputConfig={"S3OutputLocation": "s3://a.b/my out"}, ModelVersion="1.0 beta")
    create_edge_packaging_job(context, asked)
    job = context.jobs.get(context.key(Kind.PACKAGING, "digits"))
    assert isinstance(job, PackagingJob)
    assert job.model_version == "1.0 beta"


@pytest.mark.usefixtures("compiled")
def test_what_became_of_the_component_is_described(context: Context, store: JobStore) -> None:
    create_edge_packaging_job(context, request())
    key = context.key(Kind.PACKAGING, "digits")
    store.begin(key)
    output = {"Type": TYPE, "Status": "FAILED", "StatusMessage": "no"}
    store.move(key, Status.COMPLETED, preset_output=output)
    described = describe_edge_packaging_job(context, {"EdgePackagingJobName": "digits"})
    assert (described["EdgePackagingJobStatus"], described["PresetDeploymentOutput"]) == ("COMPLETED", output)
