"""Preset deployments as boto3 sees them: components of packages, and what is refused when the job is created."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.running import ACCOUNT, REGION, packaging_request, wait_for

if TYPE_CHECKING:
    from acceptance.running import RunningServer

TYPE = "GreengrassV2Component"
EXAMPLE = '{"ComponentName":"sample-component-name", "ComponentVersion":"1.0.2"}'
"""As the developer guide of Amazon's service has it."""
CONFIG = "outputConfig.presetDeploymentConfig"


def asking(name: str, compilation: str, config: str | None, **changes: Any) -> dict[str, Any]:
    """A request for a package and a component."""
    output = {"S3OutputLocation": "s3://presets/out/", "PresetDeploymentType": TYPE}
    output |= {} if config is None else {"PresetDeploymentConfig": config}
    return packaging_request(name, compilation, **({"OutputConfig": output} | changes))


def test_the_example_of_the_guide_and_a_second_job_of_the_same_version(
    server: RunningServer, sagemaker: Any, compilation: str
) -> None:
    request = asking("sample-edge-packaging-job", compilation, EXAMPLE)
    sagemaker.create_edge_packaging_job(**request)
    job = wait_for(sagemaker, request["EdgePackagingJobName"])
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert job["OutputConfig"] == request["OutputConfig"]
    arn = f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:sample-component-name:versions:1.0.2"
    assert job["PresetDeploymentOutput"] == {"Type": TYPE, "Artifact": arn, "Status": "COMPLETED"}
    recipe = json.loads(server.client("greengrassv2").get_component(arn=arn)["recipe"])
    package = server.object(job["ModelArtifact"]).read_bytes()
    for manifest in recipe["Manifests"]:
        (artifact,) = manifest["Artifacts"]
        assert artifact["Uri"] == job["ModelArtifact"]
        assert artifact["Digest"] == base64.b64encode(hashlib.sha256(package).digest()).decode()

    sagemaker.create_edge_packaging_job(**request | {"EdgePackagingJobName": "sample-again"})
    again = wait_for(sagemaker, "sample-again")
    assert again["EdgePackagingJobStatus"] == "COMPLETED"
    assert again["ModelArtifact"] == job["ModelArtifact"]
    assert again["PresetDeploymentOutput"] == {
        "Type": TYPE,
        "Status": "FAILED",
        "StatusMessage": f"Component [sample-component-name : 1.0.2] for account [{ACCOUNT}] already exists with "
        "state: [DEPLOYABLE]",
    }


def test_a_component_without_a_config_is_named_for_its_job(sagemaker: Any, compilation: str) -> None:
    request = asking("plain-preset", compilation, None, ModelVersion="2.0")
    sagemaker.create_edge_packaging_job(**request)
    output = wait_for(sagemaker, "plain-preset")["PresetDeploymentOutput"]
    assert output["Artifact"].endswith(":components:SagemakerEdgeManagerplain-preset:versions:1.0.0")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("banana", "is not JSON"),
        ("[]", "is a JSON list"),
        ('{"ComponentNames": "a"}', "'ComponentNames' is no key of it"),
        ('{"ComponentVersion": "banana"}', "ComponentVersion 'banana' is not a semantic version"),
        ('{"ComponentVersion": "1000000.0.0"}', "ComponentVersion '1000000.0.0' has 1000000 as its major number"),
        ('{"PlatformOS": "Linux"}', "PlatformOS was given without PlatformArchitecture"),
        ('{"PlatformArchitecture": "ARMV8"}', "PlatformArchitecture was given without PlatformOS"),
        ('{"PlatformOS": "Windows", "PlatformArchitecture": "ARMV8"}', "PlatformArchitecture 'ARMV8' is not supported"),
        (json.dumps({"ComponentName": "a" * 129}), "has 129 characters, and 128 are allowed"),
        ('{"ComponentVersion": 1}', "ComponentVersion is a JSON number"),
    ],
)
def test_a_bad_config_is_refused_at_create(sagemaker: Any, compilation: str, config: str, words: str) -> None:
    message = refusal(sagemaker, asking("bad-config", compilation, config))
    assert f"'{CONFIG}'" in message
    assert words in message


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ModelVersion": "1.0 rc"}, "Value '1.0 rc' at 'modelVersion'"),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://my.bucket/out", "PresetDeploymentType": TYPE}},
            "cannot be used with 'outputConfig.presetDeploymentType': the bucket my.bucket has a dot",
        ),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://bucket/my out", "PresetDeploymentType": TYPE}},
            "the package's key has ' '",
        ),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://bucket/out", "PresetDeploymentConfig": EXAMPLE}},
            f"'{CONFIG}' was given without 'outputConfig.presetDeploymentType'",
        ),
        (
            {"OutputConfig": {"S3OutputLocation": "s3://bucket/out", "PresetDeploymentType": "GreengrassV1"}},
            "Member must satisfy enum value set: [GreengrassV2Component]",
        ),
    ],
)
def test_what_no_core_could_fetch_is_refused_at_create(
    sagemaker: Any, compilation: str, changes: dict[str, Any], words: str
) -> None:
    assert words in refusal(sagemaker, asking("bad-place", compilation, EXAMPLE, **changes))


def refusal(sagemaker: Any, request: dict[str, Any]) -> str:
    """The message of the one ValidationException that a request is answered with; no job is made."""
    with pytest.raises(ClientError) as raised:
        sagemaker.create_edge_packaging_job(**request)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName=request["EdgePackagingJobName"])
    message: str = raised.value.response["Error"]["Message"]
    return message
