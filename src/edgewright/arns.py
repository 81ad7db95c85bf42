"""ARNs: the partition of a region, and the ARNs of components and their versions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

NAME_CHARACTERS: Final = 128

PARTITIONS: Final = {"aws-cn": "cn-", "aws-us-gov": "us-gov-", "aws": ""}
"""By name, what the regions of a partition begin with; the last one has all others."""
_NAME: Final = re.compile(rf"[a-zA-Z0-9_.-]{{1,{NAME_CHARACTERS}}}")
_ARN: Final = re.compile(
    r"arn:(?P<partition>[^:]+):greengrass:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):components:(?P<name>[^:]+)"
    r"(?::versions:(?P<version>[^:]+))?"
)


@dataclass(frozen=True, slots=True)
class ComponentArn:
    """What names a component, or one version of it. Names are case-sensitive.

    Attributes:
        account: twelve digits.
        region: such as `eu-west-1`.
        name: the component's.
        version: a semantic version; None names the component with all its versions.
    """

    account: str
    region: str
    name: str
    version: str | None = None

    def __str__(self) -> str:
        arn = f"arn:{partition(self.region)}:greengrass:{self.region}:{self.account}:components:{self.name}"
        return arn if self.version is None else f"{arn}:versions:{self.version}"

    @classmethod
    def parse(cls, arn: str) -> Self:
        """What an ARN names.

        Raises:
            ValueError: it names no component, or its partition is not the region's.
        """
        match = _ARN.fullmatch(arn)
        if match is None or match["partition"] != partition(match["region"]) or name_fault(match["name"]):
            raise ValueError(f"{arn!r} is not the ARN of a component, or of a version of one.")
        return cls(match["account"], match["region"], match["name"], match["version"])


def name_fault(name: str) -> str | None:
    """What is wrong with a component's name, as the end of a sentence about it; None when nothing is."""
    if len(name) > NAME_CHARACTERS:
        return f"has {len(name)} characters, and {NAME_CHARACTERS} are allowed"
    if not _NAME.fullmatch(name):
        return "may hold letters, digits, hyphens, underscores and dots only, and at least one of them"
    return None


def partition(region: str) -> str:
    """The partition of AWS that a region belongs to."""
    return next(name for name, prefix in PARTITIONS.items() if region.startswith(prefix))
