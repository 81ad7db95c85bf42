from __future__ import annotations

import json

import pytest

from edgewright.console.forms import COMPILATION, PACKAGING, WHOLE, Form
from edgewright.errors import CallerError, ResourceInUse, ValidationFault
from edgewright.protocol import load_service

OPERATIONS = load_service("sagemaker").operations
ROLE = "arn:aws:iam::123456789012:role/edge"
JOB = {
    "name": " job ",
    "compilation": "c",
    "model": "m",
    "version": "1.0",
    "output": "s3://b/k",
    "role": ROLE,
    "tags": "stage=production\n\nowner = a=b",
}


def checked(form: Form, filled: dict[str, str]) -> tuple[dict[str, object], dict[str, list[str]]]:
    return form.checked(OPERATIONS[form.operation], filled)


def test_a_filled_form_is_a_request() -> None:
    assert checked(PACKAGING, JOB) == (
        {
            "EdgePackagingJobName": "job",
            "CompilationJobName": "c",
            "ModelName": "m",
            "ModelVersion": "1.0",
            "RoleArn": ROLE,
            "OutputConfig": {"S3OutputLocation": "s3://b/k"},
            "Tags": [{"Key": "stage", "Value": "production"}, {"Key": "owner", "Value": "a=b"}],
        },
        {},
    )


def test_a_component_is_asked_for_in_its_own_words() -> None:
    filled = JOB | {"preset": "GreengrassV2Component", "component": 'com."x', "component_version": "2.0.0"}
    request, errors = checked(PACKAGING, filled)
    assert errors == {}
    output = request["OutputConfig"]
    assert isinstance(output, dict)
    assert output["PresetDeploymentType"] == "GreengrassV2Component"
    assert json.loads(output["PresetDeploymentConfig"]) == {"ComponentName": 'com."x', "ComponentVersion": "2.0.0"}


def test_what_would_be_ignored_is_refused() -> None:
    _, errors = checked(PACKAGING, JOB | {"component": "com.example"})
    assert list(errors) == ["component"]


def test_an_empty_form_says_what_is_missing_where_it_is_missing() -> None:
    _, errors = checked(PACKAGING, {})
    assert errors == {key: ["Fill this in."] for key in ("name", "compilation", "model", "version", "role", "output")}


def test_each_fault_of_the_model_stands_beside_its_field() -> None:
    _, errors = checked(PACKAGING, JOB | {"name": "a b", "version": "1-0", "tags": "<x>=1\nbare"})
    assert set(errors) == {"name", "version", "tags"}
    assert errors["name"][0].startswith("Value 'a b' at 'edgePackagingJobName' failed to satisfy constraint")
    assert any("has no '='" in message for message in errors["tags"])


def test_the_other_form_is_a_request_too() -> None:
    filled = {
        "name": "c",
        "source": "s3://m/a.tar.gz",
        "framework": "ONNX",
        "inputs": "",
        "output": "s3://m/out",
        "target": "rasp4b",
        "seconds": "900",
        "role": ROLE,
    }
    assert checked(COMPILATION, filled) == (
        {
            "CompilationJobName": "c",
            "RoleArn": ROLE,
            "InputConfig": {"S3Uri": "s3://m/a.tar.gz", "Framework": "ONNX"},
            "OutputConfig": {"S3OutputLocation": "s3://m/out", "TargetDevice": "rasp4b"},
            "StoppingCondition": {"MaxRuntimeInSeconds": 900},
        },
        {},
    )
    for seconds in ("soon", "1e3", "²", "9" * 40):
        assert "seconds" in checked(COMPILATION, filled | {"seconds": seconds})[1]


def of(error: CallerError, field: str) -> CallerError:
    error.field = field
    return error


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (ResourceInUse("names must be unique"), "name"),
        (of(ValidationFault("cannot be used"), "outputConfig.s3OutputLocation"), "output"),
        (of(ValidationFault("no such job"), "compilationJobName"), "compilation"),
        (of(ValidationFault("Could not assume role arn:x"), "roleArn"), "role"),
        (of(ValidationFault("cannot be used"), "outputConfig.presetDeploymentConfig"), "component"),
        (
            of(ValidationFault("no version"), "outputConfig.presetDeploymentConfig.componentVersion"),
            "component_version",
        ),
        (of(ValidationFault("Tag key 'aws:x' is refused"), "tags"), "tags"),
        (of(ValidationFault("no form has it"), "outputConfig.compilerOptions"), WHOLE),
        (CallerError("Something else"), WHOLE),
    ],
)
def test_a_refusal_stands_beside_the_field_that_it_is_about(error: CallerError, field: str) -> None:
    assert PACKAGING.refused(error) == {field: [error.message]}
