"""A Greengrass nucleus as far as a local deployment needs one: it lays files out as real ones do, and runs lifecycles.

It is made from what both nuclei do: artifacts come from `<artifacts>/<name>/<version>/`, variables are put into the
scripts, a shell runs them in the component's work folder, and a component starts once those that it needs run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from acceptance.running import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class DeploymentRefused(Exception):
    """The nucleus does not deploy this."""


@dataclass
class Nucleus:
    """A nucleus on its root folder.

    Attributes:
        root: `/greengrass/v2` on a device.
        lite: whether it is nucleus lite, which checks no digest in a local deployment.
    """

    root: Path
    lite: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    def deploy(self, recipes: Path, artifacts: Path, name: str, version: str) -> subprocess.Popen[str]:
        """Bring a component to its `run`, after those that it depends on; the process that runs it."""
        recipe = json.loads((recipes / f"{name}-{version}.json").read_text(encoding="utf-8"))
        for needed in recipe.get("ComponentDependencies", {}):
            if needed not in self.running:
                raise DeploymentRefused(f"{name} needs {needed}, which does not run")
        manifest = next(found for found in recipe["Manifests"] if self._fits(found["Platform"]))
        self._place(manifest.get("Artifacts", ()), artifacts / name / version, name, version)
        variables = {
            "artifacts:path": str(self._artifacts(name, version)),
            "work:path": str(self.work(name)),
            "kernel:rootPath": str(self.root),
        }
        steps = {step: self._script(recipe, value, variables) for step, value in manifest["Lifecycle"].items()}
        if "install" in steps:
            process = self._start(name, steps["install"])
            said, _ = process.communicate(timeout=60)
            if process.returncode:
                raise DeploymentRefused(f"install of {name} ended with {process.returncode}: {said}")
        self.running[name] = self._start(name, steps["run"])
        return self.running[name]

    def work(self, name: str) -> Path:
        """A component's work folder."""
        path = self.root / "work" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def stop(self) -> None:
        """End all components."""
        for process in self.running.values():
            process.kill()
            process.communicate()

    def _fits(self, platform: Mapping[str, str]) -> bool:
        return platform["os"] in {"linux", "*"} and (not self.lite or platform.get("runtime") == "*")

    def _artifacts(self, name: str, version: str) -> Path:
        return self.root / "packages" / "artifacts" / name / version

    def _place(self, artifacts: Any, given: Path, name: str, version: str) -> None:
        target = self._artifacts(name, version)
        target.mkdir(parents=True, exist_ok=True)
        for artifact in artifacts:
            file = given / artifact["Uri"].rpartition("/")[2]
            digest = base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()
            if not self.lite and (artifact["Algorithm"], artifact["Digest"]) != ("SHA-256", digest):
                raise DeploymentRefused(f"{file.name} is not of the recipe's digest")
            shutil.copyfile(file, target / file.name)

    @staticmethod
    def _script(recipe: Mapping[str, Any], step: Any, variables: Mapping[str, str]) -> str:
        script = str(step if isinstance(step, str) else step["Script"])
        for variable, value in variables.items():
            script = script.replace(f"{{{variable}}}", value)
        for key, value in recipe.get("ComponentConfiguration", {}).get("DefaultConfiguration", {}).items():
            script = script.replace(f"{{configuration:/{key}}}", str(value))
        return script

    def _start(self, name: str, script: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["sh", "-c", script],
            cwd=self.work(name),
            env=clean_environment() | dict(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
