"""The package's gzip members, and the splitter that finds them."""

from __future__ import annotations

import gzip
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import ArchiveRefused, LimitExceeded
from edgewright.limits import Limits
from edgewright.packaging import gzip_members
from edgewright.packaging.gzip_members import CHUNK


def member(tar: bytes) -> bytes:
    return b"".join(gzip_members.deflate(memoryview(tar)))


@pytest.mark.parametrize("size", [0, 1, 512, 65_535, 65_536, CHUNK - 1, CHUNK])
@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_members_are_gzip(size: int, kind: str) -> None:
    tar = bytes(size) if kind == "zeros" else random.Random(size).randbytes(size)
    made = member(tar)
    assert gzip.decompress(made) == tar == gzip_members.inflate(made)
    assert made[:4] == b"\x1f\x8b\x08\x04"
    assert made[10:16] == b"\x08\x00EW\x04\x00"
    assert struct.unpack("<I", made[16:20]) == (len(made),)
    assert struct.unpack("<II", made[-8:]) == (zlib.crc32(tar), len(tar))
    assert len(made) <= gzip_members.LONGEST


@given(st.lists(st.binary(max_size=300), max_size=12), st.integers(1, 700))
def test_split_anywhere(tars: list[bytes], size: int) -> None:
    members = [member(tar) for tar in tars]
    whole = b"".join(members)
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    seen: list[int] = []
    assert list(gzip_members.split(pieces, Limits(), seen.append)) == members
    assert seen == [min((number + 1) * size, len(whole)) for number in range(len(pieces))]


@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_no_member(garbage: bytes) -> None:
    with pytest.raises(ArchiveRefused, match=r"truncated|gzip members|none of version 1"):
        list(gzip_members.split([member(b"tar"), garbage], Limits(), None))


def test_every_bit_counts() -> None:
    """But for those that fill the last byte of the deflate data."""
    tar = b"some tar bytes, some tar bytes, some tar bytes"
    made = member(tar)
    accepted = []
    for at in range(len(made)):
        for bit in range(8):
            changed = made[:at] + bytes([made[at] ^ 1 << bit]) + made[at + 1 :]
            try:
                tars = [gzip_members.inflate(one) for one in gzip_members.split([changed], Limits(), None)]
            except ArchiveRefused:
                continue
            assert tars == [tar]
            accepted.append(at)
    assert set(accepted) <= {len(made) - 9}


@pytest.mark.parametrize("claimed", [0, 5, CHUNK])
def test_members_that_hold_more_than_they_say(claimed: int) -> None:
    body = zlib.compressobj(wbits=-15)
    deflated = body.compress(bytes(50_000_000)) + body.flush()
    trailer = struct.pack("<II", zlib.crc32(bytes(50_000_000)), claimed)
    bomb = member(b"")[:16] + struct.pack("<I", 28 + len(deflated)) + deflated + trailer
    with pytest.raises(ArchiveRefused, match="damaged"):
        gzip_members.inflate(bomb)


def test_archive_size_is_limited() -> None:
    made = member(bytes(1000))
    with pytest.raises(LimitExceeded, match="archive_size"):
        list(gzip_members.split([made] * 10, Limits(archive_size=len(made) * 10 - 1), None))
