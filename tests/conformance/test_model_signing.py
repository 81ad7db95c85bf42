"""OpenSSF's own tool judges the unpacked package."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz
from edgewright.packaging import SIGNATURE_NAME
from edgewright.signing.keys import PUBLIC_FILE, load_or_create
from packing import pack

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"b/c": b"1", "b-c": b"2", "a.onnx": bytes(100_000), "B2/größe.txt": b"3", "n" * 150: b"4", "empty": b""}


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    load_or_create(folder)
    return folder


@pytest.fixture
def unpacked(tmp_path: Path, key_folder: Path) -> Path:
    """The package as `tar xzf` unpacks it."""
    _, stored = pack(load_or_create(key_folder), model_tar_gz(FILES))
    (tmp_path / "package.tar.gz").write_bytes(stored)
    (tmp_path / "model").mkdir()
    subprocess.run(["tar", "xzf", "../package.tar.gz"], cwd=tmp_path / "model", check=True)
    return tmp_path / "model"


def judge(folder: Path, public_key: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-m", "model_signing", "verify", "key", str(folder)]
    command += ["--signature", str(folder / SIGNATURE_NAME), "--public_key", str(public_key)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_accepts(unpacked: Path, key_folder: Path) -> None:
    result = judge(unpacked, key_folder / PUBLIC_FILE)
    assert (result.returncode, "Verification succeeded" in result.stdout) == (0, True), result.stderr
    assert "WARNING" not in result.stdout


def test_refuses_an_extra_file(unpacked: Path, key_folder: Path) -> None:
    (unpacked / "extra").touch()
    result = judge(unpacked, key_folder / PUBLIC_FILE)
    assert result.returncode != 0
    assert "Extra files" in result.stderr + result.stdout


def test_refuses_a_changed_file(unpacked: Path, key_folder: Path) -> None:
    (unpacked / "b" / "c").write_bytes(b"2")
    result = judge(unpacked, key_folder / PUBLIC_FILE)
    assert result.returncode != 0
    assert "Hash mismatch for 'b/c'" in result.stderr + result.stdout


def test_refuses_a_missing_file(unpacked: Path, key_folder: Path) -> None:
    (unpacked / "empty").unlink()
    result = judge(unpacked, key_folder / PUBLIC_FILE)
    assert result.returncode != 0
    assert "Missing files" in result.stderr + result.stdout


def test_refuses_another_key(unpacked: Path, tmp_path: Path) -> None:
    load_or_create(tmp_path / "other")
    result = judge(unpacked, tmp_path / "other" / PUBLIC_FILE)
    assert result.returncode != 0
    assert "Key mismatch" in result.stderr + result.stdout
