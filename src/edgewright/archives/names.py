"""The rules for members' names: what a name may be, and which names may be side by side. Pure.

A package has to unpack to the same files everywhere: on file systems that ignore case or Unicode's normal forms, and
with tools that believe an absolute path. So a name that could mean two things is refused, not repaired.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edgewright.archives.refusals import exceeded, refused

if TYPE_CHECKING:
    from edgewright.limits import Limits

# Whatever the settings say, a header has to fit one chunk.
LONGEST_NAME: Final = 64 * 1024


def decode(name: bytes) -> str:
    """A member's name as text.

    Raises:
        ArchiveRefused: it is not UTF-8.
    """
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError as error:
        shown = name.decode("utf-8", "backslashreplace")
        raise refused(shown, "its name is not valid UTF-8", "name") from error


def normalise(name: str) -> str:
    """A member's name without `.` parts, empty parts and a folder's trailing slash; `""` stands for the root.

    Raises:
        ArchiveRefused: the name is empty, absolute, climbs with `..`, or holds a backslash or a control character.
    """
    parts = name.split("/")
    if not name:
        raise refused(name, "its name is empty", "name")
    if name[0] == "/":
        raise refused(name, "its path is absolute", "outside")
    if ".." in parts:
        raise refused(name, "its path climbs with '..'", "outside")
    if "\\" in name:
        raise refused(name, "its name holds a backslash", "outside")
    if not name.isprintable() and any(unicodedata.category(character) == "Cc" for character in name):
        raise refused(name, "its name holds a NUL or another control character", "outside")
    return "/".join(part for part in parts if part not in {"", "."})


@dataclass(slots=True)
class Folder:
    """One folder of the tree of names seen so far: a folded part → its spelling, and the folder behind it, if one."""

    spelling: str
    inside: dict[str, Folder | str] = field(default_factory=dict)


class NameTree:
    """All names of one archive, and the limits over them.

    Files and folders are kept as a tree, one node per part, so that a clash is found between any two of them: a file
    twice, a file where another needs a folder, or two spellings of one name.
    """

    def __init__(self, limits: Limits, reserved: tuple[str, ...] = ()) -> None:
        self._limits = limits
        self._reserved = frozenset(reserved)
        self._root = Folder("")
        self._folders = 0
        self._bytes = 0

    def add(self, path: str, *, folder: bool = False) -> None:
        """Take in one normalised path.

        Raises:
            LimitExceeded: the path is too long or too deep, or all of them are too many or too long.
            ArchiveRefused: the path clashes with an earlier one, or its name is reserved.
        """
        parts = path.split("/")
        self._check_limits(path, len(parts))
        if _fold(parts[0]) in self._reserved:
            raise refused(path, "edgewright writes a member of that name itself; leave it out of the model", "name")
        here = self._root
        for part in parts[:-1]:
            here = self._open_folder(here, part, path)
        if folder:
            self._open_folder(here, parts[-1], path)
        else:
            self._add_file(here, parts[-1], path)

    def _check_limits(self, path: str, depth: int) -> None:
        length = len(path.encode())
        self._bytes += length
        limits = self._limits
        if length > min(limits.path_length, LONGEST_NAME):
            raise exceeded(path, f"its path has {length} bytes", limits, "path_length", length)
        if depth > limits.path_depth:
            raise exceeded(path, f"its path has {depth} parts", limits, "path_depth", depth)
        if self._bytes > limits.name_bytes:
            raise exceeded(path, f"the names so far have {self._bytes} bytes", limits, "name_bytes", self._bytes)

    def _open_folder(self, here: Folder, part: str, path: str) -> Folder:
        """The folder `part` in `here`, made if there is nothing."""
        found = here.inside.get(_fold(part))
        if isinstance(found, str):
            raise refused(path, f"it needs a folder where the file {found!r} stands", "clash")
        if found is None:
            self._folders += 1
            if self._folders > self._limits.members:
                raise exceeded(path, f"the archive has {self._folders} folders", self._limits, "members", self._folders)
            found = here.inside[_fold(part)] = Folder(part)
        if found.spelling != part:
            raise refused(path, f"{part!r} differs only in case or Unicode form from {found.spelling!r}", "name")
        return found

    @staticmethod
    def _add_file(here: Folder, part: str, path: str) -> None:
        """The file `part` in `here`, where there may be nothing yet."""
        folded = _fold(part)
        found = here.inside.get(folded)
        if found is None:
            here.inside[folded] = path
            return
        if isinstance(found, Folder):
            raise refused(path, "a folder of that name stands there already", "clash")
        if found == path:
            raise refused(path, "the archive holds two members of that name", "twice")
        raise refused(path, f"its name differs only in case or Unicode form from {found!r}", "name")


def _fold(part: str) -> str:
    """One spelling for all that a file system without case or normal forms would take for the same name."""
    if part.isascii():
        return part.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", part).casefold())
