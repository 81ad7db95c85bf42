from __future__ import annotations

import pytest

from edgewright.compiling.spec import CompilationSpec, artifact_name
from edgewright.errors import UriRefused
from edgewright.stores.uri import S3Uri


def test_a_spec_is_read_from_a_request() -> None:
    spec = CompilationSpec.of(
        {"S3Uri": "s3://b/k", "Framework": "ONNX", "FrameworkVersion": "1", "DataInputConfig": "{}"},
        {"S3OutputLocation": "s3://b/o", "TargetDevice": "rasp4b", "CompilerOptions": "{} "},
    )
    assert spec == CompilationSpec("ONNX", "1", "{}", "rasp4b", None, "{} ")


def test_members_that_are_not_given_are_none() -> None:
    spec = CompilationSpec.of({"S3Uri": "s3://b/k", "Framework": "ONNX"}, {"S3OutputLocation": "s3://b/o"})
    assert spec == CompilationSpec("ONNX")


@pytest.mark.parametrize(
    ("platform", "target"),
    [
        ({"Os": "LINUX", "Arch": "ARM64"}, "LINUX_ARM64"),
        ({"Accelerator": "NVIDIA", "Arch": "ARM64", "Os": "LINUX"}, "LINUX_ARM64_NVIDIA"),
        ({"Os": "ANDROID", "Arch": "ARM_EABI"}, "ANDROID_ARM_EABI"),
    ],
)
def test_a_platform_is_spelled_as_in_artifact_names(platform: dict[str, str], target: str) -> None:
    assert CompilationSpec("ONNX", target_platform=platform).target == target


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("model.tar.gz", "model-rasp4b.tar.gz"),
        ("deep/in/model.tar.gz", "model-rasp4b.tar.gz"),
        ("model.tgz", "model-rasp4b.tar.gz"),
        ("MODEL.TAR.GZ", "MODEL-rasp4b.tar.gz"),
        ("model.v2.tar.gz", "model.v2-rasp4b.tar.gz"),
        ("model.onnx", "model-rasp4b.tar.gz"),
        ("model", "model-rasp4b.tar.gz"),
        (".tar.gz", ".tar.gz-rasp4b.tar.gz"),
        ("with.dots/model", "model-rasp4b.tar.gz"),
    ],
)
def test_the_artifact_is_named_after_the_input_and_the_target(key: str, name: str) -> None:
    assert artifact_name(S3Uri("b", key), CompilationSpec("ONNX", target_device="rasp4b")) == name


def test_a_prefix_has_no_artifact() -> None:
    with pytest.raises(UriRefused):
        artifact_name(S3Uri("b", "models/"), CompilationSpec("ONNX", target_device="rasp4b"))
