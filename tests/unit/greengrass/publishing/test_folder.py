"""A component in a folder: whole or not at all."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import pytest

from components import artifact, recipe
from edgewright.errors import ExtractionRefused, PackageRefused, ServiceUnreachable
from edgewright.greengrass.publishing.folder import command_lines, export

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edgewright.greengrass.recipe_artifacts import Artifact

FILES = {"digits-1.0.tar.gz": b"package" * 1000, "labels.txt": b"0123456789"}
RECIPE = recipe(*(artifact(f"s3://packages/out/{name}", content) for name, content in FILES.items()))


def fetch(wanted: Artifact) -> Iterator[bytes]:
    content = FILES[wanted.file]
    yield content[:5]
    yield content[5:]


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


WHOLE = {"recipes/digits-1.0.0.json", *(f"artifacts/digits/1.0.0/{name}" for name in FILES)}


def test_the_layout_is_what_both_command_lines_take(tmp_path: Path) -> None:
    exported = export(RECIPE, fetch, tmp_path / "out")
    assert below(tmp_path / "out") == WHOLE
    assert exported.recipe.read_bytes() == RECIPE
    assert {path.name: path.read_bytes() for path in exported.artifacts} == FILES


def test_the_command_lines_name_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path as Relative

    (tmp_path / "a folder").mkdir()
    monkeypatch.chdir(tmp_path / "a folder")
    lines = command_lines(export(RECIPE, fetch, Relative("out")))
    out = str(tmp_path / "a folder" / "out")
    assert shlex.split(lines["nucleus"]) == [
        "greengrass-cli", "deployment", "create", "--recipeDir", f"{out}/recipes", "--artifactDir", f"{out}/artifacts",
        "--merge", "digits=1.0.0",
    ]  # fmt: skip
    assert shlex.split(lines["nucleus lite"]) == [
        "ggl-cli", "deploy", "--recipe-dir", f"{out}/recipes", "--artifacts-dir", f"{out}/artifacts",
        "--add-component", "digits=1.0.0",
    ]  # fmt: skip


def test_one_changed_byte_leaves_nothing(tmp_path: Path) -> None:
    def changed(wanted: Artifact) -> Iterator[bytes]:
        content = bytearray(FILES[wanted.file])
        content[-1] ^= wanted.file == "labels.txt"
        yield bytes(content)

    with pytest.raises(PackageRefused, match=r"labels\.txt is not what the recipe says"):
        export(RECIPE, changed, tmp_path / "out")
    assert list((tmp_path / "out").rglob("*")) == []


def test_a_service_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken(wanted: Artifact) -> Iterator[bytes]:
        yield FILES[wanted.file][:5]
        raise ServiceUnreachable("gone")

    with pytest.raises(ServiceUnreachable):
        export(RECIPE, broken, tmp_path)
    assert list(tmp_path.rglob("*")) == []


def test_a_recipe_that_cannot_be_written_takes_its_artifacts_along(tmp_path: Path) -> None:
    (tmp_path / "recipes").write_text("in the way")
    with pytest.raises(ExtractionRefused, match="cannot be written"):
        export(RECIPE, fetch, tmp_path)
    assert below(tmp_path) == {"recipes"}


def test_what_a_killed_export_left_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / "artifacts" / "digits" / "1.0.0" / "half-of-it"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    export(RECIPE, fetch, tmp_path)
    assert below(tmp_path) == WHOLE


def test_a_folder_holds_many_components_and_takes_one_twice(tmp_path: Path) -> None:
    def nobody(_: Artifact) -> Any:
        raise AssertionError("fetched again")

    first = export(RECIPE, fetch, tmp_path)
    export(recipe(name="other"), fetch, tmp_path)
    assert export(RECIPE, nobody, tmp_path) == first
    assert below(tmp_path) == WHOLE | {"recipes/other-1.0.0.json"}


def test_a_version_that_is_there_with_other_bytes_is_left_alone(tmp_path: Path) -> None:
    exported = export(RECIPE, fetch, tmp_path)
    with pytest.raises(ExtractionRefused, match="is another recipe"):
        export(recipe(artifact("s3://b/other", b"y")), fetch, tmp_path)
    assert exported.recipe.read_bytes() == RECIPE
    exported.artifacts[1].write_bytes(b"0123456780")
    with pytest.raises(PackageRefused, match=r"1\.0\.0/labels\.txt is not what the recipe says"):
        export(RECIPE, fetch, tmp_path)
    exported.artifacts[1].unlink()
    with pytest.raises(ExtractionRefused, match="lacks an artifact"):
        export(RECIPE, fetch, tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExtractionRefused, match=f"{tmp_path / 'file' / 'out'} cannot be written: Not a directory"):
        export(RECIPE, fetch, tmp_path / "file" / "out")
