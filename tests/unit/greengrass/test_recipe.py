from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.greengrass.config import ComponentPlan, parse_config
from edgewright.greengrass.recipe import PackageFacts, dump, recipe
from edgewright.greengrass.rules import LITE_BYTES, artifacts, check_recipe, platforms
from edgewright.stores import S3Uri

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = hashlib.sha256(b"package").hexdigest()
JOB = "arn:aws:sagemaker:eu-west-1:123456789012:edge-packaging-job/digits"
PACKAGE = PackageFacts(S3Uri("out", "packages/digits-1.0.tar.gz"), SHA256, "digits", "1.0", JOB)
PLATFORMS = [None, ("Linux", "x86_64"), ("Linux", "ARMV8"), ("Windows", "Windows32_x86"), ("Windows", "Windows64_x64")]

CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "ComponentName": st.from_regex(r"[a-zA-Z0-9_.-]{1,128}", fullmatch=True),
        "ComponentDescription": st.text(
            st.characters(exclude_categories=["C", "Z"], exclude_characters="\\"), min_size=1, max_size=400
        ),
        "ComponentVersion": st.builds("{}.{}.{}".format, *[st.integers(0, 999_999)] * 3),
    },
)
PACKAGES = st.builds(
    lambda prefix, name, version: PackageFacts(
        S3Uri("bucket-1", f"{prefix}/{name}-{version}.tar.gz"), SHA256, name, version, JOB
    ),
    st.from_regex(r"[a-zA-Z0-9!_'()*-]{1,200}", fullmatch=True),
    st.from_regex(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,30}", fullmatch=True),
    st.from_regex(r"[a-zA-Z0-9_.]{1,30}", fullmatch=True),
)


def test_the_whole_recipe() -> None:
    plan = ComponentPlan("digits-model", "1.0.2", "Reads digits", "linux", "aarch64")
    assert recipe(plan, PACKAGE) == {
        "RecipeFormatVersion": "2020-01-25",
        "ComponentName": "digits-model",
        "ComponentVersion": "1.0.2",
        "ComponentType": "aws.greengrass.generic",
        "ComponentDescription": "Reads digits",
        "ComponentPublisher": "edgewright",
        "ComponentConfiguration": {
            "DefaultConfiguration": {
                "ModelName": "digits",
                "ModelVersion": "1.0",
                "PackageSha256": SHA256,
                "EdgePackagingJobArn": JOB,
            }
        },
        "Manifests": [
            {
                "Platform": {"os": "linux", "architecture": "aarch64", "runtime": "*"},
                "Lifecycle": {
                    "install": {
                        "Script": 'find "{work:path}" -mindepth 1 -delete && '
                        'tar -xzf "{artifacts:path}/digits-1.0.tar.gz" -C "{work:path}"',
                        "Timeout": 3600,
                    },
                    "run": {
                        "Script": 'echo "Model digits version 1.0 is ready in {work:path}"; exec sleep infinity',
                    },
                },
                "Artifacts": [
                    {
                        "Uri": "s3://out/packages/digits-1.0.tar.gz",
                        "Unarchive": "NONE",
                        "Permission": {"Read": "ALL", "Execute": "NONE"},
                        "Digest": base64.b64encode(hashlib.sha256(b"package").digest()).decode(),
                        "Algorithm": "SHA-256",
                    }
                ],
            }
        ],
    }


def test_windows_has_a_lifecycle_of_its_own() -> None:
    (manifest,) = recipe(ComponentPlan("a", "1.0.0", None, "windows", "amd64"), PACKAGE)["Manifests"]
    assert manifest["Platform"] == {"os": "windows", "architecture": "amd64", "runtime": "*"}
    steps = manifest["Lifecycle"]
    assert steps["install"]["Script"].startswith("powershell ")
    assert "tar -xzf '{artifacts:path}\\digits-1.0.tar.gz'; exit $LASTEXITCODE" in steps["install"]["Script"]
    assert steps["run"]["Script"].endswith('[Threading.Thread]::Sleep(-1)"')
    assert "sleep infinity" not in json.dumps(manifest)


def test_every_platform_is_windows_first_and_then_all_others() -> None:
    made = recipe(ComponentPlan("a", "1.0.0"), PACKAGE)
    assert [manifest["Platform"] for manifest in made["Manifests"]] == [
        {"os": "windows", "architecture": "*", "runtime": "*"},
        {"os": "*", "architecture": "*", "runtime": "*"},
    ]
    assert made["Manifests"][0]["Artifacts"] == made["Manifests"][1]["Artifacts"]
    assert artifacts(made) == ["s3://out/packages/digits-1.0.tar.gz"]
    assert made["ComponentDescription"] == "Model digits version 1.0"
    assert [platform["name"] for platform in platforms(made)] == ["windows-*", "*-*"]


def test_the_text_is_the_same_for_the_same() -> None:
    plan = ComponentPlan("a", "1.0.0", "ünï")
    text = dump(recipe(plan, PACKAGE))
    assert text == dump(recipe(plan, PACKAGE))
    assert json.loads(text) == recipe(plan, PACKAGE)
    assert "ünï".encode() in text


@given(CONFIGS, st.sampled_from(PLATFORMS), PACKAGES)
def test_what_is_made_of_whatever_was_taken_breaks_no_rule(
    config: dict[str, Any], platform: tuple[str, str] | None, package: PackageFacts
) -> None:
    if platform is not None:
        config |= dict(zip(("PlatformOS", "PlatformArchitecture"), platform, strict=True))
    made = recipe(parse_config(json.dumps(config), "job"), package)
    assert check_recipe(made) == []
    assert len(json.dumps(made, ensure_ascii=False).encode()) < LITE_BYTES


@pytest.mark.parametrize("os", [None, "linux", "windows"])
def test_the_longest_recipe_is_not_too_long_for_any_core(os: str | None) -> None:
    file = f"{'m' * 63}-{'1' * 30}.tar.gz"
    uri = S3Uri("b" * 63, f"{'k' * (1023 - len(file))}/{file}")
    job = f"arn:aws-us-gov:sagemaker:us-gov-west-1:123456789012:edge-packaging-job/{'j' * 63}"
    plan = ComponentPlan("n" * 128, f"1.0.0-{'a' * 58}", '"' * 1500, os, None if os is None else "aarch64")
    package = PackageFacts(uri, SHA256, "m" * 63, "1" * 30, job)
    assert [finding.rule for finding in check_recipe(recipe(plan, package))] == ["pre-release"]


def run(script: str, work: Path, artifacts_folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a step as a core does: variables replaced, in the work folder."""
    script = script.replace("{work:path}", str(work)).replace("{artifacts:path}", str(artifacts_folder))
    return subprocess.run(["sh", "-c", script], cwd=work, capture_output=True, check=False)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    work, artifacts_folder = tmp_path / "work of it", tmp_path / "artifacts"
    work.mkdir()
    artifacts_folder.mkdir()
    with tarfile.open(artifacts_folder / "digits-1.0.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("folder/model.so")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"code"))
    return work, artifacts_folder


def linux_steps() -> dict[str, Any]:
    steps: dict[str, Any] = recipe(ComponentPlan("a", "1.0.0", None, "linux", "amd64"), PACKAGE)["Manifests"][0][
        "Lifecycle"
    ]
    return steps


def test_install_replaces_the_work_folders_content(folders: tuple[Path, Path]) -> None:
    work, artifacts_folder = folders
    (work / "old.so").write_bytes(b"an earlier version's")
    (work / "old").mkdir()
    assert run(linux_steps()["install"]["Script"], work, artifacts_folder).returncode == 0
    assert [path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file()] == ["folder/model.so"]
    assert run(linux_steps()["install"]["Script"], work, artifacts_folder).returncode == 0


def test_install_fails_where_the_package_is_not_whole(folders: tuple[Path, Path]) -> None:
    work, artifacts_folder = folders
    (artifacts_folder / "digits-1.0.tar.gz").write_bytes(b"no archive")
    assert run(linux_steps()["install"]["Script"], work, artifacts_folder).returncode != 0


def test_run_says_that_the_model_is_ready_and_stays(folders: tuple[Path, Path]) -> None:
    work, _ = folders
    script = linux_steps()["run"]["Script"].replace("{work:path}", str(work))
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Model digits version 1.0 is ready in {work}\n".encode()
        assert process.poll() is None
        os.kill(process.pid, 15)
        assert process.wait(30) == -15, "the shell gave way to what stays"
