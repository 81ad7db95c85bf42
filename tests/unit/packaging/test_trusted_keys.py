"""A folder of trusted keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgewright.errors import KeyUnusable
from edgewright.signing import keys

if TYPE_CHECKING:
    from pathlib import Path


def test_public_keys_are_read_and_private_ones_passed_over(tmp_path: Path) -> None:
    own = keys.load_or_create(tmp_path / "keys")
    other = keys.load_or_create(tmp_path / "other")
    (tmp_path / "keys" / "friend.pem").write_bytes(other.public_key.pem)
    (tmp_path / "keys" / "README").write_text("no key")
    found = {key.key_id for key in keys.load_trusted(tmp_path / "keys")}
    assert found == {own.public_key.key_id, other.public_key.key_id}


def test_a_folder_without_public_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="holds no"):
        keys.load_trusted(tmp_path)
    with pytest.raises(KeyUnusable, match="cannot be read"):
        keys.load_trusted(tmp_path / "missing")
    (tmp_path / "nonsense.pem").write_text("nonsense")
    with pytest.raises(KeyUnusable, match=r"nonsense\.pem holds no public key"):
        keys.load_trusted(tmp_path)
