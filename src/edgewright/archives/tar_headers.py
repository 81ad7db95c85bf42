"""Tar header blocks: read strictly, written in one form only. Pure.

Read: POSIX.1-1988 ustar, POSIX.1-2001 pax records, the GNU long-name form and the Version 7 form, as the POSIX `pax`
utility's page and the GNU tar manual ("Basic Tar Format") lay them down. Written: ustar, and pax where it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edgewright.archives.refusals import refused

BLOCK: Final = 512
END: Final = bytes(2 * BLOCK)

REGULAR: Final = frozenset({b"0", b"\0", b"7"})
FOLDER: Final = b"5"
PAX: Final = b"x"
PAX_GLOBAL: Final = b"g"
LONG_NAME: Final = b"L"
LONG_LINK: Final = b"K"

# Why a member of this type is refused.
REFUSED_TYPES: Final = {
    b"1": "it is a hard link",
    b"2": "it is a symbolic link",
    b"3": "it is a character device",
    b"4": "it is a block device",
    b"6": "it is a FIFO",
    b"S": "it is a sparse file (GNU format)",
    b"D": "it is a GNU incremental folder listing",
    b"M": "it continues a file from another volume",
    b"V": "it is a volume label",
}

_LARGEST_OCTAL: Final = 0o77777777777
_LARGEST_SIZE: Final = 2**63 - 1
_NAME_FIELD: Final = 100
_EXECUTABLE_BITS: Final = 0o111


@dataclass(frozen=True, slots=True)
class Header:
    """One header block, as read.

    Attributes:
        name: the name in the block, prefix included; bytes, since its encoding is checked later.
        size: bytes of data behind the block.
        kind: the type flag.
        executable: whether any execute bit is set.
    """

    name: bytes
    size: int
    kind: bytes
    executable: bool


def padding(size: int) -> int:
    """How many zero bytes fill `size` up to whole blocks."""
    return -size % BLOCK


def parse(block: bytes) -> Header:
    """Read one header block of 512 bytes that is not all zeros.

    Raises:
        ArchiveRefused: a wrong checksum, an unknown format, a number that is no number, a NUL inside a name.
    """
    name = _text(block[:100], block)
    shown = _shown(name)
    total = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    if _number(block[148:156], "checksum", shown) != total:
        raise refused(shown, "its header's checksum is wrong")
    magic = block[257:265]
    if magic == b"ustar\x0000":
        prefix = _text(block[345:500], block)
        name = prefix + b"/" + name if prefix else name
    elif magic != b"ustar  \0" and magic != bytes(8):
        raise refused(shown, "its header is neither ustar, GNU nor Version 7")
    size = _number(block[124:136], "size", shown)
    mode = _number(block[100:108], "mode", shown)
    return Header(name, size, block[156:157], bool(mode & _EXECUTABLE_BITS))


def _text(raw: bytes, block: bytes) -> bytes:
    """A field that ends at its first NUL."""
    text, _, rest = raw.partition(b"\0")
    if rest.strip(b"\0"):
        shown = _shown(block[:100].rstrip(b"\0"))
        raise refused(shown, "a NUL stands inside its name")
    return text


def _number(raw: bytes, what: str, shown: str) -> int:
    """An octal field, or a GNU base-256 one."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw[1:], "big") | (raw[0] & 0x3F) << 8 * (len(raw) - 1)
        if raw[0] & 0x40:
            raise refused(shown, f"its {what} is negative")
    else:
        digits = raw.rstrip(b" \0").lstrip(b" ")
        if digits.strip(b"01234567"):
            raise refused(shown, f"its {what} {digits!r} is not an octal number")
        value = int(digits or b"0", 8)
    if value > _LARGEST_SIZE:
        raise refused(shown, f"its {what} overflows 63 bits")
    return value


def parse_pax(data: bytes, shown: str) -> dict[bytes, bytes]:
    """The records of one pax header: keyword → value.

    Raises:
        ArchiveRefused: a record that is not `length keyword=value newline`, or a keyword given twice.
    """
    records: dict[bytes, bytes] = {}
    for keyword, value in _pax_records(data, shown):
        if keyword in records and not keyword.startswith(b"GNU.sparse."):
            raise refused(shown, f"its pax header gives {keyword!r} twice")
        records[keyword] = value
    return records


def _pax_records(data: bytes, shown: str) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        digits, space, _ = data[at : at + 21].partition(b" ")
        length = int(digits) if digits.isdigit() and space else 0
        keyword, equals, value = data[at + len(digits) + 1 : at + length].partition(b"=")
        if not equals or not keyword or data[at + length - 1 : at + length] != b"\n" or at + length > len(data):
            raise refused(shown, "its pax header has a malformed record")
        yield keyword, value[:-1]
        at += length


def parse_pax_size(value: bytes, shown: str) -> int:
    """The decimal size of a pax header.

    Raises:
        ArchiveRefused: not a decimal number, or one above 63 bits.
    """
    if not value.isdigit() or len(value) > len(str(_LARGEST_SIZE)) or int(value) > _LARGEST_SIZE:
        raise refused(shown, f"its pax size {value[:40]!r} is no possible size")
    return int(value)


def build(path: str, size: int, *, executable: bool = False) -> bytes:
    """The header of a regular file as every package has it: no owner, no clock, and pax only where it is needed.

    A path that is not ASCII or has over 100 bytes, and a size over 8 GiB - 1, are in a pax header.
    """
    records = b""
    name = path.encode()
    if not path.isascii() or len(name) > _NAME_FIELD:
        records += _pax_record(b"path", name)
        name = "".join(character if character.isascii() else "_" for character in path).encode()[:_NAME_FIELD]
    if size > _LARGEST_OCTAL:
        records += _pax_record(b"size", b"%d" % size)
    mode = 0o755 if executable else 0o644
    block = _block(name, min(size, _LARGEST_OCTAL), b"0", mode)
    if not records:
        return block
    return _block(b"././@PaxHeader", len(records), PAX, 0o644) + records + bytes(padding(len(records))) + block


def _pax_record(keyword: bytes, value: bytes) -> bytes:
    """`length keyword=value newline`, where length counts its own digits."""
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, keyword, value)


def _block(name: bytes, size: int, kind: bytes, mode: int) -> bytes:
    head = b"%s%07o\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name.ljust(_NAME_FIELD, b"\0"), mode, size)
    tail = (kind + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\x000000000\x00").ljust(BLOCK - 156, b"\0")
    return head + b"%06o\0 " % (sum(head) + 8 * ord(" ") + sum(tail)) + tail


def _shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
