"""What is packaged: a model's name and version, and where it was compiled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from edgewright.errors import ValidationFault

MANIFEST_NAME: Final = "sagemaker_edge_manifest"

# The patterns and lengths of ModelName and ModelVersion in SageMaker's service model, API version 2017-07-24.
_NAME: Final = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_VERSION: Final = re.compile(r"[a-zA-Z0-9 _.]{1,30}")
_NAME_LENGTH: Final = 63


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its package names it.

    Attributes:
        name: letters, digits and inner hyphens, 63 at most.
        version: letters, digits, spaces, underscores and dots, 30 at most.
        compilation_job: the job whose artifact is packaged, where there was one.
        source_sha256: of that artifact, in hexadecimal, where the job recorded it and what is packaged was compared.
        target: the device or platform that the artifact was compiled for, where it is known.

    Raises:
        ValidationFault: a name or version that the API would not take either.
    """

    name: str
    version: str
    compilation_job: str | None = None
    source_sha256: str | None = field(default=None, kw_only=True)
    target: str | None = None

    def __post_init__(self) -> None:
        if len(self.name) > _NAME_LENGTH or not _NAME.fullmatch(self.name):
            raise ValidationFault(
                f"The model name {self.name!r} cannot be used: take 1 to 63 letters, digits and hyphens between them."
            )
        if not _VERSION.fullmatch(self.version):
            raise ValidationFault(
                f"The model version {self.version!r} cannot be used: "
                "take 1 to 30 letters, digits, spaces, underscores and dots."
            )


def package_name(model: Model) -> str:
    """The package's own file name: `<name>-<version>.tar.gz`."""
    return f"{model.name}-{model.version}.tar.gz"
