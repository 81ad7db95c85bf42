"""A small Linux of this machine's own programs, booted by systemd-nspawn for as long as a block lasts.

It has this machine's `/usr`, which it cannot write, and nothing else of it: `/etc` and `/var` are empty and in memory,
there is no network but the loopback, and what runs in it ends with it.
"""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BOOT_SECONDS = 60.0
USER = "gg_component"
"""Components run as this user, as both nuclei's guides have it."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PYTHON = "/usr/bin/python3"
_FILES = {
    "/etc/machine-id": "5f1e4f0cf4b94a5d9d2c4a9f6d1c7b30\n",  # a first boot would enable every service of this machine
    "/etc/hosts": "127.0.0.1 localhost core\n",
    "/etc/sysusers.d/greengrass.conf": f"u ggcore - Greengrass\nu {USER} - Components\n",
}


@dataclass(frozen=True)
class Container:
    """A container that has booted.

    Attributes:
        leader: its first process, as this machine numbers it.
    """

    leader: int

    def run(self, *command: str, check: bool = True, timeout: float = 100) -> str:
        """Run a command in it as root; what it printed, errors included."""
        inside = ["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "--", "env", "--chdir=/"]
        done = subprocess.run(
            [*inside, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
            cwd="/",
            env={"PATH": PATH, "LANG": "C.UTF-8"},
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def path(self, inside: str) -> Path:
        """A file of the container, as this machine sees it."""
        return Path(f"/proc/{self.leader}/root{inside}")


@contextmanager
def booted(folder: Path, files: Mapping[str, str], shown: Mapping[Path, str]) -> Iterator[Container]:
    """A container that has booted, until the block ends.

    Args:
        folder: keeps its log and the files that it is given.
        files: what each file in it holds.
        shown: files and folders of this machine that can be read in it, and where.
    """
    _require()
    log = folder / "container.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [*_command(folder, _FILES | dict(files), shown), "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
        )
    try:
        container = Container(_leader(process, log))
        _wait(container, log)
        yield container
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds:.0f} seconds: {what}"
        time.sleep(0.5)


def _require() -> None:
    assert os.geteuid() == 0, "Containers are for root: run this with sudo."
    for program in ("systemd-nspawn", "nsenter"):
        assert shutil.which(program), f"{program} is missing: install systemd-container and util-linux."


def _command(folder: Path, files: Mapping[str, str], shown: Mapping[Path, str]) -> list[str]:
    given = folder / "files"
    bound = {**shown, **_packages()}
    for number, (inside, text) in enumerate(files.items()):
        path = given / str(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o440 if inside == "/etc/sudoers" else 0o644)
        bound[path] = inside
    return [
        *("systemd-nspawn", "--quiet", "--directory=/", "--volatile=yes", "--machine=core", "--private-network"),
        *("--register=no", "--keep-unit", "--console=pipe", "--boot"),
        *(f"--bind-ro={path}:{inside}" for path, inside in bound.items()),
    ]


def _packages() -> dict[Path, str]:
    """The packages of the interpreter that runs this, where the container's Python finds its own."""
    told = subprocess.run(
        [_PYTHON, "-c", "import site, sysconfig; print(site.getsitepackages()[0], sysconfig.get_python_version())"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={"PATH": PATH},
    )
    target, version = told.stdout.split()
    assert version == sysconfig.get_python_version(), (
        f"{_PYTHON} is {version} and {sys.executable} {sysconfig.get_python_version()}: make .venv with {_PYTHON}, for "
        "the core takes NumPy and ONNX Runtime from it."
    )
    assert Path(target).is_dir(), f"{target} is missing: make the folder, and leave it empty."
    return {Path(site.getsitepackages()[0]): target}


def _leader(process: subprocess.Popen[bytes], log: Path) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        for child in map(int, children.read_text().split()):
            if Path(f"/proc/{child}/exe").readlink().name == "systemd":
                return child
        time.sleep(0.1)
    raise AssertionError(f"no systemd within {BOOT_SECONDS:.0f} seconds: {log.read_text()}")


def _wait(container: Container, log: Path) -> None:
    def ready() -> bool:
        return container.run("systemctl", "is-system-running", check=False).strip() in {"running", "degraded"}

    eventually(ready, BOOT_SECONDS, f"the container's boot: {log.read_text()}")
