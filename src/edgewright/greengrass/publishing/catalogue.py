"""Component versions of a running service, found and fetched through its API by boto3's clients."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError

from edgewright.errors import ResourceNotFound, ServiceRefused, ServiceUnreachable
from edgewright.stores import PIECE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Buffer

    from edgewright.greengrass.recipe_artifacts import Artifact

SECONDS: Final = 60.0
"""How long the service may keep a reader waiting for more of an artifact."""

_JOB: Final = ":edge-packaging-job/"


@dataclass(frozen=True, slots=True)
class ComponentVersion:
    """A component version as a service has it.

    Attributes:
        arn: the version's.
        recipe: JSON.
        client: boto3's `greengrassv2` client of the service.
    """

    arn: str
    recipe: bytes
    client: Any

    def fetch(self, artifact: Artifact) -> Iterator[Buffer]:
        """An artifact's bytes, unchecked.

        Raises:
            ServiceRefused, ServiceUnreachable: the service does not hand it out, or broke off.
        """
        name = str(artifact.uri).removeprefix("s3://")
        answer = self.client.get_component_version_artifact(arn=self.arn, artifactName=name)
        return _downloaded(answer["preSignedUrl"], artifact)


def find(sagemaker: Any, greengrass: Any, named: str) -> ComponentVersion:
    """The component version of that ARN, or that an edge packaging job made.

    Args:
        sagemaker: boto3's client of the service.
        greengrass: boto3's `greengrassv2` client of the service.
        named: a job's name or ARN, or the ARN of a component version.

    Raises:
        ResourceNotFound: the job made no component.
    """
    arn = named if named.startswith("arn:") and _JOB not in named else _made_by(sagemaker, named.rpartition(_JOB)[2])
    recipe = greengrass.get_component(arn=arn, recipeOutputFormat="JSON")["recipe"]
    return ComponentVersion(arn, recipe, greengrass)


def region_of(named: str) -> str | None:
    """The region that an ARN names; None for a job's name."""
    parts = named.split(":")
    return parts[3] if parts[0] == "arn" and len(parts) > 5 else None


def _made_by(sagemaker: Any, name: str) -> str:
    job: Mapping[str, Any] = sagemaker.describe_edge_packaging_job(EdgePackagingJobName=name)
    made = job.get("PresetDeploymentOutput", {})
    if made.get("Artifact"):
        return str(made["Artifact"])
    if made:
        reason = made.get("StatusMessage") or f"its preset deployment is {made.get('Status')}"
    elif "PresetDeploymentType" in job["OutputConfig"]:
        reason = f"it is {job['EdgePackagingJobStatus']}"
    else:
        reason = "its OutputConfig has no PresetDeploymentType, which would be GreengrassV2Component"
    raise ResourceNotFound(f"The job {name} has made no component: {reason}.")


def _downloaded(url: str, artifact: Artifact) -> Iterator[Buffer]:
    done = 0
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - the service's own address
            size = answer.length
            while piece := answer.read(PIECE):
                done += len(piece)
                yield piece
    except HTTPError as error:
        raise ServiceRefused(f"{artifact.uri} is not served: HTTP status {error.code} {error.reason}.") from error
    except (URLError, OSError) as error:
        raise ServiceUnreachable(f"{artifact.uri} could not be fetched: {error}.") from error
    if size not in {None, done}:
        raise ServiceRefused(
            f"The service broke off {artifact.uri} after {done} of {size} bytes: what is there may not be the package "
            "any more, which `edgewright jobs verify` tells. Else try again."
        )
