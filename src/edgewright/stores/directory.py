"""The embedded object store: `<root>/<bucket>/<key>` in a folder of this host.

Written on the operating system's own calls rather than on obstore's LocalStore, which has no fsync, follows
symbolic links out of the folder, cannot hold a key that ends with `#1`, and reopens the path for every range, so that
a replaced object would come out mixed. See docs/decisions/0041-the-directory-store.md.

Every folder below the root is opened by its descriptor and no symbolic link is followed. An object is written to
`<root>/.staging`, flushed to disk and renamed into its place. Files and folders are their owner's alone.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from edgewright.errors import (
    EdgewrightError,
    KeyRefused,
    ObjectForbidden,
    ObjectNotFound,
    StoreFull,
    StoreUnavailable,
    UriRefused,
)
from edgewright.files import PRIVATE, PRIVATE_FOLDER, make_folder
from edgewright.stores import encryption
from edgewright.stores.keyring import Keyring, Owner
from edgewright.stores.protocols import PIECE, ObjectStore
from edgewright.stores.uri import S3Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

    from edgewright.stores.encryption import StoredForm

_STAGING = ".staging"  # no bucket's name starts with a dot
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # without O_NONBLOCK a FIFO would block without end
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


class DirectoryStore(ObjectStore):
    """Objects in a folder. A bucket comes into being with its first object."""

    _UNUSABLE: ClassVar[dict[int, str]] = {
        errno.ENOTDIR: "a part of the key is an object already",
        errno.EISDIR: "objects exist under that key as a prefix",
        errno.ENAMETOOLONG: "a part of the key is longer than the file system allows",
        errno.EILSEQ: "the file system cannot spell the key",
    }

    def __init__(self, root: Path, keyring: Keyring | None = None) -> None:
        self._root = root
        self._keyring = keyring

    def size(self, uri: S3Uri) -> int:
        """See `ObjectStore.size`."""
        with _opened(self._root, uri) as descriptor:
            return _form(descriptor, uri).size(os.fstat(descriptor).st_size, uri)

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        """See `ObjectStore.read`: one descriptor for the whole object, so a replaced one is read to its end."""
        with _opened(self._root, uri) as descriptor:
            form = _form(descriptor, uri)
            os.lseek(descriptor, form.start, os.SEEK_SET)
            if form.key_id is None:
                while piece := _piece(descriptor, uri):
                    yield piece
            else:
                keyset = self._keyset(form.key_id, uri)
                yield from encryption.decrypt(partial(_piece, descriptor, uri), keyset, form.key_id, uri)

    def write(
        self,
        uri: S3Uri,
        pieces: Iterable[Buffer],
        *,
        kms_key_id: str | None = None,
        poll: Callable[[], None] | None = None,
    ) -> None:
        """See `ObjectStore.write`. On return the object is on the disk, not only in the page cache."""
        content = encryption.plain(pieces) if kms_key_id is None else self._encrypted(pieces, kms_key_id, uri)
        *folders, name = _parts(uri)
        root = self._made_root()
        with _closing(root):
            with _translated(uri, self._UNUSABLE):
                _check_place(root, folders, name)
                staging = _descend(root, [_STAGING], create=True)
            with _closing(staging), _staged(staging, uri) as (descriptor, staged):
                for piece in content:
                    with _translated(uri, self._UNUSABLE):
                        _write_all(descriptor, piece)
                with _translated(uri, self._UNUSABLE):
                    os.fsync(descriptor)
                    with _closing(_descend(root, folders, create=True)) as folder:
                        os.replace(staged, name, src_dir_fd=staging, dst_dir_fd=folder)
                        os.fsync(folder)

    def check_key(self, kms_key_id: str, account: str, region: str) -> str:
        """See `ObjectStore.check_key`: an enabled key of the account's and region's, in the local keyring."""
        if self._keyring is None:
            raise KeyRefused(f"The object store has no key {kms_key_id}, nor any other. Leave KmsKeyId out.")
        return self._keyring.find(kms_key_id, Owner(account, region)).arn

    def _encrypted(self, pieces: Iterable[Buffer], kms_key_id: str, uri: S3Uri) -> Iterator[Buffer]:
        if self._keyring is None:
            raise KeyRefused(f"The object store has no key {kms_key_id}, nor any other.")
        key = self._keyring.find(kms_key_id)
        return encryption.encrypt(pieces, self._keyring.keyset(key.key_id), key.key_id, uri)

    def _keyset(self, key_id: str, uri: S3Uri) -> str:
        """The key of an object that was found encrypted."""
        where = f"Bucket: {uri.bucket}, Key: {uri.key}"
        if self._keyring is None:
            raise ObjectForbidden(f"The S3 object is encrypted, and this store was opened without a keyring. {where}")
        try:
            return self._keyring.keyset(key_id)
        except KeyRefused as error:
            raise ObjectForbidden(
                f"The S3 object is encrypted with a key that is refused: {error.message} {where}"
            ) from error

    def _made_root(self) -> int:
        try:
            make_folder(self._root, PRIVATE_FOLDER)
            return _open_root(self._root)
        except OSError as error:
            raise StoreUnavailable(
                f"The object store's folder {self._root} cannot be used: {error.strerror}."
            ) from error

    def delete(self, uri: S3Uri) -> None:
        """See `ObjectStore.delete`. Folders that become empty are left: a writer may be about to use them."""
        *folders, name = _parts(uri)
        with suppress(ObjectNotFound), _translated(uri), _folder(self._root, folders) as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def list(self, bucket: str, prefix: str = "") -> Iterator[S3Uri]:
        """See `ObjectStore.list`."""
        top = S3Uri(bucket, "")
        try:
            with _translated(top), _closing(_open_root(self._root)) as root:
                folder = _descend(root, [bucket])
        except ObjectNotFound:
            raise ObjectNotFound(f"S3 bucket does not exist. Bucket: {bucket}") from None
        with _translated(top), _closing(folder):
            for key in _keys(folder, "", prefix):
                with suppress(UriRefused):  # a file that was put there by hand, under a name that no URI can have
                    yield S3Uri(bucket, key)


def _parts(uri: S3Uri) -> list[str]:
    return [uri.bucket, *uri.object_key.split("/")]


def _open_root(root: Path) -> int:
    # The root itself may be a symbolic link: where it lies is the operator's choice, not the caller's.
    return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _translated(uri: S3Uri, unusable: dict[int, str] | None = None) -> Iterator[None]:
    """Turn the operating system's errors into the store's; `unusable` names those of a key that cannot be written."""
    try:
        yield
    except OSError as error:
        raise _translation(error, uri, unusable or {}) from error


def _translation(error: OSError, uri: S3Uri, unusable: dict[int, str]) -> EdgewrightError:
    where = f"Bucket: {uri.bucket}, Key: {uri.key}"
    if error.errno in unusable:
        return UriRefused(f"The object cannot be stored in a folder: {unusable[error.errno]}. {where}")
    if error.errno in _ABSENT:
        return ObjectNotFound(f"S3 object does not exist. {where}")
    if error.errno == errno.ELOOP:
        return UriRefused(f"A symbolic link lies on the object's path, and none is followed. {where}")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return ObjectForbidden(f"Access to the S3 object is denied: {error.strerror}. {where}")
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFull(f"The object store is full: {error.strerror}. Make room on its disk. {where}")
    return StoreUnavailable(f"The object store failed: {error.strerror}. {where}")


def _descend(root: int, folders: list[str], *, create: bool = False) -> int:
    """Open a folder below a descriptor part by part, following no link; the caller closes what it gets."""
    current = os.dup(root)
    try:
        for part in folders:
            below = _child(current, part, create=create)
            os.close(current)
            current = below
    except BaseException:
        os.close(current)
        raise
    return current


def _child(folder: int, name: str, *, create: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
    except NotADirectoryError:
        # Linux answers ENOTDIR for a link opened with O_DIRECTORY | O_NOFOLLOW; tell it from a plain file.
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
        raise
    with suppress(FileExistsError):  # another writer made it first
        os.mkdir(name, PRIVATE_FOLDER, dir_fd=folder)
        os.fsync(folder)
    return os.open(name, _FOLDER, dir_fd=folder)


def _check_place(root: int, folders: list[str], name: str) -> None:
    """Refuse a key that cannot be written before any byte of it is made."""
    try:
        folder = _descend(root, folders)
    except FileNotFoundError:
        return
    with _closing(folder), suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))


@contextmanager
def _folder(root: Path, folders: list[str]) -> Iterator[int]:
    with _closing(_open_root(root)) as top, _closing(_descend(top, folders)) as folder:
        yield folder


@contextmanager
def _opened(root: Path, uri: S3Uri) -> Iterator[int]:
    *folders, name = _parts(uri)
    with _translated(uri), _folder(root, folders) as folder:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    with _closing(descriptor):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ObjectNotFound(f"S3 object does not exist. Bucket: {uri.bucket}, Key: {uri.key}")
        yield descriptor


def _form(descriptor: int, uri: S3Uri) -> StoredForm:
    with _translated(uri):
        head = os.pread(descriptor, encryption.HEAD, 0)
    return encryption.form(head, uri)


def _piece(descriptor: int, uri: S3Uri, size: int = PIECE) -> bytes:
    with _translated(uri):
        return os.read(descriptor, size)


def _write_all(descriptor: int, piece: Buffer) -> None:
    with memoryview(piece) as view, view.cast("B") as rest:
        done = 0
        while done < len(rest):
            done += os.write(descriptor, rest[done:])


@contextmanager
def _staged(staging: int, uri: S3Uri) -> Iterator[tuple[int, str]]:
    """A new locked file, removed again unless it was renamed away."""
    with _translated(uri):
        _sweep(staging)
        descriptor, name = _locked_file(staging)
    try:
        yield descriptor, name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=staging)
        os.close(descriptor)


def _locked_file(staging: int) -> tuple[int, str]:
    while True:
        name = secrets.token_hex(16)
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE, dir_fd=staging)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # a sweep took it for a dead writer's, in between


def _sweep(staging: int) -> None:
    """Remove what killed writers left: files that no process has locked."""
    for name in os.listdir(staging):
        with suppress(FileNotFoundError, BlockingIOError), _closing(os.open(name, _FILE, dir_fd=staging)) as left:
            fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=staging)


def _keys(folder: int, above: str, prefix: str) -> Iterator[str]:
    """The keys below an open folder that start with the prefix, in order of their UTF-8."""
    for name, is_folder in _entries(folder):
        key = f"{above}{name}"
        if is_folder and (key + "/").startswith(prefix[: len(key) + 1]):
            with suppress(FileNotFoundError), _closing(os.open(name, _FOLDER, dir_fd=folder)) as below:
                yield from _keys(below, f"{key}/", prefix)
        elif not is_folder and key.startswith(prefix):
            yield key


def _entries(folder: int) -> list[tuple[str, bool]]:
    """Names of files and folders, sorted as their keys are: a folder counts with its slash."""
    with os.scandir(folder) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found if not entry.is_symlink()]
    return sorted(entries, key=lambda entry: os.fsencode(entry[0] + "/" * entry[1]))
