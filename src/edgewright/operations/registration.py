"""Registering a model that was compiled elsewhere: a COMPLETED compilation job without a compilation.

No operation of the API does it; an administrator's command does, on the service's own database and object store.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from edgewright.errors import ObjectNotFound, ObjectReplaced
from edgewright.jobs import CompilationJob, JobKey, JobStore, Status
from edgewright.stores import ObjectStore, S3Uri, version_of

if TYPE_CHECKING:
    from datetime import datetime

DEFAULT_RUNTIME_SECONDS = 900


def request_for(name: str, artifact: str, framework: str, target: str, account: str) -> dict[str, Any]:
    """The CreateCompilationJob request that the registration stands for, to be validated like one.

    Args:
        name: the compilation job's name.
        artifact: URI of the compiled model.
        framework: one of the model's frameworks, such as `PYTORCH`.
        target: a TargetDevice such as `jetson_nano`, or `OS_ARCH` or `OS_ARCH_ACCELERATOR` such as `LINUX_ARM64`.
        account: twelve digits.
    """
    return {
        "CompilationJobName": name,
        "RoleArn": f"arn:aws:iam::{account}:role/edgewright-registered",
        "InputConfig": {"S3Uri": artifact, "Framework": framework},
        "OutputConfig": {"S3OutputLocation": artifact.rpartition("/")[0], **_target(target)},
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_RUNTIME_SECONDS},
    }


def register(jobs: JobStore, objects: ObjectStore, key: JobKey, request: dict[str, Any], now: datetime) -> None:
    """Insert the COMPLETED job, its digest taken from the real object.

    Raises:
        ObjectNotFound: there is no such artifact.
        ResourceInUse: the name is taken.
    """
    artifact = request["InputConfig"]["S3Uri"]
    sha256, size, version = _read(objects, S3Uri.parse(artifact))
    job = CompilationJob(
        key=key,
        role_arn=request["RoleArn"],
        input_config=request["InputConfig"],
        output_config=request["OutputConfig"],
        stopping_condition=request["StoppingCondition"],
        status=Status.COMPLETED,
        created_at=now,
        modified_at=now,
        started_at=now,
        ended_at=now,
        model_artifact=artifact,
        artifact_digest=sha256,
        artifact_size=size,
        artifact_version=version,
        written_uri=str(S3Uri.parse(artifact)),
        written_at=now,
    )
    jobs.insert(job, {})


def _read(objects: ObjectStore, uri: S3Uri) -> tuple[str, int, str | None]:
    """The artifact's SHA-256, its bytes, and the store's name for it."""
    if not objects.exists(uri):
        raise ObjectNotFound(f"No object at {uri}. Upload the compiled model first, then register it.")
    version, digest, size = version_of(objects, uri), hashlib.sha256(), 0
    for piece in objects.read(uri):
        digest.update(piece)
        size += memoryview(piece).nbytes
    if version_of(objects, uri) != version:
        raise ObjectReplaced(f"{uri} was replaced while it was read. Register it once nobody writes it any more.")
    return digest.hexdigest(), size, version


def _target(text: str) -> dict[str, Any]:
    """`LINUX_ARM_EABI_NVIDIA` and the like are platforms; everything else is a device, which validation judges."""
    os_name, _, rest = text.partition("_")
    if os_name not in {"LINUX", "ANDROID"}:
        return {"TargetDevice": text}
    arch = next((name for name in ("X86_64", "X86", "ARM64", "ARM_EABIHF", "ARM_EABI") if rest.startswith(name)), rest)
    accelerator = rest[len(arch) :].removeprefix("_")
    platform = {"Os": os_name, "Arch": arch}
    return {"TargetPlatform": platform | ({"Accelerator": accelerator} if accelerator else {})}
