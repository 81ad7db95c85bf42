"""Guides are run as printed: each `sh` block of a page, in order, beside a real server.

A `python` block that begins with `# NAME.py` is saved under that name; a `text` block is what the `sh` block before it
printed; `<!-- server: stop -->` and `<!-- server: start -->` are where the reader does that.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import textwrap
from contextlib import ExitStack
from pathlib import Path

import pytest

from acceptance.running import clean_environment, serving

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://127.0.0.1:8181"
STEP = re.compile(
    r"^ *<!-- server: (?P<server>stop|start) -->$"
    r"|^ *```(?P<language>sh|python|text)\n(?P<block>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)
PAGES = (
    "tutorial.md",
    "how-to/backup-and-restore.md",
    "how-to/events.md",
    "how-to/monitoring.md",
    "how-to/package-without-a-server.md",
    "how-to/signing-keys.md",
)


class Reader:
    """Somebody who follows a guide in edgewright's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("src", "examples"):
            (folder / name).symlink_to(ROOT / name)
        programs = folder / ".venv" / "bin"
        programs.parent.mkdir()
        programs.symlink_to(Path(sys.executable).parent)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._server = ExitStack()
        self._printed = ""

    def start(self) -> None:
        self._server.enter_context(serving(self._folder / "edgewright-data", "--port", str(self._port)))

    def stop(self) -> None:
        self._server.close()

    def run(self, block: str) -> None:
        """Run one block; what it exports, the next one has."""
        kept = "[ ! -e ../kept ] || . ../kept\n"
        script = f"{kept}{block.replace(ADDRESS, f'http://127.0.0.1:{self._port}')}\nexport -p > ../kept\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder,
            env=clean_environment() | {"HOME": str(self._folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        self._printed += done.stdout

    def save(self, block: str) -> None:
        if name := re.match(r"# (\w+\.py)\n", block):
            (self._folder / name[1]).write_text(block, encoding="utf-8")
        else:
            exec(compile(block, "guide", "exec"), {})  # noqa: S102 - the guide's own example

    def see(self, block: str) -> None:
        """The text was printed, since the last time that any was looked at."""
        assert block in self._printed
        self._printed = ""


@pytest.mark.parametrize("page", PAGES)
def test_a_guide_works_as_printed(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "edgewright"
    folder.mkdir()
    monkeypatch.chdir(folder)
    reader = Reader(folder)
    steps = list(STEP.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")))
    assert sum(step["language"] == "sh" for step in steps) > 1
    reader.start()
    try:
        for step in steps:
            if step["server"]:
                getattr(reader, step["server"])()
            else:
                act = {"sh": reader.run, "python": reader.save, "text": reader.see}[step["language"]]
                act(textwrap.dedent(step["block"]))
    finally:
        reader.stop()


def test_every_page_with_commands_is_run() -> None:
    """By this file, or by one that reads the page itself."""
    tests = {path: path.read_text(encoding="utf-8") for path in Path(__file__).parent.parent.rglob("test_*.py")}
    with_commands = {
        str(path.relative_to(ROOT / "docs"))
        for path in (ROOT / "docs").rglob("*.md")
        if re.search(r"^ *```sh$", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    read_elsewhere = {
        page
        for page in with_commands
        if any(Path(page).name in text for path, text in tests.items() if path != Path(__file__))
    }
    assert with_commands - read_elsewhere == set(PAGES) - read_elsewhere
