"""The table from a key's URI to its signer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz
from edgewright.errors import KeyUnusable
from edgewright.packaging import verify
from edgewright.signing.keys import PRIVATE_FILE, PublicKey, load_or_create
from edgewright.signing.signers import SIGNERS, Signer, open_signer
from packing import pack

if TYPE_CHECKING:
    from pathlib import Path


def test_signers_are_opened_by_scheme(tmp_path: Path) -> None:
    signer = load_or_create(tmp_path / "a folder")
    path = tmp_path / "a folder" / PRIVATE_FILE
    assert open_signer(str(path)).public_key == signer.public_key == open_signer(path.as_uri()).public_key
    with pytest.raises(KeyUnusable, match="No signer opens 'gcpkms:edge': the schemes are file, pkcs11, awskms"):
        open_signer("gcpkms:edge")


class Delegating:
    """A signer as somebody may add one: it asks another one, and counts what it signed."""

    def __init__(self, behind: Signer) -> None:
        self.signed = 0
        self._behind = behind

    @property
    def public_key(self) -> PublicKey:
        return self._behind.public_key

    @property
    def deterministic(self) -> bool:
        return self._behind.deterministic

    def sign(self, data: bytes) -> bytes:
        self.signed += 1
        return self._behind.sign(data)


def test_a_signer_is_added_by_one_row(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    added = Delegating(signer)
    monkeypatch.setitem(SIGNERS, "test", {"test://slot/1": added}.__getitem__)
    opened = open_signer("test://slot/1")
    _, package = pack(opened, model_tar_gz({"model.onnx": b"weights"}))
    assert verify([package], [opened.public_key]).key_id == signer.public_key.key_id
    assert added.signed == 1
    with pytest.raises(KeyUnusable, match="the schemes are file, pkcs11, awskms, test"):
        open_signer("other://slot/1")


def test_what_the_signers_own_public_key_does_not_verify_is_not_given_out(signer: Signer, other_signer: Signer) -> None:
    """As when another key is put into a token under the name of the one that was there."""
    swapped = Delegating(signer)
    pack(swapped, model_tar_gz({"model.onnx": b"weights"}))
    swapped.sign = other_signer.sign  # type: ignore[method-assign]
    with pytest.raises(KeyUnusable, match=f"does not verify with key {signer.public_key.key_id}"):
        pack(swapped, model_tar_gz({"model.onnx": b"weights"}))
