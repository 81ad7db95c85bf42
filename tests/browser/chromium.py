"""A Chromium to drive: the machine's own, else one that is installed now; a test never goes without."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL_SECONDS = 600
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Nothing but the pages under test may reach for the network."""


def flags() -> list[str]:
    """What Chromium is started with; root has no sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def executable() -> str | None:
    """The path of a Chromium; None stands for Playwright's own, which is installed by then."""
    found = _on_path()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "install", "-y", "--no-install-recommends", "chromium")
        found = _on_path()
    if found is None:
        installed = _run(sys.executable, "-m", "playwright", "install", "chromium")
        assert installed.returncode == 0, f"no Chromium on this machine, and none to be had:\n{installed.stdout}"
    return found


def _on_path() -> str | None:
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_SECONDS, check=False
    )
