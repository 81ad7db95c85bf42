"""The folder of private keys: which is the signing one, and how another becomes it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import KeyUnusable
from edgewright.signing import key_folder, keys
from edgewright.signing.keys import PRIVATE_FILE, PUBLIC_FILE, load_or_create, load_public_key, new_signer

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_waiting_key_becomes_the_signing_one(tmp_path: Path) -> None:
    first, second = load_or_create(tmp_path), new_signer("P-384")
    path = key_folder.add(tmp_path, second)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path == key_folder.path_of(tmp_path, second.public_key.key_id)
    assert load_public_key(path.with_suffix(".pub.pem")) == second.public_key
    ids = (first.public_key.key_id, second.public_key.key_id)
    for wanted in (ids[0], ids[1], ids[1], ids[0]):
        found = key_folder.private_key(tmp_path, wanted)
        assert found is not None
        assert found.public_key.key_id == wanted
        assert load_or_create(tmp_path).public_key.key_id == wanted
        other = next(each for each in ids if each != wanted)[: key_folder.SHORT]
        assert files(tmp_path) == {PRIVATE_FILE, PUBLIC_FILE, f"{other}.pem", f"{other}.pub.pem"}
    assert key_folder.private_key(tmp_path, "0" * 64) is None


def test_processes_that_rotate_at_once_end_with_the_new_key(tmp_path: Path) -> None:
    load_or_create(tmp_path)
    script = (
        "import pathlib, sys\n"
        "from edgewright.signing import key_folder\n"
        "sys.stdin.read(1)\n"
        "print(key_folder.private_key(pathlib.Path(sys.argv[1]), sys.argv[2]).public_key.key_id)\n"
    )
    for _ in range(5):
        wanted = new_signer()
        key_folder.add(tmp_path, wanted)
        command = [sys.executable, "-c", script, str(tmp_path), wanted.public_key.key_id]
        processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in "ab"]
        answers = {process.communicate("go")[0].strip() for process in processes}
        assert answers == {wanted.public_key.key_id}
        assert load_or_create(tmp_path).public_key == wanted.public_key


def test_a_file_under_another_keys_name(tmp_path: Path) -> None:
    signer = new_signer()
    key_folder.add(tmp_path, signer).rename(key_folder.path_of(tmp_path, "f" * 64))
    with pytest.raises(KeyUnusable, match="its name is that of ffff"):
        key_folder.private_key(tmp_path, "f" * 64)


def test_a_key_that_was_made_for_nothing_goes(tmp_path: Path) -> None:
    made = load_or_create(tmp_path)
    key_folder.remove(tmp_path, "0" * 64)
    assert files(tmp_path) == {PRIVATE_FILE, PUBLIC_FILE}
    key_folder.remove(tmp_path, made.public_key.key_id)
    assert files(tmp_path) == set()
    assert (key_folder.signing_key(tmp_path), key_folder.public_half(tmp_path)) == (None, None)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyUnusable, match="cannot be written"):
        key_folder.add(tmp_path / "file", keys.new_signer())
