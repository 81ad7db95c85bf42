"""The manifest's text, and what is read back from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import PackageRefused
from edgewright.packaging import Manifest, Model, PackagedFile
from edgewright.packaging.manifest import manifest_bounds
from packing import MODEL

FILES = (PackagedFile('a "quoted" ü', 3, "0" * 64), PackagedFile("run.sh", 0, "f" * 64, executable=True))
BOUNDS = manifest_bounds([file.path for file in FILES])


def test_text() -> None:
    assert Manifest(MODEL, FILES).to_json().decode() == (
        "{\n"
        '  "metadata": {\n'
        '    "model_name": "digits",\n'
        '    "model_version": "1.0"\n'
        "  },\n"
        '  "format_version": 1,\n'
        '  "compilation_job": "compile-digits",\n'
        f'  "source_sha256": "{"5a" * 32}",\n'
        '  "target": "rasp4b",\n'
        '  "files": [\n'
        f'    {{"path": "a \\"quoted\\" ü", "size": 3, "sha256": "{"0" * 64}"}},\n'
        f'    {{"path": "run.sh", "size": 0, "sha256": "{"f" * 64}", "executable": true}}\n'
        "  ]\n"
        "}\n"
    )


@pytest.mark.parametrize("model", [MODEL, Model("m", "1"), Model("m", "1", target="x")])
def test_round_trip(model: Model) -> None:
    manifest = Manifest(model, FILES)
    assert Manifest.from_json(manifest.to_json(), BOUNDS) == manifest
    assert manifest.size == 3


def test_what_is_not_known_is_absent() -> None:
    assert list(json.loads(Manifest(Model("m", "1"), FILES).to_json())) == ["metadata", "format_version", "files"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("format_version", "1", "format version '1'"),
        ("format_version", 1.0, "format version 1.0"),
        ("metadata", [], "no 'metadata' of type dict"),
        ("metadata", {"model_name": "m"}, "no 'model_version' of type str"),
        ("metadata", {"model_name": "../m", "model_version": "1"}, "no possible model"),
        ("compilation_job", None, "no 'compilation_job' of type str"),
        ("files", {}, "no 'files' of type list"),
        ("files", [[]], "no 'path' of type str"),
        ("files", [{"path": "a", "size": True, "sha256": ""}], "no 'size' of type int"),
        ("files", [{"path": "a", "size": 1.0, "sha256": ""}], "no 'size' of type int"),
    ],
)
def test_other_types(name: str, value: Any, message: str) -> None:
    document = json.loads(Manifest(MODEL, FILES).to_json()) | {name: value}
    with pytest.raises(PackageRefused, match=message):
        Manifest.from_json(json.dumps(document).encode(), BOUNDS)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from('",[{'), max_size=200), unique=True
    )
)
def test_the_bounds_have_room_for_what_is_written(paths: list[str]) -> None:
    files = tuple(PackagedFile(path, 10**13, "f" * 64, executable=True) for path in paths)
    manifest = Manifest(MODEL, files)
    assert Manifest.from_json(manifest.to_json(), manifest_bounds(paths)) == manifest


def test_more_values_than_the_files_allow_are_not_read() -> None:
    text = Manifest(MODEL, FILES).to_json()
    hostile = text.replace(b'"files": [', b'"files": [' + b"[]," * 100)
    with pytest.raises(PackageRefused, match="values; the files that the package has allow"):
        Manifest.from_json(hostile, BOUNDS)
    with pytest.raises(PackageRefused, match=r"bytes and .* values; the files that the package has allow"):
        Manifest.from_json(text + b" " * 100_000, BOUNDS)
