"""What `edgewright demo` shows: one real model, from upload to inference, through the real API."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgewright.cli.connection import Connection, members_of, opened
from edgewright.cli.output import members
from edgewright.demo.digits import Digits, load_digits
from edgewright.errors import EngineUnavailable, ModelRefused
from edgewright.packaging import verify
from edgewright.signing import keys
from edgewright.stores.local_or_s3 import read_file

Say = Callable[[str], None]

REGION = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/edge"
COMPILATION, JOB = "digits-compiled", "digits-packaged"
MODEL, VERSION = "digits", "1.0"
POLL_SECONDS = 0.2
ENDED = frozenset({"COMPLETED", "FAILED", "STOPPED"})


def run(say: Say, *, keep: bool) -> None:
    """Tell the story; every step really happens.

    Args:
        say: prints one line.
        keep: leave the data folder in place, and say where it is.

    Raises:
        ModelRefused: the packaged model's answers are not those that are expected of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="edgewright-demo-"))
    try:
        data = folder / "data"
        with _serving(data, say) as url, opened(Connection(url, REGION, data)) as sagemaker:
            digits = load_digits()
            _upload(digits, data, say)
            _compile(sagemaker, digits, say)
            artifact = _package(sagemaker, say)
        unpacked = _verify(data, artifact, folder / "unpacked", say)
        _infer(digits, unpacked, say)
    finally:
        if keep:
            say(f"Kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _serving(data: Path, say: Say) -> Iterator[str]:
    """`edgewright serve` on a free port, as a process of its own."""
    command = [sys.executable, "-m", "edgewright", "serve", "--port", "0", "--data-dir", str(data)]
    log = data.with_name("server.log")
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)  # noqa: S603 - our own
    try:
        assert process.stdout is not None
        ready = process.stdout.readline().strip()
        if not ready:
            printed = log.read_text(encoding="utf-8", errors="replace").strip()
            raise EngineUnavailable(f"The server ended with exit code {process.wait()} before it was ready: {printed}")
        say(ready)
        yield ready.split()[4]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _upload(digits: Digits, data: Path, say: Say) -> None:
    """s3://bucket/key is a file in the data folder, so uploading is copying."""
    target = data / "objects" / "models" / "digits.tar.gz"
    target.parent.mkdir(parents=True)
    shutil.copyfile(digits.archive, target)
    say(
        f"Uploaded  s3://models/digits.tar.gz, {target.stat().st_size:,} bytes: a convolutional net for digits, in ONNX"
    )


def _compile(sagemaker: Any, digits: Digits, say: Say) -> None:
    sagemaker.create_compilation_job(
        CompilationJobName=COMPILATION,
        RoleArn=ROLE,
        InputConfig={
            "S3Uri": "s3://models/digits.tar.gz",
            "DataInputConfig": digits.data_input_config,
            "Framework": "ONNX",
        },
        OutputConfig={"S3OutputLocation": "s3://models/compiled", "TargetDevice": "rasp4b"},
        StoppingCondition={"MaxRuntimeInSeconds": 900},
    )
    job = _ended(lambda: sagemaker.describe_compilation_job(CompilationJobName=COMPILATION), "CompilationJob", say)
    say(f"Compiled  {job['ModelArtifacts']['S3ModelArtifacts']} for rasp4b")


def _package(sagemaker: Any, say: Say) -> str:
    sagemaker.create_edge_packaging_job(
        EdgePackagingJobName=JOB,
        CompilationJobName=COMPILATION,
        ModelName=MODEL,
        ModelVersion=VERSION,
        RoleArn=ROLE,
        OutputConfig={"S3OutputLocation": "s3://packages"},
        Tags=[{"Key": "made-by", "Value": "edgewright demo"}],
    )
    job = _ended(lambda: sagemaker.describe_edge_packaging_job(EdgePackagingJobName=JOB), "EdgePackagingJob", say)
    say(f"Packaged  {job['ModelArtifact']}")
    say("DescribeEdgePackagingJob says:")
    signature = job["ModelSignature"]
    members(members_of(job) | {"ModelSignature": f"{signature[:60]}... ({len(signature):,} characters)"})
    return str(job["ModelArtifact"])


def _ended(describe: Callable[[], dict[str, Any]], noun: str, say: Say) -> dict[str, Any]:
    """Poll until the job has ended, a line for each status; a job that did not complete ends the story."""
    shown = None
    while True:
        job = describe()
        status = job[f"{noun}Status"]
        if status != shown:
            say(f"          {job[f'{noun}Name']}: {status}")
        shown = status
        if status == "COMPLETED":
            return job
        if status in ENDED:
            raise ModelRefused(job.get("FailureReason") or job.get(f"{noun}StatusMessage") or status)
        time.sleep(POLL_SECONDS)


def _verify(data: Path, artifact: str, folder: Path, say: Say) -> Path:
    package = data / "objects" / artifact.removeprefix("s3://")
    trusted = keys.load_public_key(data / "keys" / "signing.pub.pem")
    verified = verify(read_file(package), [trusted], model_name=MODEL, model_version=VERSION, extract_to=folder)
    say(f"Verified  {package.name}, {package.stat().st_size:,} bytes, signed by {verified.key_id}")
    for file in verified.files:
        say(f"          {file.path}  {file.size:,} bytes  sha256:{file.sha256[:16]}...")
    return folder


def _infer(digits: Digits, folder: Path, say: Say) -> None:
    """Run the held-out samples through the packaged model, as a device would."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when ONNX Runtime is imported; its API is too late for the start
    import numpy as np
    import onnxruntime

    (model,) = folder.glob("*.ort")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows = [session.run(None, {session.get_inputs()[0].name: sample[None]})[0] for sample in digits.samples]
    answers = np.concatenate(rows)
    if not np.allclose(answers, digits.expected, rtol=1e-3, atol=1e-4):
        raise ModelRefused("The packaged model answers otherwise than the model that went in.")
    right = int((answers.argmax(axis=1) == digits.labels).sum())
    say(f"Ran       {len(rows)} held-out samples: {right} right, accuracy {right / len(rows):.1%}")
