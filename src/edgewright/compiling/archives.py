"""The two archives of a compilation: the model that comes in, unpacked under limits, and the artifact that goes out."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from isal import igzip, isal_zlib

from edgewright.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edgewright.limits import Limits

_MIB = 1024 * 1024
_LARGEST_HEADER = 4 * _MIB  # a PAX header or a long name; a member's content is read in smaller pieces


def unpack(archive: Path, folder: Path, limits: Limits) -> None:
    """Unpack a tar.gz into a new folder: regular files and folders only, nothing outside of it, within the limits.

    The inflated archive is kept beside the folder while it is read, so that reading it never goes back over gzip.

    Raises:
        ModelRefused: the archive is malformed, unsafe or too large; names the member where there is one.
    """
    folder.mkdir()
    inflated = folder.with_suffix(".tar")
    try:
        _inflate(archive, inflated, limits)
        with _Tar(inflated) as file, tarfile.open(fileobj=file, mode="r:", errorlevel=2) as tar:
            for member, path in _checked(tar, limits):
                _extract(tar, member, folder / path)
    except RecursionError as error:
        raise _unreadable("too many extension headers stand in a row") from error
    except (tarfile.TarError, UnicodeError, OverflowError) as error:
        raise _unreadable(str(error)) from error
    finally:
        inflated.unlink(missing_ok=True)


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


class _Tar(io.FileIO):
    """A tar file whose headers cannot ask for much memory."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0 or size > _LARGEST_HEADER:
            raise _unreadable(f"a header claims {size:,} bytes" if size else "a header claims no size")
        return super().read(size) or b""


def _unreadable(reason: str) -> ModelRefused:
    return ModelRefused(
        f"InputConfiguration: Unable to untar input model. Please confirm the model is a tar.gz file: {reason}."
    )


def _inflate(archive: Path, inflated: Path, limits: Limits) -> None:
    compressed = archive.stat().st_size
    if compressed > limits.archive_size:
        raise _too_much("the archive's size", compressed, limits.archive_size)
    what, most = "the unpacked size", limits.unpacked_size
    expanded = max(compressed * limits.expansion_ratio, limits.expansion_free)
    if expanded < most:
        what, most = f"{what} by the allowed expansion ratio of {limits.expansion_ratio}", expanded
    try:
        with (
            igzip.IGzipFile(archive, "rb") as zipped,  # type: ignore[no-untyped-call]
            inflated.open("xb") as plain,
        ):
            while piece := zipped.read(_MIB):
                if plain.tell() + len(piece) > most:
                    raise _too_much(what, plain.tell() + len(piece), most)
                plain.write(piece)
    except (gzip.BadGzipFile, isal_zlib.IsalError, EOFError) as error:  # type: ignore[misc] # the stub has an instance
        raise _unreadable(str(error)) from error


def _too_much(what: str, found: int, most: int, member: str | None = None) -> ModelRefused:
    of = f" of member {member!r}" if member else ""
    return ModelRefused(f"InputConfiguration: {what}{of} is over the limit: {found:,} found, at most {most:,} allowed.")


def _checked(tar: tarfile.TarFile, limits: Limits) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    """Each member with the path that it may be written to."""
    seen: set[PurePosixPath] = set()
    name_bytes = 0
    for number, member in enumerate(tar, start=1):
        name_bytes += len(member.name.encode(errors="surrogateescape"))
        for what, found, most in (
            ("the number of members", number, limits.members),
            ("the length of all names", name_bytes, limits.name_bytes),
            ("the size", member.size, limits.member_size),
        ):
            if found > most:
                raise _too_much(what, found, most, member.name[:200])
        path = _path(member, limits)
        if member.isreg() and path in seen:
            raise _unsafe(member, "occurs twice")
        seen.add(path)
        yield member, path


def _path(member: tarfile.TarInfo, limits: Limits) -> PurePosixPath:
    if not (member.isreg() or member.isdir()) or member.issparse():
        raise _unsafe(member, "is neither a plain file nor a folder")
    parts = [part for part in member.name.split("/") if part not in {"", "."}]
    if member.name.startswith("/") or ".." in parts or "\\" in member.name or "\0" in member.name:
        raise _unsafe(member, "would leave the archive's folder")
    if len(member.name.encode(errors="surrogateescape")) > limits.path_length or len(parts) > limits.path_depth:
        raise _unsafe(member, "has too long or too deep a name")
    if any(len(part.encode(errors="surrogateescape")) > 255 for part in parts):
        raise _unsafe(member, "has too long or too deep a name")
    return PurePosixPath(*parts)


def _unsafe(member: tarfile.TarInfo, reason: str) -> ModelRefused:
    return ModelRefused(f"InputConfiguration: The model archive is refused: member {member.name[:200]!r} {reason}.")


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    try:
        if member.isdir():
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with _content(tar, member) as content, path.open("xb") as file:
            shutil.copyfileobj(content, file, _MIB)
            if file.tell() != member.size:
                raise _unreadable(f"member {member.name[:200]!r} is cut short")
    except (FileExistsError, NotADirectoryError) as error:
        raise _unsafe(member, "is a file and a folder at once, or occurs twice") from error


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise _unsafe(member, "has no content")
    return content
