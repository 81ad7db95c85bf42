"""Version 1, to the byte: the golden package, the document about it, and a reader written from that document."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import golden_package
from archives import model_tar_gz
from edgewright.limits import Limits
from edgewright.packaging import gzip_members, verify
from edgewright.signing.keys import EcdsaSigner, load_public_key
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


def example(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "examples" / "verify_package.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_example_accepts_it() -> None:
    result = example(PACKAGE, PUBLIC_KEY, "digits", "1.0")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(
        "digits 1.0: 3 files are as signed\n"
        f"made of the artifact of compilation job compile-digits, SHA-256 {MODEL.source_sha256}\n"
    )


def test_the_example_imports_the_standard_library_and_cryptography_only() -> None:
    text = (ROOT / "examples" / "verify_package.py").read_text()
    modules = {match.split(".")[0] for match in re.findall(r"^(?:from|import) ([\w.]+)", text, re.MULTILINE)}
    assert modules - {"cryptography"} <= sys.stdlib_module_names
    assert len(text.splitlines()) <= 121


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
