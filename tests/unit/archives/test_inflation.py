"""The reader of gzip that is not public in python-isal; an upgrade that changes it fails here."""

from __future__ import annotations

import io
from importlib.metadata import version

import pytest
from isal import igzip, isal_zlib

from edgewright.archives.inflation import InflatedSource
from edgewright.errors import ArchiveRefused, LimitExceeded
from edgewright.limits import Limits


def test_the_class_behind_the_public_reader_takes_a_file_and_a_size() -> None:
    assert version("isal").startswith("1.9."), "read archives/inflation.py against the new version, then move this"
    reader = isal_zlib._GzipReader(io.BytesIO(igzip.compress(b"two") + igzip.compress(b" members")), 512)
    buffer = bytearray(64)
    read = b""
    while size := reader.readinto(buffer):
        read += buffer[:size]
    assert read == b"two members"


def test_a_source_is_inflated_in_order() -> None:
    tar = bytes(range(256)) * 4096
    packed = igzip.compress(tar)
    source = InflatedSource((packed[at : at + 7000] for at in range(0, len(packed), 7000)), Limits())
    assert source.read(len(tar)) == tar
    with pytest.raises(ArchiveRefused, match="its tar ends after 1048576 bytes, 1 too early"):
        source.read(1)


def test_a_source_over_the_archives_limit_is_refused() -> None:
    packed = igzip.compress(b"x")
    with pytest.raises(LimitExceeded):
        InflatedSource([packed], Limits(archive_size=len(packed) - 1)).read(1)
