from __future__ import annotations

import json
from importlib.resources import files

import pytest

from edgewright.compiling.backends import BACKENDS, check
from edgewright.compiling.spec import CompilationSpec
from edgewright.compiling.targets import DEVICES, Platform, platform_of
from edgewright.errors import TargetUnsupported, ValidationFault

LINUX_ARM64 = frozenset({Platform("LINUX", "ARM64")})


def spec(device: str | None = None, platform: dict[str, str] | None = None, framework: str = "ONNX") -> CompilationSpec:
    return CompilationSpec(framework, target_device=device, target_platform=platform)


def test_the_table_holds_every_device_of_the_service_model() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    assert set(DEVICES) == set(model.shape_for("TargetDevice").enum)


@pytest.mark.parametrize(
    "framework", ["TENSORFLOW", "KERAS", "MXNET", "PYTORCH", "XGBOOST", "TFLITE", "DARKNET", "SKLEARN"]
)
def test_a_framework_without_a_backend_is_refused_by_name(framework: str) -> None:
    with pytest.raises(TargetUnsupported, match=f"Framework {framework} is not supported yet. Supported: ONNX"):
        check(spec("rasp4b", framework=framework))


@pytest.mark.parametrize(
    ("device", "platform"),
    [
        ("rasp3b", Platform("LINUX", "ARM_EABIHF")),
        ("rasp4b", Platform("LINUX", "ARM64")),
        ("jetson_tx2", Platform("LINUX", "ARM64")),
        ("imx8qm", Platform("LINUX", "ARM64")),
        ("rk3399", Platform("LINUX", "ARM64")),
        ("ml_c5", Platform("LINUX", "X86_64")),
        ("ml_c6g", Platform("LINUX", "ARM64")),
        ("lambda", Platform("LINUX", "X86_64")),
        ("x86_win32", Platform("WINDOWS", "X86")),
        ("x86_win64", Platform("WINDOWS", "X86_64")),
        ("qcs605", Platform("ANDROID", "ARM64")),
    ],
)
def test_devices_stand_for_their_cpu(device: str, platform: Platform) -> None:
    check(spec(device))
    assert platform_of(spec(device), frozenset({platform}), "x") == platform


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("coreml", "Core ML"),
        ("ml_inf1", "Inferentia"),
        ("ml_inf2", "Inferentia"),
        ("ml_trn1", "Trainium"),
        ("ml_eia2", "Elastic Inference"),
        ("ml_p3", "NVIDIA GPU"),
        ("ml_g4dn", "NVIDIA GPU"),
        ("amba_cv22", "CVflow"),
        ("toaster", "not a platform"),
    ],
)
def test_a_device_that_needs_more_than_a_cpu_is_refused(device: str, reason: str) -> None:
    with pytest.raises(TargetUnsupported, match=reason) as raised:
        check(spec(device))
    assert "ONNX Runtime" in raised.value.message
    assert "rasp4b" in raised.value.message
    assert "LINUX ARM64" in raised.value.message
    assert "coreml," not in raised.value.message.partition("Supported are")[2]


@pytest.mark.parametrize("os", ["LINUX", "ANDROID"])
@pytest.mark.parametrize("arch", ["X86_64", "X86", "ARM64"])
def test_cpu_platforms_are_supported(os: str, arch: str) -> None:
    check(spec(platform={"Os": os, "Arch": arch}))


@pytest.mark.parametrize("accelerator", ["NVIDIA", "MALI", "INTEL_GRAPHICS", "NNA"])
def test_an_accelerator_is_refused_rather_than_ignored(accelerator: str) -> None:
    platform = {"Os": "LINUX", "Arch": "ARM64", "Accelerator": accelerator}
    with pytest.raises(TargetUnsupported, match=f"needs code for the accelerator {accelerator}"):
        check(spec(platform=platform))


@pytest.mark.parametrize(("os", "arch"), [("LINUX", "ARM_EABI"), ("ANDROID", "ARM_EABIHF"), ("LINUX", "MIPS")])
def test_a_platform_that_the_runtime_lacks_is_refused(os: str, arch: str) -> None:
    with pytest.raises(TargetUnsupported, match=f"cannot compile for {os}_{arch}"):
        check(spec(platform={"Os": os, "Arch": arch}))


def test_exactly_one_kind_of_target_is_needed() -> None:
    with pytest.raises(ValidationFault, match="neither was found"):
        check(spec())
    with pytest.raises(ValidationFault, match="both was found"):
        check(spec("rasp4b", {"Os": "LINUX", "Arch": "ARM64"}))


def test_a_backend_sees_only_its_own_platforms() -> None:
    with pytest.raises(TargetUnsupported, match="nobody cannot compile for ml_c5: it is not a platform"):
        platform_of(spec("ml_c5"), LINUX_ARM64, "nobody")


def test_checking_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, json; from edgewright.compiling import check, CompilationSpec;"
        "check(CompilationSpec('ONNX', data_input_config='{\"x\": [1]}', target_device='rasp4b'));"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "onnx", "onnxruntime", "google"} & set(json.loads(done.stdout))


def test_every_backend_is_a_file_of_its_own() -> None:
    modules = [type(backend).__module__ for backend in BACKENDS.values()]
    assert len(set(modules)) == len(modules)
    assert all((files("edgewright.compiling") / f"{module.rpartition('.')[2]}.py").is_file() for module in modules)
