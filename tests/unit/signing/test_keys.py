"""Keys: made once, kept to their owner, deterministic."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from edgewright.errors import KeyUnusable
from edgewright.signing.keys import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    PublicKey,
    load_or_create,
    load_public_key,
    load_signer,
)

if TYPE_CHECKING:
    from pathlib import Path


def private_pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_made_once_and_kept_to_the_owner(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    first = load_or_create(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / PRIVATE_FILE).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == sorted([PRIVATE_FILE, PUBLIC_FILE])
    assert load_public_key(folder / PUBLIC_FILE) == first.public_key
    assert load_or_create(folder).public_key == first.public_key == load_signer(folder / PRIVATE_FILE).public_key


def test_the_public_half_comes_back(tmp_path: Path) -> None:
    signer = load_or_create(tmp_path)
    (tmp_path / PUBLIC_FILE).unlink()
    load_or_create(tmp_path)
    assert load_public_key(tmp_path / PUBLIC_FILE) == signer.public_key


def test_a_foreign_public_half(tmp_path: Path) -> None:
    load_or_create(tmp_path / "one")
    load_or_create(tmp_path / "two")
    (tmp_path / "one" / PUBLIC_FILE).write_bytes((tmp_path / "two" / PUBLIC_FILE).read_bytes())
    with pytest.raises(KeyUnusable, match="not the public half"):
        load_or_create(tmp_path / "one")


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from edgewright.signing.keys import load_or_create\n"
        "sys.stdin.read(1)\n"
        "print(*(load_or_create(pathlib.Path(sys.argv[1], str(n))).public_key.key_id for n in range(20)))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(4)
        ]
        keys = {process.communicate("go")[0] for process in processes}
    assert len(keys) == 1
    assert len(set(keys.pop().split())) == 20


def test_signatures_are_deterministic_and_verify(tmp_path: Path) -> None:
    signer, other = load_or_create(tmp_path / "one"), load_or_create(tmp_path / "two")
    signature = signer.sign(b"data")
    assert signature == signer.sign(b"data") != signer.sign(b"date")
    assert signer.public_key.verify(signature, b"data")
    assert not signer.public_key.verify(signature, b"date")
    assert not signer.public_key.verify(b"no DER", b"data")
    assert not other.public_key.verify(signature, b"data")


def test_rfc_6979_vector(tmp_path: Path) -> None:
    """RFC 6979, A.2.5: P-256, SHA-256, message "sample"."""
    secret = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    path = tmp_path / "rfc.pem"
    path.write_bytes(private_pem(ec.derive_private_key(secret, ec.SECP256R1())))
    path.chmod(0o600)
    signature = load_signer(path).sign(b"sample").hex()
    assert "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" in signature
    assert "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8" in signature


def test_openssl_verifies(tmp_path: Path) -> None:
    signer = load_or_create(tmp_path)
    (tmp_path / "data").write_bytes(b"data")
    (tmp_path / "signature").write_bytes(signer.sign(b"data"))
    command = ["openssl", "dgst", "-sha256", "-verify", PUBLIC_FILE, "-signature", "signature", "data"]
    assert "Verified OK" in subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_key_open_to_others(mode: int, tmp_path: Path) -> None:
    load_or_create(tmp_path)
    (tmp_path / PRIVATE_FILE).chmod(mode)
    with pytest.raises(KeyUnusable, match=f"open to others \\(mode {mode:04o}\\): run `chmod 600"):
        load_or_create(tmp_path)


@pytest.mark.parametrize(
    ("pem", "message"),
    [
        (b"", "no unencrypted private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no unencrypted private key"),
        (private_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "no unencrypted private key"),
        (private_pem(ec.generate_private_key(ec.SECP521R1())), "not on P-256 or P-384"),
        (private_pem(ed25519.Ed25519PrivateKey.generate()), "not on P-256"),
    ],
    ids=["empty", "damaged", "encrypted", "P-521", "Ed25519"],
)
def test_keys_of_another_kind(pem: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match=message):
        load_signer(path)
    with pytest.raises(KeyUnusable, match="no public key"):
        load_public_key(path)


def test_public_keys_of_another_kind(tmp_path: Path) -> None:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(KeyUnusable, match="not on P-256"):
        load_public_key(tmp_path / "key.pem")
    assert not PublicKey(pem).verify(b"", b"")


def test_missing_files(tmp_path: Path) -> None:
    for load in (load_signer, load_public_key):
        with pytest.raises(KeyUnusable, match="cannot be read: No such file"):
            load(tmp_path / "none.pem")
    (tmp_path / "file").touch()
    with pytest.raises(KeyUnusable, match="key folder"):
        load_or_create(tmp_path / "file" / "keys")
