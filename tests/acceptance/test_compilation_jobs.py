"""Compilation jobs as boto3 sees them: a real model, really compiled, and everything that is refused."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from botocore.exceptions import ClientError

from acceptance.running import (
    ACCOUNT,
    REGION,
    ROLE,
    RunningServer,
    clean_environment,
    command,
    serving,
    wait_for_compilation,
)
from edgewright.demo.digits import load_digits
from unit.compiling.test_compiled_memory import SMALL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENDED = {"COMPLETED", "FAILED", "STOPPED"}


@pytest.fixture(scope="session")
def model(server: RunningServer) -> str:
    """The URI of an uploaded ONNX model."""
    return server.put("models", "digits.tar.gz", load_digits().archive.read_bytes())


def compile_request(name: str, model: str, **changes: Any) -> dict[str, Any]:
    """A valid CreateCompilationJob request."""
    request: dict[str, Any] = {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {
            "S3Uri": model,
            "DataInputConfig": load_digits().data_input_config,
            "Framework": "ONNX",
        },
        "OutputConfig": {"S3OutputLocation": "s3://compiled/out/", "TargetDevice": "rasp4b"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    return request | changes


@pytest.mark.parametrize(
    ("target", "file_name"),
    [
        ({"TargetDevice": "rasp4b"}, "digits-rasp4b.tar.gz"),
        ({"TargetPlatform": {"Os": "LINUX", "Arch": "ARM64"}}, "digits-LINUX_ARM64.tar.gz"),
    ],
)
def test_a_model_is_compiled(
    server: RunningServer, sagemaker: Any, model: str, target: dict[str, Any], file_name: str
) -> None:
    name = f"compiled-{len(file_name)}"
    output = {"S3OutputLocation": "s3://compiled/out/", **target}
    created = sagemaker.create_compilation_job(**compile_request(name, model, OutputConfig=output))
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:compilation-job/{name}"
    assert created["CompilationJobArn"] == arn
    job = wait_for_compilation(sagemaker, name)
    assert job["CompilationJobStatus"] == "COMPLETED", job
    assert job["FailureReason"] == ""
    assert job["OutputConfig"] == output
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://compiled/out/{file_name}"
    artifact = server.object(job["ModelArtifacts"]["S3ModelArtifacts"]).read_bytes()
    assert job["ModelDigests"]["ArtifactDigest"] == hashlib.sha256(artifact).hexdigest()
    assert job["CreationTime"].replace(microsecond=0) <= job["CompilationStartTime"] <= job["CompilationEndTime"]
    with tarfile.open(fileobj=io.BytesIO(artifact)) as tar:
        assert [name for name in tar.getnames() if name.endswith(".ort")]
        assert not [name for name in tar.getnames() if name.endswith(".json")]


def test_listing_summarises_target_and_times(sagemaker: Any, model: str) -> None:
    sagemaker.create_compilation_job(**compile_request("listed-compilation", model))
    wait_for_compilation(sagemaker, "listed-compilation")
    (summary,) = sagemaker.list_compilation_jobs(NameContains="listed-c")["CompilationJobSummaries"]
    assert summary["CompilationTargetDevice"] == "rasp4b"
    assert summary["CompilationJobStatus"] == "COMPLETED"
    assert summary["CompilationEndTime"] >= summary["CompilationStartTime"]
    assert "CompilationTargetPlatformOs" not in summary


def test_a_model_that_is_not_there_fails_in_the_words_of_aws(sagemaker: Any) -> None:
    sagemaker.create_compilation_job(**compile_request("no-model", "s3://models/nothing.tar.gz"))
    job = wait_for_compilation(sagemaker, "no-model")
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"] == (
        "ClientError: InputConfiguration: S3 object does not exist. Bucket: models, Key: nothing.tar.gz"
    )
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == ""


def test_an_input_shape_that_is_not_the_models_fails(sagemaker: Any, model: str) -> None:
    config = {"S3Uri": model, "DataInputConfig": '{"image": [1, 3, 224, 224]}', "Framework": "ONNX"}
    sagemaker.create_compilation_job(**compile_request("bad-shape", model, InputConfig=config))
    job = wait_for_compilation(sagemaker, "bad-shape")
    assert job["CompilationJobStatus"] == "FAILED"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "image" in job["FailureReason"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda request: request["InputConfig"].update(Framework="DARKNET"), "ONNX"),
        (lambda request: request["OutputConfig"].update(TargetDevice="ml_inf1"), "rasp4b"),
        (lambda request: request["OutputConfig"].pop("TargetDevice"), "TargetDevice"),
        (
            lambda request: request["OutputConfig"].update(TargetPlatform={"Os": "LINUX", "Arch": "ARM64"}),
            "TargetPlatform",
        ),
        (lambda request: request["OutputConfig"].update(KmsKeyId="some-key"), "kmsKeyId"),
        (lambda request: request.update(VpcConfig={"SecurityGroupIds": ["sg"], "Subnets": ["s"]}), "VpcConfig"),
        (lambda request: request["StoppingCondition"].update(MaxWaitTimeInSeconds=900), "MaxWaitTimeInSeconds"),
        (lambda request: request.pop("InputConfig"), "InputConfig"),
        (lambda request: request.update(RoleArn="arn:aws:iam::000000000000:role/x"), "Could not assume role"),
    ],
)
def test_what_cannot_be_done_is_refused_at_create(
    sagemaker: Any, model: str, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    request = compile_request("refused-compilation", model)
    change(request)
    with pytest.raises(ClientError) as raised:
        sagemaker.create_compilation_job(**request)
    assert raised.value.response["Error"]["Code"] == "ValidationException"
    assert words in raised.value.response["Error"]["Message"]
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_compilation_job(CompilationJobName="refused-compilation")


def test_deleting_frees_the_name_and_keeps_the_artifact(server: RunningServer, sagemaker: Any, model: str) -> None:
    for _ in range(2):
        sagemaker.create_compilation_job(**compile_request("deleted", model))
        job = wait_for_compilation(sagemaker, "deleted")
        assert job["CompilationJobStatus"] == "COMPLETED"
        sagemaker.delete_compilation_job(CompilationJobName="deleted")
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            sagemaker.describe_compilation_job(CompilationJobName="deleted")
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            sagemaker.delete_compilation_job(CompilationJobName="deleted")
    assert server.object(job["ModelArtifacts"]["S3ModelArtifacts"]).exists()


def test_stopping_an_ended_job_is_refused(sagemaker: Any, model: str) -> None:
    sagemaker.create_compilation_job(**compile_request("ended", model))
    wait_for_compilation(sagemaker, "ended")
    with pytest.raises(ClientError, match="the compilation job is in status COMPLETED"):
        sagemaker.stop_compilation_job(CompilationJobName="ended")
    with pytest.raises(sagemaker.exceptions.ResourceInUse):
        sagemaker.create_compilation_job(**compile_request("ended", model))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--artifact", "s3://models/none.tar.gz", "--framework", "ONNX", "--target", "rasp4b"], "No object at"),
        (["--artifact", "s3://models/digits.tar.gz", "--framework", "CAFFE", "--target", "rasp4b"], "framework"),
        (["--artifact", "s3://models/digits.tar.gz", "--framework", "ONNX", "--target", "toaster"], "targetDevice"),
        (["--artifact", "nowhere", "--framework", "ONNX", "--target", "rasp4b"], "s3Uri"),
    ],
)
def test_registering_nonsense_is_refused_in_one_line(
    server: RunningServer, model: str, arguments: list[str], words: str
) -> None:
    done = subprocess.run(
        command("compilations", "register", "nonsense", *arguments, "--data-dir", str(server.data_dir)),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_registered_platform_target_is_described(server: RunningServer, sagemaker: Any, model: str) -> None:
    subprocess.run(
        command(
            "compilations", "register", "platform", "--artifact", model, "--framework", "TFLITE",
            "--target", "LINUX_ARM64_NVIDIA", "--region", REGION, "--data-dir", str(server.data_dir),
        ),
        check=True,
        capture_output=True,
        env=clean_environment(),
    )  # fmt: skip
    job = sagemaker.describe_compilation_job(CompilationJobName="platform")
    assert job["OutputConfig"]["TargetPlatform"] == {"Os": "LINUX", "Arch": "ARM64", "Accelerator": "NVIDIA"}
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == model


def test_a_small_model_that_would_become_a_large_one_takes_little_memory(tmp_path: Path) -> None:
    """A model of some hundred bytes that is 800 MB of zeros once ONNX Runtime has computed them, three times over."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        member = tarfile.TarInfo("m.onnx")
        content = SMALL["ConstantOfShape"].SerializeToString()
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    assert len(archive.getvalue()) < 300
    peaks: dict[int, int] = {}
    with serving(tmp_path / "data") as server:
        config = {"S3Uri": server.put("models", "small.tar.gz", archive.getvalue()), "Framework": "ONNX"}
        sagemaker = server.client()
        sagemaker.create_compilation_job(**compile_request("small", config["S3Uri"], InputConfig=config))
        ours = psutil.Process(server.process.pid)
        while sagemaker.describe_compilation_job(CompilationJobName="small")["CompilationJobStatus"] not in ENDED:
            for process in (ours, *ours.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    peaks[process.pid] = max(peaks.get(process.pid, 0), process.memory_info().rss)
            with urllib.request.urlopen(f"{server.url}/health/live", timeout=30) as answer:
                assert answer.status == 200
        assert wait_for_compilation(sagemaker, "small")["CompilationJobStatus"] == "COMPLETED"
    assert len(peaks) >= 3, "the server, its worker and the compiler were seen"
    assert max(peaks.values()) < 300 * 1024**2, peaks
