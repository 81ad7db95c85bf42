"""Version 1, to the byte: the golden package, the document about it, and a reader written from that document."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import golden_package
from archives import model_tar_gz
from edgewright.limits import Limits
from edgewright.packaging import gzip_members, verify
from edgewright.signing.keys import EcdsaSigner, PublicKey, load_public_key, new_signer
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import KeyList, ListedKey, sign_list, unsigned
from golden_package import MODEL, PACKAGE, PUBLIC_KEY, SIGNER
from packing import pack

ROOT = Path(__file__).parents[2]
TAR_SHA256 = "d389a0e8c684cbc7a74c829bf37e1d5b07d529403cfa56784d905d911e3d2a95"


def test_the_same_package_is_made() -> None:
    golden = PACKAGE.read_bytes()
    made = golden_package.make()
    assert gzip.decompress(made) == gzip.decompress(golden)
    assert made == golden
    assert PUBLIC_KEY.read_bytes() == SIGNER.public_key.pem


def test_the_golden_package_is_the_one_that_was_published() -> None:
    assert hashlib.sha256(gzip.decompress(PACKAGE.read_bytes())).hexdigest() == TAR_SHA256


def test_it_verifies() -> None:
    verified = verify([PACKAGE.read_bytes()], [load_public_key(PUBLIC_KEY)])
    assert verified.model == MODEL
    assert [file.path for file in verified.files] == ["labels/größe.txt", "libdlr.so", "weights.bin"]


def hex_dumps() -> list[tuple[str, int, bytes]]:
    """Every dump of docs/format.md: of `package` or `tar`, from which offset, and the bytes."""
    dumps = []
    for of, block in re.findall(r"```hex (package|tar)\n(.*?)```", (ROOT / "docs/format.md").read_text(), re.DOTALL):
        lines = [line.split("  ")[0].partition(": ") for line in block.splitlines() if line.strip()]
        for offset, _, digits in lines:
            dumps.append((of, int(offset, 16), bytes.fromhex(digits)))
    return dumps


def test_the_document_shows_the_golden_package() -> None:
    package = PACKAGE.read_bytes()
    streams = {"package": package, "tar": gzip.decompress(package)}
    dumps = hex_dumps()
    assert len(dumps) > 20
    for of, offset, data in dumps:
        assert streams[of][offset : offset + len(data)] == data, f"{of} at {offset:#x}"


def test_the_document_lists_the_gzip_members() -> None:
    text = (ROOT / "docs/format.md").read_text()
    offset = tar_offset = 0
    for member in gzip_members.split([PACKAGE.read_bytes()], Limits(), None):
        size = gzip_members.unpacked_size(member)
        assert f"| {offset} | {len(member)} | {tar_offset} | {size} |" in text
        offset, tar_offset = offset + len(member), tar_offset + size


def example(*arguments: str | Path, script: str = "verify_package.py") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_example_accepts_it() -> None:
    result = example(PACKAGE, PUBLIC_KEY, "digits", "1.0")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        "digits 1.0: 3 files are as signed\n"
        f"made of the artifact of compilation job compile-digits, SHA-256 {MODEL.source_sha256}\n"
    )


@pytest.mark.parametrize(("script", "lines"), [("verify_package.py", 150), ("trusted_keys.py", 75)])
def test_the_examples_import_the_standard_library_and_cryptography_only(script: str, lines: int) -> None:
    text = (ROOT / "examples" / script).read_text()
    modules = {match.split(".")[0] for match in re.findall(r"^(?:from|import) ([\w.]+)", text, re.MULTILINE)}
    assert modules - {"cryptography", "verify_package"} <= sys.stdlib_module_names
    assert len(text.splitlines()) <= lines


@pytest.mark.parametrize("asked", [("letters",), ("digits", "1.1")])
def test_the_example_refuses_another_model(asked: tuple[str, ...]) -> None:
    result = example(PACKAGE, PUBLIC_KEY, *asked)
    assert result.returncode == 1
    assert result.stderr.startswith("REFUSED: this is ")


@pytest.mark.parametrize("change", ["extra", "changed", "missing", "cut", "key"])
def test_the_example_refuses_changes(change: str, tmp_path: Path) -> None:
    tar = bytearray(gzip.decompress(PACKAGE.read_bytes()))
    key = PUBLIC_KEY
    if change == "extra":
        tar[:0] = gzip.decompress(model_tar_gz({"extra": b""}))[:512]
    elif change == "changed":
        tar[512] ^= 1
    elif change == "missing":
        del tar[2560:3584]
    elif change == "cut":
        del tar[-2000:]
    else:
        other = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
        key = tmp_path / "other.pem"
        key.write_bytes(other.public_key.pem)
    (tmp_path / "package.tar.gz").write_bytes(gzip.compress(tar))
    result = example(tmp_path / "package.tar.gz", key)
    assert result.returncode == 1
    assert result.stderr.startswith("REFUSED: ")


def test_the_example_reads_large_packages(tmp_path: Path) -> None:
    files = {"a": bytes(3_000_000), "b/c": b"c" * 700, "n" * 200: b"", "ü": b"u"}
    _, stored = pack(SIGNER, model_tar_gz(files), limits=Limits(expansion_ratio=2000))
    (tmp_path / "package.tar.gz").write_bytes(stored)
    assert example(tmp_path / "package.tar.gz", PUBLIC_KEY).returncode == 0


def listed(*keys: PublicKey, days: int = 1, version: int = 7, root: EcdsaSigner = SIGNER) -> bytes:
    """A signed list; the root key is not one of the keys."""
    now = datetime.now(UTC)
    revoked = now if any(key.state is KeyState.REVOKED for key in keys) else None
    known = tuple(ListedKey(key, now, None, revoked) for key in keys)
    return sign_list(KeyList(version, (now + timedelta(days=days)).replace(microsecond=0), known), root)


def test_the_examples_trust_the_keys_of_a_signed_list(tmp_path: Path) -> None:
    root, other = new_signer("P-384"), new_signer().public_key
    (tmp_path / "root.pem").write_bytes(root.public_key.pem)
    own = load_public_key(PUBLIC_KEY)

    def take(text: bytes) -> subprocess.CompletedProcess[str]:
        (tmp_path / "list").write_bytes(text)
        return example(tmp_path / "list", tmp_path / "root.pem", tmp_path / "trusted", script="trusted_keys.py")

    assert take(listed(own, other, root=root)).stdout == "version 7: 2 keys are trusted\n"
    assert example(PACKAGE, tmp_path / "trusted").returncode == 0
    for reason, text in (
        ("has version 6, and 7 was seen", listed(own, version=6, root=root)),
        ("expired at", listed(own, version=8, days=-1, root=root)),
        ("no trusted root key is", listed(other, version=8, root=new_signer())),
        ("the list is not signed", unsigned(8, [])),
        ("wrong, or made with another key", listed(own, root=root).replace(b'"sig":"M', b'"sig":"N')),
        ("over 1048576 bytes", b" " * 1_048_577),
        ("is there twice", b'{"payload": 1, "payload": 2}'),
    ):
        refused = take(text)
        assert (refused.returncode, refused.stderr[:9], reason in refused.stderr) == (1, "REFUSED: ", True), refused
        assert example(PACKAGE, tmp_path / "trusted").returncode == 0
    assert take(listed(PublicKey(own.pem, KeyState.REVOKED), other, version=8, root=root)).returncode == 0
    refused = example(PACKAGE, tmp_path / "trusted")
    assert (refused.returncode, refused.stderr[:28]) == (1, "REFUSED: no trusted key is '")
