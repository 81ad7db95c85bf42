"""A strict reader of tar archives: headers in, regular files out, everything else refused.

It reads headers only. Behind each entry that it returns, its caller takes the entry's data and padding from the same
stream, straight to where they are needed, and then asks for the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from edgewright.archives import names, tar_headers
from edgewright.archives.refusals import exceeded, refused
from edgewright.errors import ArchiveRefused, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.archives.tar_headers import Header
    from edgewright.limits import Limits

# Extended attributes are the longest thing that real archives keep in a pax header.
LONGEST_PAX: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One regular file.

    Attributes:
        path: its normalised path.
        size: bytes of data that follow, before the padding to whole blocks.
        executable: whether any execute bit was set.
        header: every header byte that led to it, as read.
    """

    path: str
    size: int
    executable: bool
    header: bytes


@dataclass(frozen=True, slots=True)
class _Extension:
    """What pax and GNU headers said about the member behind them."""

    name: bytes | None = None
    size: int | None = None
    kinds: bytes = b""


class TarReader:
    """Regular files of one tar stream, in its order.

    Args:
        read: returns exactly as many bytes as it is asked for, or raises.
        limits: how many members, how large, and how long their names.
        reserved: folded names that no member may have at the root.
    """

    def __init__(self, read: Callable[[int], bytes], limits: Limits, reserved: tuple[str, ...] = ()) -> None:
        self._read = read
        self._limits = limits
        self._tree = names.NameTree(limits, reserved)
        self._members = 0
        self._header = b""

    def next(self) -> Entry | None:
        """The next regular file, or None at the end-of-archive blocks.

        Raises:
            ArchiveRefused: a malformed header, or a member that a package may not hold.
            LimitExceeded: more than a limit allows.
        """
        while (found := self._next_member()) is not None:
            header, extension = found
            raw = header.name if extension.name is None else extension.name
            size = header.size if extension.size is None else extension.size
            name = names.decode(raw)
            is_folder = self._check_kind(header, name, size)
            path = names.normalise(name)
            if path:
                self._tree.add(path, folder=is_folder)
            elif not is_folder:
                raise refused(name, "its name means the archive's root", "name")
            if not is_folder:
                return Entry(path, size, header.executable, self._header)
        return None

    def _next_member(self) -> tuple[Header, _Extension] | None:
        """One member's header, and what the extension headers before it said."""
        extension = _Extension()
        self._header = b""
        while (header := self._next_header()) is not None:
            if header.kind == tar_headers.PAX_GLOBAL:
                self._count(header)
                self._skip_global(header)
            elif header.kind in {tar_headers.PAX, tar_headers.LONG_NAME, tar_headers.LONG_LINK}:
                extension = self._extend(extension, header)
            else:
                self._count(header)
                return header, extension
        if extension.kinds:
            raise ArchiveRefused("The archive ends behind an extension header: the member it belongs to is missing.")
        return None

    def _next_header(self) -> Header | None:
        block = self._read(tar_headers.BLOCK)
        if block.count(0) == tar_headers.BLOCK:
            if self._read(tar_headers.BLOCK).count(0) != tar_headers.BLOCK:
                raise ArchiveRefused("The archive has one block of zeros where it ends with two: it is damaged.")
            return None
        self._header += block
        return tar_headers.parse(block)

    def _count(self, header: Header) -> None:
        self._members += 1
        most = self._limits.members
        if self._members > most:
            message = f"The archive has over {most} members, which limits.members allows."
            member = header.name.decode("utf-8", "backslashreplace")
            raise LimitExceeded(message, member, limit="members", found=self._members)

    def _check_kind(self, header: Header, name: str, size: int) -> bool:
        """Whether the member is a folder; else it is a regular file."""
        if header.kind != tar_headers.FOLDER and header.kind not in tar_headers.REGULAR:
            reason = tar_headers.REFUSED_TYPES.get(header.kind, f"its type {header.kind!r} is unknown")
            raise refused(name, f"{reason}; a package holds regular files only", "kind")
        # Version 7 archives mark a folder by its trailing slash alone.
        is_folder = header.kind == tar_headers.FOLDER or name.endswith("/")
        if is_folder and size:
            raise refused(name, f"it is a folder with {size} bytes of data", "kind")
        if size > self._limits.member_size:
            raise exceeded(name, f"it has {size} bytes", self._limits, "member_size", size)
        return is_folder

    def _extend(self, extension: _Extension, header: Header) -> _Extension:
        """Add one extension header; each kind may occur once before a member."""
        shown = header.name.decode("utf-8", "backslashreplace")
        if header.kind in extension.kinds:
            raise refused(shown, "two extension headers of one kind in a row")
        kinds = extension.kinds + header.kind
        if header.kind == tar_headers.PAX:
            return self._extend_by_pax(extension, self._extension_data(header, LONGEST_PAX, shown), kinds)
        data = self._extension_data(header, min(self._limits.path_length, names.LONGEST_NAME) + 1, shown)
        if header.kind == tar_headers.LONG_LINK:
            return _Extension(extension.name, extension.size, kinds)
        if extension.name is not None:
            raise refused(shown, "both a pax and a GNU header name it")
        return _Extension(data.removesuffix(b"\0"), extension.size, kinds)

    @staticmethod
    def _extend_by_pax(extension: _Extension, data: bytes, kinds: bytes) -> _Extension:
        records = tar_headers.parse_pax(data, "behind a pax header")
        name = records.get(b"path")
        shown = (name or b"behind a pax header").decode("utf-8", "backslashreplace")
        _refuse_sparse(records, shown)
        if name is not None and extension.name is not None:
            raise refused(shown, "both a pax and a GNU header name it")
        size = tar_headers.parse_pax_size(records[b"size"], shown) if b"size" in records else None
        return _Extension(extension.name if name is None else name, size, kinds)

    def _skip_global(self, header: Header) -> None:
        """Global records may hold comments, as `git archive` writes them, but nothing about members."""
        records = tar_headers.parse_pax(self._extension_data(header, LONGEST_PAX, "(global)"), "(global)")
        _refuse_sparse(records, "(global)")
        if records.keys() & {b"path", b"size", b"linkpath"}:
            raise ArchiveRefused("The archive is refused: a global pax header gives one name or size to all members.")

    def _extension_data(self, header: Header, most: int, shown: str) -> bytes:
        if header.size > most:
            raise LimitExceeded(
                f"Member {shown!r} is refused: its extension header has {header.size} bytes, and {most} are allowed.",
                found=header.size,
            )
        data = self._read(header.size + tar_headers.padding(header.size))
        self._header += data
        return data[: header.size]


def _refuse_sparse(records: dict[bytes, bytes], shown: str) -> None:
    """The pax forms 0.0, 0.1 and 1.0 of GNU sparse files, and star's."""
    if b"SCHILY.realsize" in records or any(keyword.startswith(b"GNU.sparse.") for keyword in records):
        raise refused(shown, "it is a sparse file (pax format)", "kind")
