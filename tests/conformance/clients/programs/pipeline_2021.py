"""A deployment pipeline as they were written in 2021, with SageMaker's and S3's boto3 clients.

Compiles a model, packages it for the edge, polls as the SageMaker Python SDK v2 does (until the status is neither
STARTING nor INPROGRESS), downloads the package, unpacks it and reads its manifest. Arguments: the training output,
its framework, its input shape, a target device, a role. Prints what it got as JSON.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import boto3

MODEL_NAME, MODEL_VERSION = "line-3-inspector", "2.1"
POLL_SECONDS = 0.5  # the SDK takes 30 s for a compilation, 5 s for a package


def finished(describe: Any, name: str, kind: str) -> dict[str, Any]:
    """The job's description once it runs no more; what is not COMPLETED ends the pipeline."""
    job: dict[str, Any] = describe(**{f"{kind}Name": name})
    while job[f"{kind}Status"] in {"STARTING", "INPROGRESS"}:
        time.sleep(POLL_SECONDS)
        job = describe(**{f"{kind}Name": name})
    if job[f"{kind}Status"] != "COMPLETED":
        sys.exit(f"{kind} {name}: {job[f'{kind}Status']}, {job.get('FailureReason') or job[f'{kind}StatusMessage']}")
    return job


trained, framework, input_shape, device, role = sys.argv[1:]
bucket = urlparse(trained).netloc
sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")

sagemaker.create_compilation_job(
    CompilationJobName="inspector-neo",
    RoleArn=role,
    InputConfig={"S3Uri": trained, "DataInputConfig": input_shape, "Framework": framework},
    OutputConfig={"S3OutputLocation": f"s3://{bucket}/compiled/", "TargetDevice": device},
    StoppingCondition={"MaxRuntimeInSeconds": 900},
)
compiled = finished(sagemaker.describe_compilation_job, "inspector-neo", "CompilationJob")

sagemaker.create_edge_packaging_job(
    EdgePackagingJobName="inspector-package",
    CompilationJobName="inspector-neo",
    ModelName=MODEL_NAME,
    ModelVersion=MODEL_VERSION,
    RoleArn=role,
    OutputConfig={"S3OutputLocation": f"s3://{bucket}/packaged/"},
)
packaged = finished(sagemaker.describe_edge_packaging_job, "inspector-package", "EdgePackagingJob")

place = urlparse(packaged["ModelArtifact"])
with tempfile.TemporaryDirectory() as folder:
    archive = Path(folder) / "model.tar.gz"
    s3.download_file(place.netloc, place.path.lstrip("/"), str(archive))
    with tarfile.open(archive) as tar:
        tar.extractall(Path(folder) / "model", filter="data")
    unpacked = Path(folder) / "model"
    manifest = json.loads((unpacked / "sagemaker_edge_manifest").read_text(encoding="utf-8"))
    json.dump(
        {
            "compiled": compiled["ModelArtifacts"]["S3ModelArtifacts"],
            "package": packaged["ModelArtifact"],
            "signature": packaged["ModelSignature"],
            "metadata": manifest["metadata"],
            "files": sorted(str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()),
        },
        sys.stdout,
    )
