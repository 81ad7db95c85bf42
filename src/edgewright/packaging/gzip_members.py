"""The package's outer form: gzip members of at most 1 MiB of tar, each of which states its length. Pure.

The length is in an extra field of the gzip header (RFC 1952, 2.3.1.1), as the BGZF format of genomics has it. Every
gunzip passes over it; a reader that knows it finds the members without inflating them, and inflates them side by side.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from isal import igzip_lib

from edgewright.errors import ArchiveRefused, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer

    from edgewright.limits import Limits

    Member = bytes | bytearray
    """One gzip member, still compressed."""

# Bytes of tar in one member, at most.
CHUNK: Final = 1024 * 1024

# ISA-L's level 1: docs/decisions/0011-isal-level.md has the figures.
LEVEL: Final = 1

# ID1 ID2 CM FLG=FEXTRA MTIME=0 XFL=0 OS=unknown XLEN=8, then the subfield "EW" of 4 bytes.
_FIXED: Final = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x08\x00EW\x04\x00"
_LENGTH: Final = struct.Struct("<I")
HEADER: Final = len(_FIXED) + _LENGTH.size

# Deflate's stored blocks add 5 bytes for each 65,535; ISA-L cuts them smaller. More than this is no member of ours.
LONGEST: Final = CHUNK + CHUNK // 16 + 1024
_SHORTEST: Final = HEADER + 2 + 8


def deflate(tar: memoryview) -> tuple[bytes, bytes]:
    """One member over at most 1 MiB of tar: its header, and its body with the trailer."""
    body = igzip_lib.compress(tar, LEVEL, igzip_lib.COMP_GZIP_NO_HDR)
    return _FIXED + _LENGTH.pack(HEADER + len(body)), body


def unpacked_size(member: Member) -> int:
    """How many bytes of tar a member's trailer states.

    Raises:
        ArchiveRefused: over 1 MiB.
    """
    size: int = _LENGTH.unpack_from(member, len(member) - _LENGTH.size)[0]
    if size > CHUNK:
        raise ArchiveRefused(f"The package is damaged: a gzip member says it holds {size} bytes of tar, over {CHUNK}.")
    return size


def inflate(member: Member) -> bytes:
    """The tar bytes of one whole member.

    Raises:
        ArchiveRefused: damaged, or longer or shorter than its header and trailer state.
    """
    size = unpacked_size(member)
    inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_GZIP)
    try:
        # One byte more than it should hold: enough to see that it holds more, and for the trailer to be checked.
        tar = inflater.decompress(member, size + 1)
    except igzip_lib.IsalError as error:  # type: ignore[misc] # its stub types the class as an instance
        raise ArchiveRefused(f"The package is damaged: a gzip member cannot be inflated ({error}).") from error
    if len(tar) != size or not inflater.eof or inflater.unused_data:
        raise ArchiveRefused("The package is damaged: a gzip member is not as long as it says.")
    return tar


def split(pieces: Iterable[Buffer], limits: Limits, progress: Callable[[int], None] | None) -> Iterator[Member]:
    """A package's gzip members, one by one, still compressed.

    Args:
        pieces: the package, cut anywhere.
        limits: `archive_size` is enforced.
        progress: called with the number of bytes read, after each piece.

    Raises:
        ArchiveRefused: something else than members of the package's form, or the last one breaks off.
        LimitExceeded: over `limits.archive_size` bytes.
    """
    splitter = _Splitter()
    taken = 0
    for piece in pieces:
        view = memoryview(piece).cast("B")
        taken += len(view)
        if taken > limits.archive_size:
            raise LimitExceeded(f"The package has over {limits.archive_size} bytes (limits.archive_size).")
        if progress is not None:
            progress(taken)
        yield from splitter.feed(view)
    splitter.finish()


class _Splitter:
    """Finds whole members in pieces that are cut anywhere."""

    def __init__(self) -> None:
        self._begun = bytearray()  # a member that a piece's end has cut

    def feed(self, view: memoryview) -> Iterator[Member]:
        at = 0
        while at < len(view):
            wanted = HEADER - len(self._begun)
            if wanted <= 0:
                wanted = _length(self._begun) - len(self._begun)
            elif not self._begun and len(view) - at >= HEADER:
                length = _length(view[at : at + HEADER])
                if length <= len(view) - at:
                    yield bytes(view[at : at + length])
                    at += length
                    continue
            self._begun += view[at : at + wanted]
            at += wanted
            if len(self._begun) >= HEADER and len(self._begun) == _length(self._begun):
                whole, self._begun = self._begun, bytearray()
                yield whole

    def finish(self) -> None:
        if self._begun:
            raise ArchiveRefused("The package is truncated: its last gzip member breaks off.")


def _length(begun: memoryview | bytearray) -> int:
    """The length of a member in bytes, from its header, header and trailer included."""
    if bytes(begun[: len(_FIXED)]) != _FIXED:
        raise ArchiveRefused("The package is not made of gzip members that say their length, as version 1 has them.")
    length: int = _LENGTH.unpack_from(begun, len(_FIXED))[0]
    if not _SHORTEST <= length <= LONGEST:
        raise ArchiveRefused(f"The package is damaged: a gzip member of {length} bytes is none of version 1.")
    return length
