"""What a worker reports of a job beyond the API's members: see `jobs.reports`. Pure; plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewright.compiling import Compiled
    from edgewright.packaging import Package

MOST_FILES = 1000
"""Files that a report lists: the largest. The signature has the digests of all."""

Report = dict[str, Any]


def of_package(made: Package) -> Report:
    """The report of a package: `files` as lists of path, size, SHA-256 and whether it is executable."""
    files = made.manifest.files
    largest = sorted(files, key=lambda file: file.size, reverse=True)[:MOST_FILES]
    kept = {file.path for file in largest}
    return {
        "size": made.size,
        "count": len(files),
        "unpacked": made.manifest.size,
        "files": [[file.path, file.size, file.sha256, file.executable] for file in files if file.path in kept],
    }


def of_compilation(compiled: Compiled) -> Report:
    """The report of a compiled model: what goes in, what comes out, and what made it."""
    sides = {"inputs": compiled.inputs, "outputs": compiled.outputs}
    tensors = {
        side: [{"name": each.name, "shape": list(each.shape), "type": each.type} for each in of]
        for side, of in sides.items()
    }
    return {"size": compiled.size, "toolchain": dict(compiled.toolchain), **tensors}
