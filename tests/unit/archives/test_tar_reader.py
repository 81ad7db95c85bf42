"""The tar reader by itself: entries, where they begin, and how little it reads at a time."""

from __future__ import annotations

import io
import random

import pytest

from archives import Member, gnu, named, pax, tar
from edgewright.archives import tar_headers
from edgewright.archives.tar_reader import Entry, TarReader
from edgewright.errors import ArchiveRefused, LimitExceeded
from edgewright.limits import Limits


class Tape(io.BytesIO):
    """Reads exactly, and remembers the longest read."""

    longest = 0

    def exactly(self, size: int) -> bytes:
        self.longest = max(self.longest, size)
        data = self.read(size)
        if len(data) != size:
            raise ArchiveRefused("truncated")
        return data


def entries(data: bytes, limits: Limits | None = None) -> list[Entry]:
    tape = Tape(data)
    reader = TarReader(tape.exactly, limits or Limits())
    found = []
    while (entry := reader.next()) is not None:
        found.append(entry)
        tape.exactly(entry.size + tar_headers.padding(entry.size))
    return found


def test_entries_keep_their_headers() -> None:
    extension, member = pax({"path": "./long"}), named(b"short")
    found = entries(tar(Member(b"folder/", kind=b"5"), extension, member, named(b"next")))
    assert found == [
        Entry("long", 4, executable=False, header=extension.to_bytes() + member.header()),
        Entry("next", 4, executable=False, header=named(b"next").header()),
    ]


def test_an_extension_belongs_to_one_member() -> None:
    paths = [entry.path for entry in entries(tar(gnu(b"L", b"long"), named(b"a"), named(b"b")))]
    assert paths == ["long", "b"]
    sizes = [
        entry.size
        for entry in entries(tar(pax({"size": "4"}), Member(b"a", b"data", size=bytes(12)), named(b"b", b"")))
    ]
    assert sizes == [4, 0]


def test_nothing_large_is_read_on_a_members_word() -> None:
    for kind in (b"x", b"g", b"L", b"K"):
        tape = Tape(tar(Member(b"m", size=b"77777777777\0", kind=kind)))
        with pytest.raises(LimitExceeded, match="extension header has 8589934591 bytes"):
            TarReader(tape.exactly, Limits()).next()
        assert tape.longest == 512


def test_extension_headers_without_end() -> None:
    """Global headers count as members; those for a member stand once before it."""
    with pytest.raises(LimitExceeded, match=r"limits\.members"):
        entries(tar(*[pax({"comment": "c"}, b"g")] * 30), Limits(members=20))
    with pytest.raises(ArchiveRefused, match="in a row"):
        entries(tar(*[pax({"comment": "c"})] * 3))


def test_whatever_is_in_it_the_reader_refuses_or_reads() -> None:
    """Random changes of a tar with every kind of header: nothing but a refusal comes out."""
    whole = tar(
        Member(b"./", kind=b"5"),
        pax({"path": "p" * 120, "mtime": "1.5"}),
        named(b"p"),
        gnu(b"L", b"l" * 200),
        named(b"l"),
        pax({"comment": "x"}, b"g"),
        Member(b"v7", b"data", kind=b"\0", magic=bytes(8)),
        Member(b"b", size=b"\x80" + bytes(11)),
    )
    chance, refused = random.Random(4), 0
    assert len(entries(whole)) == 4
    for _ in range(5000):
        changed = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2, 8])):
            changed[chance.randrange(len(changed))] = chance.choice([0, 0x20, 0x30, 0x37, 0x78, 0x80, 0xFF])
        try:
            entries(bytes(changed[: chance.choice([len(changed), chance.randrange(len(changed))])]))
        except ArchiveRefused:
            refused += 1
    assert refused > 1000
