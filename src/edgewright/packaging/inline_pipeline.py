"""A pipeline without threads, for small models: starting threads takes longer than compressing a few chunks.

What is compressed is kept in memory until the end, and then handed to `write` at once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from edgewright.errors import StoreUnavailable
from edgewright.packaging.gzip_members import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from edgewright.packaging.chunks import Batch


class InlinePipeline:
    """Compresses batches in the calling thread; the same to its owner as a `ThreadedPipeline`.

    Args:
        write: takes an iterator of buffers and returns when it has stored all of them; called by `finish`.
        poll: called for each MiB of tar, and before `write`; what it raises ends the work.
    """

    def __init__(self, write: Callable[[Iterator[Buffer]], None], poll: Callable[[], None]) -> None:
        self.size = 0
        self._write = write
        self._poll = poll
        self._hasher = hashlib.sha256()
        self._buffer = memoryview(bytearray(CHUNK))
        self._kept: list[bytes] = []
        self._taken = 0
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    @property
    def sha256(self) -> str:
        """Of what was compressed so far, in hexadecimal."""
        return self._hasher.hexdigest()

    def take(self) -> memoryview:
        """The one buffer of 1 MiB: what was in it is compressed by then."""
        self._poll()  # a small source may unpack to much, and reports progress only while it is read
        return self._buffer

    def send(self, batch: Batch) -> None:
        """Compress a batch, and keep what comes of it."""
        for piece in batch.compress():
            self.size += len(piece)
            self._hasher.update(piece)
            self._kept.append(piece)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def finish(self) -> None:
        """Have it written.

        Raises:
            StoreUnavailable: `write` returned before the end. Else whatever `write` raised.
        """
        self._poll()
        self._write(self._pieces())
        if not self._ended:
            raise StoreUnavailable(f"The store took only the first {self._taken} bytes of the package.")

    def _pieces(self) -> Iterator[Buffer]:
        for piece in self._kept:
            self._taken += len(piece)
            yield piece
        self._ended = True
