"""Every command in the guide for Greengrass works as printed; a core's own are held to what they would deploy."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acceptance.amazon import Amazon, amazon
from acceptance.running import REGION, RunningServer, clean_environment, serving
from edgewright.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "how-to" / "greengrass.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8181"
CORE = """#!/bin/sh
printf '%s\\n' "$@" > "$HOME/$(basename "$0").told"
"""


def blocks(language: str) -> list[str]:
    """The guide's blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reader is: in edgewright's folder."""
    path = tmp_path_factory.mktemp("reader")
    for part in ("src", "examples"):
        (path / part).symlink_to(ROOT / part)
    (path / ".aws").mkdir()
    return path


@pytest.fixture(scope="module")
def guided(folder: Path) -> Iterator[RunningServer]:
    """The server that the guide has its reader start."""
    with serving(folder / "edgewright-data") as server:
        yield server


@pytest.fixture(scope="module")
def production(folder: Path, guided: RunningServer) -> Iterator[Amazon]:
    """The reader's AWS, and the two profiles that the guide speaks of."""
    (folder / ".aws" / "config").write_text(blocks("ini")[0].replace(ADDRESS, guided.url))
    with amazon(folder / "aws-data") as running:
        running.write_profile(folder / ".aws")
        yield running


def run(folder: Path, shell: str) -> str:
    """Run a script in the folder, which is its home too; what it printed."""
    environment = clean_environment() | {"HOME": str(folder)}
    environment["PATH"] = f"{folder / 'bin'}:{ROOT / '.venv' / 'bin'}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{shell}"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_each_block_works_as_printed(folder: Path, guided: RunningServer, production: Amazon) -> None:
    printed = run(folder, "".join(blocks("sh")))
    arn = f"arn:aws:greengrass:{REGION}:123456789012:components:sample-component-name:versions:1.0.2"
    assert f"{arn}  DEPLOYABLE\n" in printed
    there = production.greengrass.get_component(arn=arn)
    assert "s3://my-components/edge/sample-component-name/1.0.2/" in there["recipe"].decode()
    assert guided.client("greengrassv2").list_components()["components"] == [], "the guide ends with its deletion"
    deployed = _deployed_on_cores(folder, printed)
    for component in ("sample-component-name=1.0.2", "com.example.DigitsInference=1.0.0"):
        assert component in deployed
        name, _, version = component.partition("=")
        recipe = json.loads((folder / "components" / "recipes" / f"{name}-{version}.json").read_text())
        named = {entry["Uri"].rpartition("/")[2] for found in recipe["Manifests"] for entry in found["Artifacts"]}
        assert {path.name for path in (folder / "components/artifacts" / name / version).iterdir()} == named


def _deployed_on_cores(folder: Path, printed: str) -> list[str]:
    """Run what the guide has run on cores, with programs that note what they are told; all arguments of all."""
    (folder / "bin").mkdir()
    for name in ("greengrass-cli", "ggl-cli"):
        (folder / "bin" / name).write_text(CORE)
        (folder / "bin" / name).chmod(0o755)
    told: list[str] = []
    for line in "".join(blocks("console")).splitlines():
        own = line.removeprefix("sudo ").replace("/greengrass/v2/bin/", "")
        run(folder, own)
        arguments = (folder / f"{own.split()[0]}.told").read_text().splitlines()
        flags = dict(pairwise(arguments))
        assert (folder / (flags.get("--recipeDir") or flags["--recipe-dir"])).is_dir()
        assert (folder / (flags.get("--artifactDir") or flags["--artifacts-dir"])).is_dir()
        assert all(flag in printed for flag in arguments if flag.startswith("--")), "export prints the same flags"
        told += arguments
    return told


def test_the_settings_are_ones_that_can_be_set() -> None:
    given = tomllib.loads(blocks("toml")[0])
    settings = Settings(**given)
    assert (settings.greengrass, settings.aws.bucket, settings.aws.profile) == ("aws", "my-components", "production")
