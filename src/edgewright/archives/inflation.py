"""A source archive as the tar bytes inside it: inflated straight to where they are needed, and counted.

The inflating is python-isal's: its gzip reader takes multi-member streams, checks every CRC-32 and length, drops the
GIL, and fills any buffer it is given, so that no byte of the model is copied on its way into a chunk.
"""

from __future__ import annotations

import io
from gzip import BadGzipFile
from typing import TYPE_CHECKING, Final

from isal import isal_zlib

from edgewright.errors import ArchiveRefused, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Buffer

    from edgewright.limits import Limits

# Compressed bytes held at a time. A gzip header's file name and comment have to fit.
INPUT_BUFFER: Final = 512 * 1024


class CompressedSource(io.RawIOBase):
    """The compressed bytes, piece by piece, as the raw file that the gzip reader fills its buffer from."""

    def __init__(self, pieces: Iterable[Buffer], limits: Limits, progress: Callable[[int], None] | None) -> None:
        self.taken = 0
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self._limit = limits.archive_size
        self._progress = progress

    def readinto(self, target: memoryview) -> int:  # type: ignore[override] # the gzip reader gives nothing else
        """Fill `target` from the present piece; 0 at the end."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece).cast("B")
        size = min(len(target), len(self._piece))
        target[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        self._count(size)
        return size

    def _count(self, size: int) -> None:
        self.taken += size
        if self.taken > self._limit:
            message = f"The archive has over {self._limit} bytes, which limits.archive_size allows."
            raise LimitExceeded(message, limit="archive_size", found=self.taken)
        self.report()

    def report(self) -> None:
        """Tell how many bytes were read so far."""
        if self._progress is not None:
            self._progress(self.taken)


class InflatedSource:
    """The tar bytes of a tar.gz, in order, under the limits on size and expansion."""

    def __init__(self, pieces: Iterable[Buffer], limits: Limits, progress: Callable[[int], None] | None = None) -> None:
        self.given = 0
        self._compressed = CompressedSource(pieces, limits, progress)
        # The class behind the public igzip.open(), which would put a second buffer and a copy in between.
        self._inflater = isal_zlib._GzipReader(self._compressed, INPUT_BUFFER)  # type: ignore[arg-type]  # noqa: SLF001 - see above
        self._limits = limits

    def poll(self) -> None:
        """Report the bytes read so far once more: the caller may want to stop while it waits."""
        self._compressed.report()

    def fill(self, target: memoryview) -> None:
        """Fill all of `target`.

        Raises:
            ArchiveRefused: the archive ends before, or is not gzip, or is damaged.
            LimitExceeded: it is larger, or expands further, than the limits allow.
        """
        if (size := self._inflate(target)) != len(target):
            raise ArchiveRefused(
                f"The archive is truncated: its tar ends after {self.given} bytes, {len(target) - size} too early."
                if self.given
                else "The archive is empty: a gzip of a tar with at least one file is wanted."
            )

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes; for headers. Raises as `fill`."""
        target = bytearray(size)
        self.fill(memoryview(target))
        return bytes(target)

    def finish(self) -> None:
        """Read what is behind the end-of-archive blocks, which may be zeros only.

        Raises:
            ArchiveRefused: anything else is there. Else as `fill`.
        """
        target = bytearray(64 * 1024)
        while size := self._inflate(memoryview(target)):
            if target.count(0, 0, size) != size:
                raise ArchiveRefused("The archive holds data behind its end: a second archive, or garbage.")

    def _inflate(self, target: memoryview) -> int:
        try:
            size = self._inflater.readinto(target)
        except EOFError as error:
            raise ArchiveRefused("The archive is truncated: its gzip stream breaks off.") from error
        except OverflowError as error:
            raise ArchiveRefused(
                f"The archive has a gzip header of over {INPUT_BUFFER} bytes: it is hostile."
            ) from error
        except BadGzipFile as error:
            found = "not a gzip file" if not self.given else "damaged, or has garbage behind its gzip stream"
            raise ArchiveRefused(f"The archive is {found}: {error}.") from error
        except isal_zlib.IsalError as error:  # type: ignore[misc] # its stub types the class as an instance
            raise ArchiveRefused(f"The archive is damaged: its gzip stream cannot be inflated ({error}).") from error
        self.given += size
        self._check_limits()
        return size

    def _check_limits(self) -> None:
        limits = self._limits
        if self.given > limits.unpacked_size:
            message = f"The archive unpacks to over {limits.unpacked_size} bytes (limits.unpacked_size)."
            raise LimitExceeded(message, limit="unpacked_size", found=self.given)
        if self.given > limits.expansion_free and self.given > self._compressed.taken * limits.expansion_ratio:
            raise LimitExceeded(
                f"The archive expands over {limits.expansion_ratio} times (limits.expansion_ratio): "
                f"{self._compressed.taken} bytes gave {self.given}.",
                limit="expansion_ratio",
                found=self.given,
            )
