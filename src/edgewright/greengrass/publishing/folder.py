"""The folder from which both Greengrass command lines deploy: `recipes/` and `artifacts/`.

`recipes/<name>-<version>.json` and `artifacts/<name>/<version>/<file>`, where the file is the last part of the
artifact's `s3://` URI. One folder may hold many components.
"""

from __future__ import annotations

import secrets
import shlex
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright import strict_json
from edgewright.errors import ExtractionRefused
from edgewright.files import write_atomically
from edgewright.greengrass.reading import read_json_recipe, value_of
from edgewright.greengrass.recipe_artifacts import Artifact, artifacts_of, checked
from edgewright.stores.local_or_s3 import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from edgewright.greengrass.publishing.protocols import Fetch


@dataclass(frozen=True, slots=True)
class Exported:
    """A component version in a folder.

    Attributes:
        folder: what holds `recipes` and `artifacts`.
        recipe: its recipe's file.
        artifacts: its artifacts' files.
    """

    name: str
    version: str
    folder: Path
    recipe: Path
    artifacts: tuple[Path, ...]


def export(recipe: bytes, fetch: Fetch, folder: Path) -> Exported:
    """Write a component version into a folder, whole or not at all; what is there already is left as it is.

    Args:
        recipe: its recipe, in JSON.
        fetch: gives each artifact's bytes, which are checked against the recipe's digest as they pass.
        folder: is made when it is not there.

    Raises:
        PackageRefused: an artifact's bytes are not those of its digest.
        ExtractionRefused: the folder holds the same version with other bytes, or cannot be written.
        ValidationFault: the recipe cannot be read.
    """
    read = read_json_recipe(recipe)
    exported = _layout(value_of(read, "ComponentName"), value_of(read, "ComponentVersion"), folder, artifacts_of(read))
    if exported.recipe.exists():
        _require_same(exported, recipe, artifacts_of(read))
        return exported
    stage = folder / f".export-{secrets.token_hex(8)}"
    try:
        stage.mkdir(parents=True)
        for artifact in artifacts_of(read):
            write_atomically(stage / artifact.file, checked(artifact, fetch(artifact)))
        _place(stage, exported, recipe)
    except OSError as error:
        raise ExtractionRefused(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return exported


def command_lines(exported: Exported) -> dict[str, str]:
    """How each nucleus's command line deploys it: by the nucleus's name."""
    folder = exported.folder.resolve()
    recipes, artifacts = (shlex.quote(str(folder / part)) for part in ("recipes", "artifacts"))
    which = f"{exported.name}={exported.version}"
    return {
        "nucleus": f"greengrass-cli deployment create --recipeDir {recipes} --artifactDir {artifacts} --merge {which}",
        "nucleus lite": f"ggl-cli deploy --recipe-dir {recipes} --artifacts-dir {artifacts} --add-component {which}",
    }


def _layout(name: str, version: str, folder: Path, artifacts: Iterable[Artifact]) -> Exported:
    beside = folder / "artifacts" / name / version
    files = tuple(beside / artifact.file for artifact in artifacts)
    return Exported(name, version, folder, folder / "recipes" / f"{name}-{version}.json", files)


def _place(stage: Path, exported: Exported, recipe: bytes) -> None:
    """The artifacts first, then the recipe: without it, no command line sees anything.

    Artifacts that are there without a recipe were left by an export that was killed between the two, and go.
    """
    beside = exported.folder / "artifacts" / exported.name / exported.version
    beside.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(beside, ignore_errors=True)
    stage.rename(beside)
    try:
        exported.recipe.parent.mkdir(exist_ok=True)
        write_atomically(exported.recipe, [recipe])
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _require_same(exported: Exported, recipe: bytes, artifacts: Iterable[Artifact]) -> None:
    """Refuse to call a folder's version exported unless each of its bytes is right."""
    try:
        if strict_json.parse(exported.recipe.read_bytes()) != strict_json.parse(recipe):
            raise ExtractionRefused(f"{exported.recipe} is another recipe. Remove it, or give another --output.")
        for artifact, path in zip(artifacts, exported.artifacts, strict=True):
            for _ in checked(artifact, read_file(path), path):
                pass
    except (OSError, ValueError) as error:
        raise ExtractionRefused(
            f"{exported.recipe} is there, but cannot be read or lacks an artifact ({error}). Remove it, or give "
            "another --output."
        ) from error
