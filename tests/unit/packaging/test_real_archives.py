"""What real tools make is taken, and the package unpacks with real tools."""

from __future__ import annotations

import gzip
import random
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from archives import Member, gnu, model_tar_gz, named, pax, tar, tar_gz
from edgewright.packaging import MANIFEST_NAME, SIGNATURE_NAME, verify

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.signing.signers import Signer
    from packing import Pack

# What SageMaker Neo puts into an artifact compiled for a device.
NEO = {
    "compiled.so": b"\x7fELF" + bytes(3000),
    "compiled.params": random.Random(1).randbytes(2_300_000),
    "compiled_model.json": b"{}",
    "compiled.meta": b'{"Requirements": {}}',
    "dlr.h": b"#pragma once\n",
    "libdlr.so": b"\x7fELF" + bytes(70_000),
    "manifest": b"{}",
}
TREE = {
    "a.bin": random.Random(2).randbytes(2_500_000),
    "sub/deep/b": b"",
    "sub/c": b"c" * 512,
    "n" * 120: b"long",
    "é/ü.txt": b"\xff",
}


def unpacked(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but our two."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files.pop(MANIFEST_NAME)
    assert files.pop(SIGNATURE_NAME)
    return files


def extracted(stored: bytes, signer: Signer, folder: Path) -> dict[str, bytes]:
    verify([stored], [signer.public_key], extract_to=folder)
    return unpacked(folder)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, data in TREE.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "tree" / "a.bin").chmod(0o700)
    return tmp_path / "tree"


@pytest.mark.parametrize("form", ["gnu", "posix", "oldgnu"])
@pytest.mark.parametrize("argument", [".", "a.bin sub é " + "n" * 120])
def test_gnu_tar(form: str, argument: str, tree: Path, tmp_path: Path, pack: Pack, signer: Signer) -> None:
    archive = tmp_path / "source.tar.gz"
    subprocess.run(["tar", f"--format={form}", "-czf", archive, *argument.split()], cwd=tree, check=True)
    made, stored = pack(archive.read_bytes())
    assert extracted(stored, signer, tmp_path / "out") == TREE
    assert [file.path for file in made.manifest.files if file.executable] == ["a.bin"]
    assert (tmp_path / "out" / "a.bin").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("form", ["v7", "ustar"])
def test_older_tar_formats(form: str, tree: Path, tmp_path: Path, pack: Pack, signer: Signer) -> None:
    archive = tmp_path / "source.tar.gz"
    subprocess.run(["tar", f"--format={form}", "-czf", archive, "./a.bin", "./sub"], cwd=tree, check=True)
    _, stored = pack(archive.read_bytes())
    assert extracted(stored, signer, tmp_path / "out") == {k: v for k, v in TREE.items() if k[0] in "as"}


@pytest.mark.skipif(shutil.which("bsdtar") is None, reason="bsdtar is not installed")
@pytest.mark.parametrize("form", ["ustar", "pax", "gnutar"])
def test_bsdtar(form: str, tree: Path, tmp_path: Path, pack: Pack, signer: Signer) -> None:
    archive = tmp_path / "source.tar.gz"
    names = ["a.bin", "sub"] if form == "ustar" else ["."]
    subprocess.run(["bsdtar", "--format", form, "-czf", archive, *names], cwd=tree, check=True)
    _, stored = pack(archive.read_bytes())
    assert extracted(stored, signer, tmp_path / "out").items() <= TREE.items()
    package = tmp_path / "package.tar.gz"
    package.write_bytes(stored)
    (tmp_path / "bsd").mkdir()
    subprocess.run(["bsdtar", "-xzf", package], cwd=tmp_path / "bsd", check=True)
    assert unpacked(tmp_path / "bsd").items() <= TREE.items()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_python_tarfile(form: int, tmp_path: Path, pack: Pack, signer: Signer) -> None:
    files = {f"./{name}": data for name, data in NEO.items()} | {"d" * 90 + "/" + "f" * 90: b"prefixed"}
    made, stored = pack(model_tar_gz(files, form, executable=("./libdlr.so",)))
    assert extracted(stored, signer, tmp_path / "out") == {name.removeprefix("./"): d for name, d in files.items()}
    assert [file.path for file in made.manifest.files if file.executable] == ["libdlr.so"]


def test_multi_member_gzip(tmp_path: Path, pack: Pack, signer: Signer) -> None:
    plain = gzip.decompress(model_tar_gz(NEO))
    source = b"".join(gzip.compress(plain[at : at + 100_000]) for at in range(0, len(plain), 100_000))
    _, stored = pack(source + gzip.compress(b"") + bytes(512))  # gzip passes over zeros behind its end
    assert extracted(stored, signer, tmp_path / "out") == NEO


def test_git_archive_comment(tmp_path: Path, pack: Pack, signer: Signer) -> None:
    _, stored = pack(tar_gz(pax({"comment": "0" * 40}, b"g"), named(b"m")))
    assert extracted(stored, signer, tmp_path / "out") == {"m": b"data"}


@pytest.mark.parametrize(
    "members",
    [
        [pax({"path": "m", "mtime": "1.5", "SCHILY.xattr.user.x": "y"}), named(b"x")],
        [pax({"size": "4", "path": "m"}), Member(b"x", b"data", size=b"00000000000\0")],
        [gnu(b"K", b"a link's target"), gnu(b"L", b"./m"), named(b"x")],
        [Member(b"m", b"data", kind=b"\0", magic=bytes(8))],
        [Member(b"m", b"data", kind=b"7")],
        [Member(b"m", b"data", size=b"\x80" + bytes(10) + b"\4")],
        [Member(b"m", b"data", size=b"          4 ")],
        [Member(b"m", b"data", mode=bytes(8))],
        [Member(b"./", kind=b"5"), Member(b"d/", kind=b"5"), Member(b"d/", kind=b"5"), named(b"m")],
        [Member(b"old folder/", kind=b"\0", magic=bytes(8)), named(b"m")],
    ],
    ids=["pax", "pax size", "GNU", "Version 7", "contiguous", "base 256", "spaces", "no mode", "folders", "old folder"],
)
def test_rarer_forms(members: list[Member], tmp_path: Path, pack: Pack, signer: Signer) -> None:
    _, stored = pack(tar_gz(*members))
    assert extracted(stored, signer, tmp_path / "out") == {"m": b"data"}


def test_record_padding_of_any_length(pack: Pack) -> None:
    once = pack(tar_gz(named(b"m")))
    assert pack(tar_gz(named(b"m"), end=bytes(20 * 512))) == once
    assert pack(gzip.compress(tar(named(b"m")) + bytes(7))) == once


def test_tar_unpacks_the_package(tmp_path: Path, pack: Pack) -> None:
    _, stored = pack(model_tar_gz(TREE))
    (tmp_path / "package.tar.gz").write_bytes(stored)
    (tmp_path / "gnu").mkdir()
    result = subprocess.run(
        ["tar", "xzf", "../package.tar.gz"], cwd=tmp_path / "gnu", check=True, capture_output=True, text=True
    )
    assert result.stderr == ""
    assert unpacked(tmp_path / "gnu") == TREE
    with tarfile.open(tmp_path / "package.tar.gz") as archive:
        archive.extractall(tmp_path / "python", filter="data")
    assert unpacked(tmp_path / "python") == TREE
    subprocess.run(["gzip", "-t", tmp_path / "package.tar.gz"], check=True)
