"""Keys of links and sessions, rotated beside a server that goes on running."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from acceptance.running import serving
from acceptance.test_cli import run
from acceptance.test_components_api import compiled_model, create, packaged
from edgewright.cli.secrets import Signed
from edgewright.database.secrets import REFRESH_SECONDS, ROTATING

if TYPE_CHECKING:
    from pathlib import Path


def test_what_can_be_rotated_is_what_the_database_has() -> None:
    assert set(Signed) == set(ROTATING)


def test_a_rotation_needs_no_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        client = server.client("greengrassv2")
        uri = packaged(server, server.put("models", "m.tar.gz", compiled_model()))
        arn = create(client, "com.example.rotated", "1.0.0", uri)["arn"]
        old = link(client, arn)
        assert status(old) == 200
        for number, expected in ((2, 200), (3, 403)):
            done = run("secrets", "rotate", "links", "--data-dir", server.data_dir)
            assert done.stdout == f"key {number} signs links, and key {number - 1} goes on to verify\n", done.stderr
            wait_for_key(client, arn, number)
            assert status(old) == expected
            assert status(link(client, arn)) == 200
        listed = json.loads(run("secrets", "list", "--json", "--data-dir", server.data_dir).stdout)
        assert listed == [
            {"signed": "links", "key": 3, "signs": True},
            {"signed": "links", "key": 2, "signs": False},
            {"signed": "sessions", "key": 1, "signs": True},
        ]
        assert "sessions\t1\tsigns\n" in run("secrets", "list", "--data-dir", server.data_dir).stdout


def link(client: Any, arn: str) -> str:
    found: str = client.get_component_version_artifact(arn=arn, artifactName="digits-1.0.tar.gz")["preSignedUrl"]
    return found


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def wait_for_key(client: Any, arn: str, number: int) -> None:
    deadline = time.monotonic() + 6 * REFRESH_SECONDS
    while f"&key={number}&" not in link(client, arn):
        assert time.monotonic() < deadline
        time.sleep(0.2)
