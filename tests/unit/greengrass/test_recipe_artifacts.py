"""What a recipe says of its artifacts, and the check of their bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from components import artifact, recipe
from edgewright.errors import PackageRefused, ValidationFault
from edgewright.greengrass.reading import read_json_recipe
from edgewright.greengrass.recipe_artifacts import artifacts_of, checked, with_uris
from edgewright.stores import S3Uri

URI = "s3://packages/out/digits-1.0.tar.gz"


def test_artifacts_are_named_by_the_last_part_of_their_key() -> None:
    (found,) = artifacts_of(read_json_recipe(recipe(artifact(URI, b"x"))))
    assert (str(found.uri), found.file) == (URI, "digits-1.0.tar.gz")
    assert found.sha256 == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


def test_a_file_that_several_manifests_name_is_one() -> None:
    whole = json.loads(recipe(artifact(URI, b"x")))
    whole["Manifests"] *= 2
    assert len(artifacts_of(whole)) == 1
    assert artifacts_of({"Manifests": [{}, {"Artifacts": None}]}) == ()


def test_another_spelling_of_the_key_is_read_and_made_ours() -> None:
    entry = artifact(URI, b"x")
    entry["URI"] = entry.pop("Uri")
    given = json.loads(recipe(entry))
    (found,) = artifacts_of(given)
    there = with_uris(given, {found.uri: S3Uri("other", "place")})["Manifests"][0]["Artifacts"]
    assert there == [artifact("s3://other/place", b"x")]


def test_keys_in_another_letter_case_are_read_as_everywhere_else() -> None:
    given = json.loads(recipe(artifact(URI, b"x")).decode().lower().replace("sha-256", "SHA-256"))
    given["manifests"][0]["artifacts"] = [{key.lower(): held for key, held in artifact(URI, b"x").items()}]
    (found,) = artifacts_of(read_json_recipe(json.dumps(given).encode()))
    assert str(found.uri) == URI
    there = with_uris(given, {found.uri: S3Uri("other", "place")})
    assert there.keys() == given.keys()
    assert there["manifests"][0]["artifacts"][0]["Uri"] == "s3://other/place"


def test_only_uris_are_changed() -> None:
    given = json.loads(recipe(artifact(URI, b"x")))
    given["Manifests"].append({"Lifecycle": {}})
    there = with_uris(given, {S3Uri.parse(URI): S3Uri("other", "place")})
    assert json.loads(json.dumps(there).replace("s3://other/place", URI)) == given


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"Uri": "greengrass:thing.zip"}, "greengrass:thing.zip"),
        ({"Uri": "s3://bucket/folder/"}, "cannot be read"),
        ({"Uri": "s3://bucket/../key"}, "cannot be read"),
        ({"Digest": "no base64!"}, "no base64!"),
        ({"Digest": "AAAA"}, "no SHA-256 digest"),
        ({"Algorithm": "MD5"}, "no SHA-256 digest"),
    ],
)
def test_an_artifact_that_cannot_be_checked_is_refused(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationFault, match=words):
        artifacts_of(json.loads(recipe(artifact(URI, b"x", **entry))))


def test_two_files_of_one_name_are_refused() -> None:
    two = recipe(artifact("s3://b/one/model", b"x"), artifact("s3://b/two/model", b"y"))
    with pytest.raises(ValidationFault, match="Two artifacts of the recipe are called model"):
        artifacts_of(read_json_recipe(two))


def test_bytes_pass_and_the_last_is_followed_by_the_verdict() -> None:
    (found,) = artifacts_of(read_json_recipe(recipe(artifact(URI, b"abcdef"))))
    assert list(checked(found, [b"abc", b"def"])) == [b"abc", b"def"]
    passing = checked(found, [b"abc", b"deF"])
    assert [next(passing), next(passing)] == [b"abc", b"deF"]
    with pytest.raises(PackageRefused, match=f"{URI} is not what the recipe says"):
        next(passing)
