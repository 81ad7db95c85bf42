"""The child process that compiles: `python -m edgewright.compiling.child`, one job, then it ends.

It reads one JSON object from its standard input, and goes on listening there: when the parent is gone, so is it. The
archive is a file that it has open. It writes its answer to `answer.json` in its working folder: `{"compiled": ...}` or
`{"refused": "..."}`. Anything else, such as a crash, shows in its exit code.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from edgewright.compiling import confinement
from edgewright.compiling.archives import pack, size_of, unpack
from edgewright.compiling.backends import backend_of
from edgewright.compiling.compiled import METADATA_MEMBER, Built
from edgewright.compiling.spec import CompilationSpec
from edgewright.errors import ModelRefused
from edgewright.limits import Limits

_BEGUN = time.monotonic()
ANSWER, ARTIFACT = "answer.json", "artifact.tar.gz"
ORPHANED = 3
_MOST_CHARACTERS = 4096


def main() -> int:
    """Answer one request; gives the process's exit code."""
    request = json.loads(sys.stdin.readline())
    Thread(target=_end_with_parent, daemon=True).start()
    confinement.drop(request["user"], request["work"])
    work = Path.cwd()
    try:
        answer: dict[str, Any] = {"compiled": _unpack_and_compile(request, work)}
    except ModelRefused as error:
        _say(f"Refused: {error.message}")
        answer = {"refused": error.message[:_MOST_CHARACTERS]}
    except MemoryError:
        answer = {"refused": _too_large()}
    (work / ANSWER).write_text(json.dumps(answer))
    return 0


def _unpack_and_compile(request: dict[str, Any], work: Path) -> dict[str, Any]:
    """The confined part: every limit is set before a byte of the archive is read."""
    source = work / "source"
    limits = Limits(**request["limits"])
    with os.fdopen(request["archive"], "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        confinement.enter(limits, size, request["seconds"], sandboxed=request["sandboxed"])
        unpack(file, source, limits)
    confinement.narrow(size_of(source))
    _say(f"Unpacked the model: {_counted(source)}.")
    return _compile(CompilationSpec(**request["spec"]), source, work)


def _compile(spec: CompilationSpec, source: Path, work: Path) -> dict[str, Any]:
    artifact, archive = work / "artifact", work / ARTIFACT
    artifact.mkdir()
    built = backend_of(spec).build(spec, source, artifact)
    tools = ", ".join(f"{name} {version}" for name, version in built.toolchain.items())
    _say(f"Compiled {spec.framework} for {spec.target} with {tools}.")
    for side, tensors in (("Input", built.inputs), ("Output", built.outputs)):
        for tensor in tensors:
            _say(f"{side} {tensor.name}: {tensor.type} {list(tensor.shape)}.")
    (artifact / METADATA_MEMBER).write_text(_metadata(spec, built))
    pack(artifact, archive)
    _say(f"Packed the artifact: {_counted(artifact)}, {archive.stat().st_size:,} bytes compressed.")
    return asdict(built)


def _too_large() -> str:
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return (
        f"InputConfiguration: Compiling the model takes more memory than a model of its size may take: {most:,} bytes."
    )


def _say(line: str) -> None:
    """A line of the job's log, with the seconds since the process began."""
    sys.stderr.write(f"{time.monotonic() - _BEGUN:8.2f} s  {line}\n")
    sys.stderr.flush()


def _counted(folder: Path) -> str:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes)} {'file' if len(sizes) == 1 else 'files'}, {sum(sizes):,} bytes"


def _metadata(spec: CompilationSpec, built: Built) -> str:
    content = {"format_version": 1, "framework": spec.framework, "target": spec.target, **built.settings}
    content |= {name: value for name, value in asdict(built).items() if name != "settings"}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _end_with_parent() -> None:
    # The parent holds the other end open for as long as it lives, however it ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(ORPHANED)


if __name__ == "__main__":
    sys.exit(main())
