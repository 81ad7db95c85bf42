"""What a way of publishing is: components of jobs, brought to where cores are given them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from typing_extensions import Buffer

    from edgewright.arns import ComponentArn
    from edgewright.greengrass.recipe_artifacts import Artifact
    from edgewright.stores import S3Uri

Fetch = Callable[["Artifact"], Iterable["Buffer"]]
"""Returns an artifact's bytes."""


@dataclass(frozen=True, slots=True)
class Published:
    """A version that cores can be given.

    Attributes:
        arn: the version's, where it was published.
        artifacts: where its artifacts are.
        new: whether this call made it; otherwise the same was there already.
    """

    arn: str
    artifacts: tuple[S3Uri, ...]
    new: bool


class Publisher(Protocol):
    """Publishes the components of jobs, into the region of each unless another is set.

    Both methods raise ServiceRefused, ServiceUnreachable and SettingsRefused.
    """

    def publish(self, region: str, recipe: bytes, fetch: Fetch) -> Published:
        """Publish a version and wait until it can be deployed; done again, it changes nothing.

        Raises:
            PackageRefused: an artifact's bytes are not those of the recipe's digest.
            ComponentExists: the version is there with other artifacts.
        """
        ...

    def withdraw(self, region: str, key: ComponentArn, job_arn: str, since: datetime) -> str | None:
        """Delete a version if this job published it; its ARN, or None where there is nothing of the job's."""
        ...
