"""Archives for the tests, made byte by byte: anything a tar or gzip can be made to say, well-formed or not."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCK = 512


@dataclass(frozen=True, slots=True)
class Member:
    """One tar member, each field of its header as raw as it gets."""

    name: bytes = b"file"
    data: bytes = b""
    kind: bytes = b"0"
    mode: bytes = b"0000644\0"
    size: bytes | None = None
    link: bytes = b""
    magic: bytes = b"ustar\x0000"
    prefix: bytes = b""
    checksum: bytes | None = None

    def header(self) -> bytes:
        """The 512 bytes of its header."""
        size = b"%011o\0" % len(self.data) if self.size is None else self.size
        before = self.name.ljust(100, b"\0") + self.mode + b"0000000\0" * 2 + size + b"00000000000\0"
        after = self.kind + self.link.ljust(100, b"\0") + self.magic + bytes(80) + self.prefix.ljust(155, b"\0")
        after = after.ljust(BLOCK - 156, b"\0")
        total = sum(before) + 8 * ord(" ") + sum(after)
        return before + (b"%06o\0 " % total if self.checksum is None else self.checksum) + after

    def to_bytes(self) -> bytes:
        """Header, data and padding."""
        return self.header() + self.data + bytes(-len(self.data) % BLOCK)


def pax(records: Mapping[str, str | bytes], kind: bytes = b"x") -> Member:
    """A pax extension header."""
    data = b"".join(pax_record(key, value) for key, value in records.items())
    return Member(b"././@PaxHeader", data, kind)


def pax_record(key: str, value: str | bytes) -> bytes:
    """One record, its length counting itself."""
    body = b" " + key.encode() + b"=" + (value.encode() if isinstance(value, str) else value) + b"\n"
    length = len(body) + 1
    while len(str(length)) + len(body) != length:
        length += 1
    return str(length).encode() + body


def gnu(kind: bytes, value: bytes) -> Member:
    """A GNU long-name (`L`) or long-link (`K`) header."""
    return Member(b"././@LongLink", value + b"\0", kind, magic=b"ustar  \0")


def tar(*members: Member, end: bytes = bytes(2 * BLOCK)) -> bytes:
    """A tar of some members."""
    return b"".join(member.to_bytes() for member in members) + end


def tar_gz(*members: Member, end: bytes = bytes(2 * BLOCK)) -> bytes:
    """A tar.gz of some members."""
    return gzip.compress(tar(*members, end=end), mtime=0)


def model_tar_gz(
    files: dict[str, bytes], form: int = tarfile.PAX_FORMAT, executable: tuple[str, ...] = (), level: int = 9
) -> bytes:
    """A tar.gz of some files as Python's tarfile makes it; level 0 is quick with what cannot be compressed anyway."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=form, compresslevel=level) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o755 if name in executable else 0o644
            info.mtime = 1_700_000_000
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def named(name: bytes, data: bytes = b"data") -> Member:
    """A regular file of that name."""
    return replace(Member(), name=name, data=data)
