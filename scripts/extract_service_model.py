#!/usr/bin/env python3
"""Extracts the service model that edgewright answers from the one that botocore ships.

The extract holds what a program needs (operations, shapes, constraints, errors) and no prose. It is written to
src/edgewright/protocol/models/; `--check` compares instead, and exits 1 where a file is out of date. botocore is
needed here and nowhere in the program.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from botocore.loaders import Loader

Json: TypeAlias = Any
"""What `json` reads."""

MODELS = Path(__file__).parents[1] / "src" / "edgewright" / "protocol" / "models"

# Which operations are taken of each service; "" takes them all.
WANTED = {
    "sagemaker": r"Edge|Device|CompilationJob|^AddTags$|^ListTags$|^DeleteTags$",
    "sagemaker-edge": "",
    "greengrassv2": "",
}

PROSE = frozenset(
    {"documentation", "documentationUrl", "deprecatedMessage", "deprecatedSince", "externalDocumentation"}
)


def extract(service: str) -> dict[str, Any]:
    """The trimmed model of one service, its operations and shapes in the order of the model they come from."""
    model = Loader().load_service_model(service, "service-2")
    operations = {
        name: _without_prose(operation)
        for name, operation in model["operations"].items()
        if re.search(WANTED[service], name)
    }
    reached = _reachable(operations.values(), model["shapes"])
    shapes = {name: _without_prose(shape) for name, shape in model["shapes"].items() if name in reached}
    return {"metadata": dict(model["metadata"]), "operations": operations, "shapes": shapes}


def _reachable(roots: Iterable[Json], shapes: Mapping[str, Any]) -> set[str]:
    """The names of all shapes that the given operations refer to, directly or through other shapes."""
    found: set[str] = set()
    waiting = [name for root in roots for name in _references(root)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_references(shapes[name]))
    return found


def _references(value: Json) -> Iterator[str]:
    """Every shape name that `value` refers to. A member may itself be called `shape`: only strings count."""
    if isinstance(value, Mapping):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _without_prose(value: Json, *, names: bool = False) -> Json:
    """`value` without its texts for people. The keys of `members` are names, whatever they are called."""
    if isinstance(value, Mapping):
        return {
            key: _without_prose(item, names=key == "members" and not names)
            for key, item in value.items()
            if names or key not in PROSE
        }
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    return value


def render(service: str) -> str:
    """The text of the extract's file."""
    return json.dumps(extract(service), indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Writes the extracts, or compares them with `--check`; 1 where one is out of date."""
    parser = argparse.ArgumentParser(description="Extract the service model from the installed botocore.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    stale = []
    for service in WANTED:
        path, text = MODELS / f"{service}.json", render(service)
        if check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    for path in stale:
        print(f"{path} differs from the installed botocore: run scripts/extract_service_model.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
