"""What the child leaves in its folder, read as a stranger's: it may have been taken over by a model.

A file is opened by its name only if it is a regular file with that one name, and read up to a cap. Text is cut, and
what is not printable in it replaced. No folder is so deep, and none so closed, that it cannot be removed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from edgewright import strict_json
from edgewright.compiling.compiled import Tensor
from edgewright.errors import CompilerFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIB: Final = 1024**2
_TEXT, _REFUSAL, _RANK = 1024, 4096, 64
_REMOVALS = 5


@contextmanager
def folder(beside: Path) -> Iterator[Path]:
    """A folder for one child, beside a path; whatever is in it by then, it is removed."""
    made = Path(mkdtemp(prefix="compiling-", dir=beside.parent)).resolve()
    try:
        yield made
    finally:
        _remove(made)


def read(path: Path, most: int) -> bytes:
    """A file's content.

    Raises:
        CompilerFailed: it is not there, no regular file, a link, or larger than that.
    """
    with _opened(path, most) as file:
        return file.read(most)


def take(path: Path, copy: Path, most: int) -> tuple[int, str]:
    """Copy a file to where it is wanted; gives its size and SHA-256.

    Copied rather than moved: a process that outlives the child by a moment could still write to the one it made.

    Raises:
        CompilerFailed: as `read`.
    """
    digest, size = hashlib.sha256(), 0
    with _opened(path, most) as file, copy.open("xb") as target:
        while size < most and (piece := file.read(min(_MIB, most - size))):
            digest.update(piece)
            size += target.write(piece)
    return size, digest.hexdigest()


def parse_answer(content: bytes) -> str | tuple[tuple[Tensor, ...], tuple[Tensor, ...], dict[str, str]]:
    """The child's answer: why it refuses the model, or the inputs, outputs and toolchain of what it made.

    Raises:
        CompilerFailed: it is no such answer.
    """
    try:
        answer = strict_json.parse(content)
        if "refused" in answer:
            return printable(_string(answer["refused"]), _REFUSAL)
        made = answer["compiled"]
        inputs, outputs = (tuple(map(_tensor, made[side])) for side in ("inputs", "outputs"))
        return inputs, outputs, {_short(name): _short(version) for name, version in made["toolchain"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CompilerFailed("The compiler's answer is not one. The job's log has what it printed.") from error


def printable(text: str, most: int) -> str:
    """The text's first characters; those that no log and no database should get are replaced."""
    return "".join(
        each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text[:most]
    )


@contextmanager
def _opened(path: Path, most: int) -> Iterator[BinaryIO]:
    try:
        # Without O_NONBLOCK, a FIFO would hold this process until somebody writes to it.
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise CompilerFailed(f"The compiler left no {path.name} that can be read: {error.strerror}.") from error
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise CompilerFailed(f"The compiler left {path.name} as a link or another special file.")
        if found.st_size > most:
            raise CompilerFailed(f"The compiler left {found.st_size:,} bytes as {path.name}, and {most:,} are allowed.")
        with os.fdopen(number, "rb", buffering=0, closefd=False) as file:
            yield file
    finally:
        os.close(number)


def _tensor(found: Any) -> Tensor:
    shape = tuple(found["shape"])
    if len(shape) > _RANK or not all(size is None or (type(size) is int and 0 <= size < 2**63) for size in shape):
        raise ValueError("a shape is none")
    return Tensor(_short(found["name"]), shape, _short(found["type"]))


def _short(text: object) -> str:
    return printable(_string(text), _TEXT)


def _string(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError("a text is none")
    return text


def _remove(made: Path) -> None:
    """Remove a folder, from above: a folder within is moved up before it is emptied, so that no path grows long."""
    for _ in range(_REMOVALS):  # a process that was killed may finish the call that it was in
        try:
            _empty(made)
        except OSError:
            continue
        return
    shutil.rmtree(made)


def _empty(made: Path) -> None:
    waiting = [made]
    while waiting:
        current, found = waiting[-1], False
        with os.scandir(current) as entries:
            for entry in entries:
                found, path = True, Path(entry.path)
                if not entry.is_dir(follow_symlinks=False):
                    path.unlink()
                    continue
                path.chmod(0o700)
                waiting.append(path if current is made else path.rename(made / secrets.token_hex(8)))
        if not found:
            waiting.pop().rmdir()
