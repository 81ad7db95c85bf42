"""The two archives of a compilation: the model that comes in, unpacked under limits, and the artifact that goes out."""

from __future__ import annotations

import errno
import os
import tarfile
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

from isal import igzip

from edgewright.archives import tar_headers
from edgewright.archives.inflation import InflatedSource
from edgewright.archives.tar_reader import TarReader
from edgewright.errors import ArchiveRefused, LimitExceeded, ModelRefused

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.archives.tar_reader import Entry
    from edgewright.limits import Limits

_MIB: Final = 1024 * 1024
_RULES: Final = {
    "outside": "would leave the archive's folder",
    "kind": "is neither a plain file nor a folder",
    "twice": "occurs twice",
    "clash": "is a file and a folder at once, or occurs twice",
}
_TOO_LONG: Final = "has too long or too deep a name"
_LIMITS: Final = {
    "archive_size": "the archive's size",
    "unpacked_size": "the unpacked size",
    "expansion_ratio": "the unpacked size by the allowed expansion ratio of",
    "members": "the number of members",
    "member_size": "the size",
    "name_bytes": "the length of all names",
}


def unpack(archive: BinaryIO, folder: Path, limits: Limits) -> None:
    """Unpack a tar.gz into a new folder: regular files only, nothing outside of it, within the limits.

    Raises:
        ModelRefused: the archive is malformed, unsafe or too large; names the member where there is one.
    """
    folder.mkdir()
    size = os.fstat(archive.fileno()).st_size
    if size > limits.archive_size:
        raise _too_much(_LIMITS["archive_size"], size, limits.archive_size)
    try:
        tar = InflatedSource(iter(partial(archive.read, _MIB), b""), limits)
        reader = TarReader(tar.read, limits)
        while (entry := reader.next()) is not None:
            _extract(tar, entry, folder / entry.path)
        tar.finish()
    except LimitExceeded as error:
        raise _over_limit(error, limits, size) from error
    except ArchiveRefused as error:
        raise _refused(error) from error


def pack(folder: Path, archive: Path) -> None:
    """Pack a folder's files as a tar.gz whose bytes follow from theirs: sorted, without times, owners or modes."""
    with (
        archive.open("xb") as raw,
        igzip.IGzipFile("", "wb", 2, raw, 0) as zipped,  # type: ignore[no-untyped-call] # no name and no time in it
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            with path.open("rb") as content:
                tar.addfile(member, content)


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _extract(tar: InflatedSource, entry: Entry, path: Path) -> None:
    buffer = memoryview(bytearray(min(entry.size, _MIB)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb", buffering=0) as file:
            for at in range(0, entry.size, _MIB):
                piece = buffer[: entry.size - at]
                tar.fill(piece)
                file.write(piece)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise _unsafe(entry.path, _TOO_LONG) from error
    tar.read(tar_headers.padding(entry.size))


def _refused(error: ArchiveRefused) -> ModelRefused:
    if error.fault in _RULES and error.member is not None:
        return _unsafe(error.member, _RULES[error.fault])
    if error.fault == "damaged":
        return _unreadable(error.message)
    return ModelRefused(f"InputConfiguration: The model archive is refused. {error.message}")


def _unsafe(member: str, rule: str) -> ModelRefused:
    return ModelRefused(f"InputConfiguration: The model archive is refused: member {member[:200]!r} {rule}.")


def _unreadable(reason: str) -> ModelRefused:
    return ModelRefused(
        f"InputConfiguration: Unable to untar input model. Please confirm the model is a tar.gz file: {reason}"
    )


def _over_limit(error: LimitExceeded, limits: Limits, compressed: int) -> ModelRefused:
    if error.limit is None:
        return _unreadable(f"a header claims {error.found:,} bytes.")
    if error.limit not in _LIMITS:
        return _unsafe(error.member or "", _TOO_LONG)
    what, most = _LIMITS[error.limit], getattr(limits, error.limit)
    if error.limit == "expansion_ratio":
        what, most = f"{what} {most}", max(compressed * most, limits.expansion_free)
    return _too_much(what, error.found, most, error.member)


def _too_much(what: str, found: int, most: int, member: str | None = None) -> ModelRefused:
    of = f" of member {member[:200]!r}" if member else ""
    return ModelRefused(f"InputConfiguration: {what}{of} is over the limit: {found:,} found, at most {most:,} allowed.")
