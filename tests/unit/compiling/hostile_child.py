"""A child that a model has taken over: it leaves what its archive, a text, says. Started in place of the real one."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ANSWER = {"compiled": {"inputs": [], "outputs": [], "toolchain": {"a": "1"}}}


def main() -> None:
    request = json.loads(sys.stdin.readline())
    work, asked = Path(request["work"]), os.read(request["archive"], 2000).decode()
    os.chdir(work)
    answer, artifact = Path("answer.json"), Path("artifact.tar.gz")
    answer.write_text(json.dumps(ANSWER))
    artifact.write_bytes(b"an artifact")
    what, _, more = asked.partition(" ")  # the second is a path, or the answer itself
    if what.startswith("artifact-"):
        artifact.unlink()
        _special(artifact, what.removeprefix("artifact-"), more)
    elif what.startswith("answer-"):
        answer.unlink()
        _special(answer, what.removeprefix("answer-"), more)
    elif what == "answer":
        answer.write_text(more)
    elif what == "log-link":
        (work.parent / "stderr").unlink()
        for path in (work / "stderr", work.parent / "stderr"):
            path.symlink_to(more)
        os.kill(os.getpid(), 9)
    elif what == "unprintable":
        sys.stderr.write("\0\x1b[2J\x07\n")
        answer.write_text(json.dumps({"refused": "\0\x1b \ud800" + "x" * 100_000}))
    elif what == "deep":
        _deep(work)


def _special(path: Path, kind: str, other: str) -> None:
    if kind == "link":
        path.symlink_to(other)
    elif kind == "hard-link":
        path.hardlink_to(other)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            file.truncate(10**13)


def _deep(work: Path) -> None:
    (work / "closed").mkdir()
    (work / "closed" / "file").touch()
    (work / "closed").chmod(0)
    for _ in range(3000):
        os.mkdir("d" * 200)  # noqa: PTH102 - its path is too long for one
        os.chdir("d" * 200)


if __name__ == "__main__":
    main()
