"""Where the command line reads and writes: a path on this machine, or an `s3://` URI in the object store."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgewright.errors import ObjectForbidden, ObjectNotFound, StoreUnavailable
from edgewright.files import write_atomically
from edgewright.stores.protocols import PIECE, ObjectStore
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer


@dataclass(frozen=True, slots=True)
class Source:
    """Something to read once, front to back."""

    name: str
    size: int
    read: Callable[[], Iterator[Buffer]]


@dataclass(frozen=True, slots=True)
class Target:
    """Something to write whole or not at all."""

    name: str
    write: Callable[[Iterable[Buffer]], None]


def source(text: str, opened: Callable[[], ObjectStore]) -> Source:
    """The file or object that `text` names; the store is opened for an object only.

    Raises:
        ObjectNotFound: there is none.
        UriRefused: an `s3://` URI that cannot be read as one.
    """
    if text.startswith("s3://"):
        store, uri = opened(), S3Uri.parse(text)
        return Source(text, store.size(uri), partial(store.read, uri))
    path = Path(text)
    if not path.is_file():
        raise ObjectNotFound(f"No file at {path}. Give the path of a .tar.gz file, or an s3:// URI.")
    return Source(text, path.stat().st_size, partial(read_file, path))


def target(folder: str, name: str, opened: Callable[[], ObjectStore]) -> Target:
    """The file or object called `name` under `folder`, a path or an `s3://` URI. The store as for `source`."""
    if folder.startswith("s3://"):
        uri = S3Uri.parse(folder).joined(name)
        return Target(str(uri), partial(opened().write, uri))
    path = Path(folder) / name
    return Target(str(path), partial(write_file, path))


def read_file(path: Path) -> Iterator[Buffer]:
    """The file's bytes in pieces of 1 MiB."""
    try:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece
    except PermissionError as error:
        raise ObjectForbidden(f"{path} may not be read by this user.") from error


def write_file(path: Path, pieces: Iterable[Buffer]) -> None:
    """Write a file that appears whole or not at all, and the folders that it lies in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, pieces)
    except OSError as error:
        raise StoreUnavailable(f"{path} could not be written: {error.strerror}.") from error
