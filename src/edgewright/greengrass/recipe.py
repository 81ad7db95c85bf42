"""From a package to the recipe of the component that holds it.

The component has one artifact, the package itself; its `install` unpacks it into the component's work folder, where
other components find the model, and its `run` stays, because those that depend on it run as long as it does. Decisions
0050 to 0052 record what was chosen.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgewright.greengrass.config import ComponentPlan
    from edgewright.stores import S3Uri

FORMAT_VERSION: Final = "2020-01-25"
PUBLISHER: Final = "edgewright"
JOB_ARN: Final = "EdgePackagingJobArn"
"""The key under DefaultConfiguration that says which job made the component."""
INSTALL_SECONDS: Final = 3600
"""What unpacking may take: Greengrass itself would give it 120 seconds, too few for a large model on a slow disk."""


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What a recipe says of its package.

    Attributes:
        uri: where the package is.
        sha256: of the package, in hexadecimal.
        model_name: as the package has it; so is model_version.
        job_arn: the edge packaging job that made it.
    """

    uri: S3Uri
    sha256: str
    model_name: str
    model_version: str
    job_arn: str

    @property
    def file(self) -> str:
        """The package's file name on a core: the last part of its key."""
        return self.uri.key.rpartition("/")[2]


def recipe(plan: ComponentPlan, package: PackageFacts) -> dict[str, Any]:
    """The component's recipe, as JSON values."""
    return {
        "RecipeFormatVersion": FORMAT_VERSION,
        "ComponentName": plan.name,
        "ComponentVersion": plan.version,
        "ComponentType": "aws.greengrass.generic",
        "ComponentDescription": plan.description or _description(package),
        "ComponentPublisher": PUBLISHER,
        "ComponentConfiguration": {
            "DefaultConfiguration": {
                "ModelName": package.model_name,
                "ModelVersion": package.model_version,
                "PackageSha256": package.sha256,
                JOB_ARN: package.job_arn,
            }
        },
        "Manifests": _manifests(plan, package),
    }


def made_by(recipe: Mapping[str, Any]) -> str | None:
    """The ARN of the edge packaging job that a recipe says it is of; None for one of another making."""
    values = (recipe.get("ComponentConfiguration") or {}).get("DefaultConfiguration") or {}
    named = values.get(JOB_ARN)
    return named if isinstance(named, str) else None


def dump(document: object) -> bytes:
    """A recipe as compact JSON text, its keys in their order."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _manifests(plan: ComponentPlan, package: PackageFacts) -> list[dict[str, Any]]:
    """One manifest for a system that was asked for. For every system two: a core takes the first that fits."""
    if plan.os is None:
        return [_manifest("windows", "*", package), _manifest("*", "*", package)]
    return [_manifest(plan.os, plan.architecture or "*", package)]


def _manifest(os: str, architecture: str, package: PackageFacts) -> dict[str, Any]:
    return {
        "Platform": {"os": os, "architecture": architecture, "runtime": "*"},
        "Lifecycle": _on_windows(package) if os == "windows" else _on_linux(package),
        "Artifacts": [
            {
                "Uri": str(package.uri),
                "Unarchive": "NONE",
                "Permission": {"Read": "ALL", "Execute": "NONE"},
                "Digest": base64.b64encode(bytes.fromhex(package.sha256)).decode(),
                "Algorithm": "SHA-256",
            }
        ],
    }


def _description(package: PackageFacts) -> str:
    """What a component says of itself when the caller gave no description.

    It always says something: lite 2.6 writes `Description=` without an end of line where there is none, and what makes
    the component part of the nucleus's target is swallowed by it (`recipe2unit`, seen on a core).
    """
    return f"Model {package.model_name} version {package.model_version}"


def _on_linux(package: PackageFacts) -> dict[str, Any]:
    """What an earlier version of the component left goes first, hidden files too: two models would be mixed."""
    unpack = (
        f'find "{{work:path}}" -mindepth 1 -delete && tar -xzf "{{artifacts:path}}/{package.file}" -C "{{work:path}}"'
    )
    return {
        "install": {"Script": unpack, "Timeout": INSTALL_SECONDS},
        "run": {"Script": f'echo "{_ready(package)} in {{work:path}}"; exec sleep infinity'},
    }


def _on_windows(package: PackageFacts) -> dict[str, Any]:
    """As on Linux, in the words of PowerShell; a step runs in the component's work folder."""
    unpack = (
        "Get-ChildItem -Force | Remove-Item -Recurse -Force; "
        f"tar -xzf '{{artifacts:path}}\\{package.file}'; exit $LASTEXITCODE"
    )
    stay = f"Write-Output '{_ready(package)} in {{work:path}}'; [Threading.Thread]::Sleep(-1)"
    return {
        "install": {"Script": _powershell(unpack), "Timeout": INSTALL_SECONDS},
        "run": {"Script": _powershell(stay)},
    }


def _powershell(command: str) -> str:
    return f'powershell -NoProfile -NonInteractive -Command "{command}"'


def _ready(package: PackageFacts) -> str:
    return f"Model {package.model_name} version {package.model_version} is ready"
