"""Real nuclei in a container, behind one face: nucleus lite, and the nucleus in Java.

Neither is provisioned: no AWS account knows them, and they reach no network. All that is deployed is local.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nuclei.container import USER, Container, booted, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOYMENT_SECONDS = 180.0


class Core(Protocol):
    """A core device, as far as local deployments need one."""

    @property
    def container(self) -> Container:
        """Where it runs."""

    @property
    def root(self) -> str:
        """Its root folder in there."""

    def deploy(self, folder: Path, *components: str) -> str:
        """Deploy each `name=version` from a folder of components; SUCCEEDED, or what the nucleus said instead."""

    def runs(self, name: str) -> bool:
        """Whether a component is in its `run`."""

    def log(self, name: str) -> str:
        """All that a component has printed."""

    def restart(self, name: str) -> None:
        """Start a component anew."""


def work(core: Core, name: str) -> Path:
    """A component's work folder, as this machine sees it."""
    return core.container.path(f"{core.root}/work/{name}")


@dataclass(frozen=True)
class Lite:
    """Greengrass nucleus lite: its daemons as systemd's units, and so are the components."""

    container: Container
    programs: str
    root: str = "/var/lib/greengrass"

    def deploy(self, folder: Path, *components: str) -> str:
        before = len(self._ended())
        added = [word for component in components for word in ("--add-component", component)]
        self.container.run(
            f"{self.programs}/ggl-cli", "deploy", "--recipe-dir", f"{folder}/recipes",
            "--artifacts-dir", f"{folder}/artifacts", *added,
        )  # fmt: skip
        eventually(lambda: len(self._ended()) > before, DEPLOYMENT_SECONDS, "the deployment's end")
        return self._ended()[-1]

    def runs(self, name: str) -> bool:
        return self.container.run("systemctl", "is-active", f"ggl.{name}.service", check=False).strip() == "active"

    def log(self, name: str) -> str:
        return self.container.run("journalctl", "--all", "--no-pager", "--output=cat", "-t", name)

    def restart(self, name: str) -> None:
        self.container.run("systemctl", "restart", f"ggl.{name}.service")

    def _ended(self) -> list[str]:
        return re.findall(r"reporting job as (\w+)", self.log("ggdeploymentd"))


@contextmanager
def lite(prefix: Path, components: Path, folder: Path) -> Iterator[Lite]:
    """Nucleus lite, with its own units; left out are the daemons that do nothing but talk to AWS.

    Args:
        prefix: where it is installed, with `bin` and `lib/systemd/system` in it.
        components: what it will deploy from.
        folder: for the container's files.
    """
    units = _units(prefix)
    files = {f"/etc/systemd/system/{name}": text for name, text in units.items()} | {
        "/etc/greengrass/config.yaml": _LITE,
        "/etc/tmpfiles.d/greengrass.conf": f"d {Lite.root} 0755 ggcore ggcore -\n",
    }
    with booted(folder, files, {prefix: str(prefix), components: str(components)}) as container:
        container.run("systemctl", "start", *(name for name in units if name.endswith(".socket")))
        container.run("systemctl", "start", *units)
        yield Lite(container, str(prefix / "bin"))


_CLOUD = ("aws_iot_tes", "aws_iot_mqtt", "fleet", "iotcored", "tesd", "TokenExchangeService")
_LITE = f"""---
system:
  privateKeyPath: ""
  certificateFilePath: ""
  rootCaPath: ""
  rootPath: "{Lite.root}"
  thingName: "core"
services:
  aws.greengrass.NucleusLite:
    componentType: "NUCLEUS"
    configuration:
      awsRegion: "eu-west-1"
      runWithDefault:
        posixUser: "{USER}:{USER}"
      greengrassDataPlanePort: "8443"
"""


def _units(prefix: Path) -> dict[str, str]:
    """Its units, which name the folder that it was built for: here it may be in another."""
    found = {}
    for path in sorted((prefix / "lib" / "systemd" / "system").glob("*")):
        if not any(word in path.name for word in _CLOUD):
            found[path.name] = re.sub(r"(?m)^ExecStart=\S*/", f"ExecStart={prefix}/bin/", path.read_text())
    assert "ggl.core.ggdeploymentd.service" in found, f"{prefix} has no nucleus lite: wanted its units and bin/ in it."
    return found


@dataclass(frozen=True)
class Classic:
    """The nucleus in Java, with the component aws.greengrass.Cli as a plugin."""

    container: Container
    jars: Path
    root: str = "/greengrass/v2"

    def deploy(self, folder: Path, *components: str) -> str:
        merged = [word for component in components for word in ("--merge", component)]
        told = self._cli(
            "deployment", "create", "--recipeDir", f"{folder}/recipes", "--artifactDir", f"{folder}/artifacts", *merged
        )
        found = re.search(r"Deployment Id: (\S+)", told)
        assert found, told
        status = ""

        def ended() -> bool:
            nonlocal status
            status = self._cli("deployment", "status", "-i", found[1])
            return re.search(r": (?:SUCCEEDED|FAILED|CANCELED|REJECTED)\b", status) is not None

        eventually(ended, DEPLOYMENT_SECONDS, f"the deployment's end: {status}")
        return "SUCCEEDED" if ": SUCCEEDED" in status else status

    def runs(self, name: str) -> bool:
        told = self._cli("component", "details", "--name", name)
        return "State: RUNNING" in told

    def log(self, name: str) -> str:
        path = self.container.path(f"{self.root}/logs/{name}.log")
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def restart(self, name: str) -> None:
        self._cli("component", "restart", "--names", name)

    def _cli(self, *arguments: str) -> str:
        return self.container.run(
            "java", "-cp", f"{self.jars}/*",
            "com.aws.greengrass.cli.CLI", "--ggcRootPath", self.root, *arguments,
        )  # fmt: skip


@contextmanager
def classic(jars: Path, components: Path, folder: Path) -> Iterator[Classic]:
    """The nucleus in Java, as a service, and its command line ready.

    Args:
        jars: holds `Greengrass.jar`, `aws.greengrass.Cli.jar` and `greengrass-cli.jar`.
        components: what it will deploy from.
        folder: for the container's files.
    """
    for name in ("Greengrass.jar", "aws.greengrass.Cli.jar", "greengrass-cli.jar"):
        assert (jars / name).is_file(), f"{jars} has no {name}: see CONTRIBUTING.md."
    files = {
        "/etc/systemd/system/greengrass.service": _service(jars),
        "/etc/greengrass-config.yaml": _CLASSIC,
        # It runs components as another user by way of sudo, which wants to be told that root may.
        "/etc/sudoers": "root ALL=(ALL:ALL) NOPASSWD: ALL\n",
        "/etc/pam.d/sudo": "auth sufficient pam_permit.so\naccount sufficient pam_permit.so\n"
        "session sufficient pam_permit.so\n",
    }
    java = {
        path: str(path) for path in (Path("/etc/ssl"), *Path("/etc").glob("java-*-openjdk"), Path("/etc/alternatives"))
    }
    shown = {jars: str(jars), components: str(components)} | {path: at for path, at in java.items() if path.is_dir()}
    with booted(folder, files, shown) as container:
        container.run("systemctl", "start", "greengrass.service")
        told = container.path(f"{Classic.root}/cli_ipc_info")
        eventually(lambda: told.is_dir() and any(told.iterdir()), 60, "the nucleus's start")
        yield Classic(container, jars)


_CLASSIC = f"""---
services:
  aws.greengrass.Nucleus:
    componentType: "NUCLEUS"
    version: "2.0.0"
    configuration:
      awsRegion: "us-east-1"
      runWithDefault:
        posixUser: "{USER}:{USER}"
"""


def _service(jars: Path) -> str:
    return f"""[Service]
Type=exec
ExecStart=java -Xmx600m -Dlog.store=FILE -Droot={Classic.root} -cp {jars}/Greengrass.jar \\
    com.aws.greengrass.easysetup.GreengrassSetup --root {Classic.root} --init-config /etc/greengrass-config.yaml \\
    --component-default-user {USER}:{USER} --provision false --setup-system-service false \\
    --trusted-plugin {jars}/aws.greengrass.Cli.jar --start true
"""
