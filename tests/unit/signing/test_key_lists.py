"""Lists of keys in files: made with a root key, and never older than the last one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import KeyListRefused, KeyUnusable
from edgewright.signing import key_lists, root_keys
from edgewright.signing.keys import PublicKey, load_public_key, load_signer
from edgewright.signing.trusted_keys import ListedKey, unsigned

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.signing.signers import Signer


@pytest.fixture
def root(tmp_path: Path) -> PublicKey:
    return load_public_key(root_keys.create(tmp_path / "root.pem"))


def sign(folder: Path, signer: Signer, version: int) -> Path:
    (folder / "keys.json").write_bytes(unsigned(version, [ListedKey(signer.public_key, datetime.now(UTC))]))
    destination = folder / "keys.list.json"
    root_keys.sign_file(folder / "keys.json", str(folder / "root.pem"), destination, days=1)
    return destination


def test_a_root_key_is_private_and_never_replaced(tmp_path: Path) -> None:
    public = root_keys.create(tmp_path / "root.pem", "P-384")
    assert (tmp_path / "root.pem").stat().st_mode & 0o777 == 0o600
    assert load_signer(tmp_path / "root.pem").public_key == load_public_key(public)
    with pytest.raises(KeyUnusable, match="is there already, and no key is replaced"):
        root_keys.create(tmp_path / "root.pem")
    with pytest.raises(KeyUnusable, match="the curves are P-256, P-384"):
        root_keys.create(tmp_path / "other.pem", "P-521")


def test_an_older_list_is_refused_once_a_newer_one_was_seen(tmp_path: Path, root: PublicKey, signer: Signer) -> None:
    for version in (1, 2, 2, 5):
        assert key_lists.read_newest(sign(tmp_path, signer, version), [root]).key_list.version == version
    assert (tmp_path / "keys.list.json.seen").read_text() == "5\n"
    with pytest.raises(KeyListRefused, match="has version 4, and version 5 was seen before"):
        key_lists.read_newest(sign(tmp_path, signer, 4), [root])
    with pytest.raises(KeyListRefused, match="has version 4, and version 5"):
        key_lists.read_newest(tmp_path / "keys.list.json", [root], minimum_version=3)


def test_a_minimum_version_replaces_the_file(tmp_path: Path, root: PublicKey, signer: Signer) -> None:
    path = sign(tmp_path, signer, 4)
    key_lists.read_newest(path, [root], minimum_version=4)
    assert not (tmp_path / "keys.list.json.seen").exists()
    with pytest.raises(KeyListRefused, match="version 5 was seen before"):
        key_lists.read_newest(path, [root], minimum_version=5)


def test_a_refused_list_is_not_remembered(tmp_path: Path, root: PublicKey, signer: Signer) -> None:
    path = sign(tmp_path, signer, 9)
    document = json.loads(path.read_text())
    document["signatures"][0]["sig"] = "AAAA"
    path.write_text(json.dumps(document))
    with pytest.raises(KeyListRefused, match="did not sign"):
        key_lists.read_newest(path, [root])
    assert not (tmp_path / "keys.list.json.seen").exists()


@pytest.mark.parametrize("text", ["new", "", "-1", "9" * 5000])
def test_a_version_that_cannot_be_read_is_not_passed_over(
    text: str, tmp_path: Path, root: PublicKey, signer: Signer
) -> None:
    path = sign(tmp_path, signer, 1)
    (tmp_path / "keys.list.json.seen").write_text(text)
    with pytest.raises(KeyListRefused, match="holds no version"):
        key_lists.read_newest(path, [root])


def test_a_file_that_is_too_long_is_not_read_to_its_end(tmp_path: Path, root: PublicKey) -> None:
    path = tmp_path / "keys.json"
    with path.open("wb") as file:
        file.truncate(2**40)  # more than any memory
    with pytest.raises(KeyListRefused, match="the most that is read"):
        key_lists.read_newest(path, [root])


def test_files_that_are_missing(tmp_path: Path, root: PublicKey) -> None:
    with pytest.raises(KeyUnusable, match="cannot be read"):
        key_lists.read_newest(tmp_path / "none", [root])
