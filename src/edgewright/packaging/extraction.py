"""Unpacking into a folder that appears whole or not at all."""

from __future__ import annotations

import io
import os
import secrets
import shutil
from typing import TYPE_CHECKING, Protocol, Self

from edgewright.errors import ExtractionRefused

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Buffer


class Destination(Protocol):
    """Where files go while a package is verified."""

    def create(self, path: str, *, executable: bool) -> io.RawIOBase:
        """A new file at a normalised relative path."""

    def publish(self) -> None:
        """All is verified: let it appear."""


class Extraction:
    """A hidden folder beside the target, renamed to it once everything in it was verified.

    What appears is whole even if the process is killed; it is not flushed to the disk against a loss of power.

    Raises:
        ExtractionRefused: the target exists and is not an empty folder, or cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self._target = target.resolve()
        self._hidden = self._target.with_name(f".{self._target.name}.{secrets.token_hex(8)}.partial")

    def __enter__(self) -> Self:
        if os.path.lexists(self._target) and (not self._target.is_dir() or any(self._target.iterdir())):
            raise ExtractionRefused(f"{self._target} is there already: name a folder that is new, or empty.")
        try:
            self._hidden.mkdir(parents=True)
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
        file = self._hidden / path
        file.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        return io.FileIO(os.open(file, flags, 0o755 if executable else 0o644), "wb")

    def publish(self) -> None:
        """Let the folder appear under its name."""
        self._hidden.rename(self._target)

    def _refused(self, error: OSError) -> ExtractionRefused:
        return ExtractionRefused(f"The folder {self._target} cannot be written: {error}.")


class _NullFile(io.RawIOBase):
    """Takes whatever is written, and keeps nothing; cheaper than the null device."""

    def write(self, data: Buffer) -> int:
        return memoryview(data).nbytes


class NoExtraction:
    """For a package that is verified without being unpacked."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def create(self, path: str, *, executable: bool) -> io.RawIOBase:
        """A file that discards what is written."""
        return _NullFile()

    def publish(self) -> None:
        """Nothing to show."""
