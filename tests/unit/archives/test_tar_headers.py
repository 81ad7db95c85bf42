"""Tar headers: ours against Python's tarfile, and the numbers in them."""

from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives import Member, pax_record
from edgewright.archives import tar_headers
from edgewright.errors import ArchiveRefused

paths = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=200)


@given(path=paths, size=st.integers(0, 2**63 - 1), executable=st.booleans())
def test_built_headers_read_the_same_everywhere(*, path: str, size: int, executable: bool) -> None:
    built = tar_headers.build(path, size, executable=executable)
    assert len(built) % 512 == 0
    header = tar_headers.parse(built[-512:])
    assert (header.kind, header.executable) == (b"0", executable)
    records = {}
    if len(built) > 512:
        extension = tar_headers.parse(built[:512])
        assert extension.kind == b"x"
        records = tar_headers.parse_pax(built[512 : 512 + extension.size], path)
    assert records.get(b"path", header.name).decode() == path
    assert int(records.get(b"size", header.size)) == size
    assert tarfile.TarInfo.frombuf(built[-512:], "utf-8", "strict").mode == (0o755 if executable else 0o644)


def test_pax_stands_only_where_it_is_needed() -> None:
    assert len(tar_headers.build("n" * 100, 8**11 - 1)) == 512
    assert len(tar_headers.build("n" * 101, 0)) == 3 * 512
    assert len(tar_headers.build("n", 8**11)) == 3 * 512
    assert len(tar_headers.build("ü", 0)) == 3 * 512
    assert len(tar_headers.build("ü" * 400, 0)) == 4 * 512


@pytest.mark.parametrize("length", [1, 91, 92, 93, 94, 95, 986, 987, 988, 989, 990, 991, 992])
def test_record_lengths_count_themselves(length: int) -> None:
    """Where the length's own digits tip it over to one digit more."""
    record = tar_headers._pax_record(b"path", b"n" * length)
    assert int(record.split()[0]) == len(record)
    assert record == pax_record("path", b"n" * length)
    assert tar_headers.parse_pax(record, "n") == {b"path": b"n" * length}


@pytest.mark.parametrize(
    ("field", "size"),
    [
        (b"00000000017\0", 15),
        (b"         17 ", 15),
        (b"17\0\0\0\0\0\0\0\0\0\0", 15),
        (b"777777777777", 8**12 - 1),
        (bytes(12), 0),
        (b"\x80" + bytes(10) + b"\x0f", 15),
        (b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, 2**63 - 1),
    ],
)
def test_numbers(field: bytes, size: int) -> None:
    assert tar_headers.parse(Member(size=field).header()).size == size


@pytest.mark.parametrize("field", [b"\x80" + bytes(3) + b"\x80" + bytes(7), b"\xc0" + bytes(11), b"0x000000001\0"])
def test_no_numbers(field: bytes) -> None:
    with pytest.raises(ArchiveRefused, match="size"):
        tar_headers.parse(Member(size=field).header())


def test_names_of_each_format() -> None:
    assert tar_headers.parse(Member(b"n", prefix=b"p/q").header()).name == b"p/q/n"
    assert tar_headers.parse(Member(b"n", prefix=b"p/q", magic=b"ustar  \0").header()).name == b"n"
    assert tar_headers.parse(Member(b"n" * 100, prefix=b"p" * 155).header()).name == b"p" * 155 + b"/" + b"n" * 100


@pytest.mark.parametrize("mode", [b"0000100\0", b"0000010\0", b"0000001\0", b"100755 \0"])
def test_any_execute_bit_counts(mode: bytes) -> None:
    assert tar_headers.parse(Member(mode=mode).header()).executable


def test_every_checksum_is_checked() -> None:
    block = Member(b"name", b"data").header()
    for at in set(range(512)) - {148}:  # there, 0x10 makes a leading zero a leading space
        changed = block[:at] + bytes([block[at] ^ 0x10]) + block[at + 1 :]
        with pytest.raises(ArchiveRefused):
            tar_headers.parse(changed)
