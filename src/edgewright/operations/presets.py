"""What a packaging job's preset deployment asks for, checked when the job is created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import ValidationFault, about
from edgewright.greengrass.config import MEMBER, parse_config
from edgewright.greengrass.rules import bucket_fault, key_fault

if TYPE_CHECKING:
    from edgewright.operations.access import Request
    from edgewright.stores import S3Uri

TYPE = "PresetDeploymentType"
CONFIG = "PresetDeploymentConfig"


def component_name(request: Request) -> str | None:
    """The name of the component that a request asks for; None where it asks for none, or is to be refused.

    Args:
        request: CreateEdgePackagingJob's, not validated yet but for the job's name, which it has.
    """
    output = request.get("OutputConfig") or {}
    if TYPE not in output:
        return None
    try:
        return parse_config(output.get(CONFIG), request["EdgePackagingJobName"]).name
    except ValidationFault:
        return None


def check(request: Request, package: S3Uri) -> None:
    """Refuse a preset deployment that is sure to fail.

    Args:
        request: CreateEdgePackagingJob's.
        package: where the package will be.

    Raises:
        ValidationFault: a config that cannot be used or has no type beside it, or a place that no core fetches from.
    """
    output = request["OutputConfig"]
    if TYPE not in output:
        if CONFIG in output:
            raise ValidationFault(
                f"'{MEMBER}' was given without 'outputConfig.presetDeploymentType'. Give both or neither."
            )
        return
    parse_config(output.get(CONFIG), request["EdgePackagingJobName"])
    # Cores fetch the package from S3, by an address that they make of its bucket and key.
    with about("modelVersion"):
        _check_version(request["ModelVersion"])
    with about("outputConfig.s3OutputLocation"):
        _check_location(output["S3OutputLocation"], package)


def _check_version(version: str) -> None:
    if " " in version:
        raise ValidationFault(
            f"Value '{version}' at 'modelVersion' cannot be used with 'outputConfig.presetDeploymentType': it becomes "
            "part of the package's key, and Greengrass cores do not fetch keys with spaces. Choose one without, or "
            "leave PresetDeploymentType out."
        )


def _check_location(location: str, package: S3Uri) -> None:
    bucket, key = bucket_fault(package), key_fault(package)
    fault = f"the bucket {package.bucket} {bucket}" if bucket else f"the package's key {key}"
    if bucket or key:
        raise ValidationFault(
            f"Value '{location}' at 'outputConfig.s3OutputLocation' cannot be used with "
            f"'outputConfig.presetDeploymentType': {fault}."
        )
