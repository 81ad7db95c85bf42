"""Unpacking into a folder that appears whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from typing import TYPE_CHECKING, Self

from edgewright.errors import ExtractionRefused
from edgewright.files import PRIVATE_FOLDER, make_folder

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Extraction:
    """A folder that is renamed to the target once everything in it was verified.

    Until then it is in a hidden one beside the target, which its owner alone may enter: nobody changes a file between
    its verification and its appearance. What appears is whole even if the process is killed, and nobody else may write
    to it whatever the umask; it is not flushed to the disk against a loss of power.

    Raises:
        ExtractionRefused: the target exists and is not an empty folder, or cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self._target = target.resolve()
        self._hidden = self._target.with_name(f".{self._target.name}.{secrets.token_hex(8)}.partial")
        self._inside = self._hidden / "verified"

    def __enter__(self) -> Self:
        if os.path.lexists(self._target) and (not self._target.is_dir() or any(self._target.iterdir())):
            raise ExtractionRefused(f"{self._target} is there already: name a folder that is new, or empty.")
        try:
            make_folder(self._hidden, PRIVATE_FOLDER)
            make_folder(self._inside)
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._hidden, ignore_errors=True)
        if isinstance(error, OSError):
            raise self._refused(error) from error

    def create(self, path: str, *, executable: bool) -> io.RawIOBase:
        """A new file at a normalised relative path, with mode 0644 or 0755 under the umask."""
        file = self._inside / path
        make_folder(file.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        return io.FileIO(os.open(file, flags, 0o755 if executable else 0o644), "wb")

    def publish(self) -> None:
        """Let the folder appear under its name."""
        self._inside.rename(self._target)

    def _refused(self, error: OSError) -> ExtractionRefused:
        return ExtractionRefused(f"The folder {self._target} cannot be written: {error}.")
