"""Other languages' ways of reading gzip and tar come to the same files."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING

import pytest

from archives import model_tar_gz

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packing import Pack

FILES = {"compiled.params": bytes(range(256)) * 9000, "lib/libdlr.so": b"\x7fELF" * 1000, "empty": b""}

GO = """
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
)

func main() {
	unzipped, err := gzip.NewReader(os.Stdin)
	if err != nil {
		panic(err)
	}
	archive := tar.NewReader(unzipped)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(err)
		}
		digest := sha256.New()
		if _, err := io.Copy(digest, archive); err != nil {
			panic(err)
		}
		fmt.Printf("%x %o %s\\n", digest.Sum(nil), header.Mode, header.Name)
	}
}
"""


def members_one_by_one(package: bytes) -> Iterator[bytes]:
    """Each gzip member inflated by an inflater of its own, which knows of no other."""
    while package:
        inflater = zlib.decompressobj(wbits=31)
        yield inflater.decompress(package) + inflater.flush()
        assert inflater.eof
        package = inflater.unused_data


def listed(stored: bytes) -> list[str]:
    """The package's files as Python's tarfile reads them."""
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        members = archive.getmembers()
        contents = [archive.extractfile(member).read() for member in members]  # type: ignore[union-attr] # all are files
    digests = [hashlib.sha256(content).hexdigest() for content in contents]
    return [f"{digest} {member.mode:o} {member.name}" for digest, member in zip(digests, members, strict=True)]


def test_a_reader_that_takes_one_member_at_a_time(pack: Pack) -> None:
    _, stored = pack(model_tar_gz(FILES))
    pieces = list(members_one_by_one(stored))
    assert len(pieces) > len(FILES)
    assert max(map(len, pieces)) <= 1024 * 1024
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces)), mode="r:") as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}  # type: ignore[union-attr] # all are files
    assert found.items() >= FILES.items()


@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed")
def test_the_readers_of_go(pack: Pack, tmp_path: Path) -> None:
    _, stored = pack(model_tar_gz(FILES))
    (tmp_path / "read.go").write_text(GO)
    environment = os.environ | {"GO111MODULE": "off", "GOCACHE": str(tmp_path / "cache"), "GOFLAGS": ""}
    done = subprocess.run(
        ["go", "run", "read.go"], input=stored, capture_output=True, check=True, cwd=tmp_path, env=environment
    )
    assert done.stdout.decode().splitlines() == listed(stored)
