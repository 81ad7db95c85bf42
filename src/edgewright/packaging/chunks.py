"""The package's tar, laid out in chunks: at most 1 MiB each, a new one at each file's start.

Between two versions of a model, chunks without a change are then the same bytes. Buffers are few and used again and
again; small files share one.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgewright.archives import tar_headers
from edgewright.packaging import gzip_members
from edgewright.packaging.gzip_members import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    Fill = Callable[[memoryview], None]
    """Fills a buffer with a file's next bytes."""


@dataclass(slots=True)
class FileHash:
    """SHA-256 of one file, whose chunks are hashed by whichever thread has them, in their order.

    Attributes:
        digest: in hexadecimal, once the last chunk is compressed.
    """

    digest: str = ""
    hasher: hashlib._Hash = field(default_factory=hashlib.sha256)
    _before: Future[None] | None = None

    def turn(self, *, last: bool) -> HashTurn:
        """The next chunk's turn; taken by the thread that cuts the chunks."""
        before, self._before = self._before, None if last else Future()
        return HashTurn(self, before, self._before)


@dataclass(frozen=True, slots=True)
class HashTurn:
    """When one chunk of a file is hashed: after which chunk, and before which."""

    file: FileHash
    before: Future[None] | None
    after: Future[None] | None

    def update(self, data: memoryview) -> None:
        """Hash one chunk's data, once the chunk before it is done.

        The wait ends: threads take chunks in order, and none is cancelled, so another thread has the one before.
        """
        try:
            if self.before is not None:
                self.before.result()
            self.file.hasher.update(data)
        except BaseException as error:
            if self.after is not None:
                self.after.set_exception(error)
            raise
        if self.after is not None:
            self.after.set_result(None)
        else:
            self.file.digest = self.file.hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of tar bytes that becomes one gzip member, with the part of it that is a file's data."""

    tar: memoryview
    data: memoryview
    turn: HashTurn

    def compress(self) -> tuple[bytes, bytes]:
        """Deflate the chunk and hash its data. Without the GIL for the most part."""
        member = gzip_members.deflate(self.tar)
        self.turn.update(self.data)
        return member


@dataclass(slots=True)
class Batch:
    """The chunks that share one buffer."""

    buffer: memoryview
    used: int = 0
    chunks: list[Chunk] = field(default_factory=list)

    def compress(self) -> list[bytes]:
        """The gzip members of all chunks, in order, in pieces to be written."""
        return [piece for chunk in self.chunks for piece in chunk.compress()]

    def cut(self, start: int, data: int, end: int, turn: HashTurn) -> None:
        """Make a chunk of `buffer[start:end]`, padded to whole blocks, whose file's data begin at `data`."""
        self.used = end + tar_headers.padding(end)  # a chunk begins at a whole block, so this pads its data
        self.buffer[end : self.used] = bytes(self.used - end)
        self.chunks.append(Chunk(self.buffer[start : self.used], self.buffer[data:end], turn))


class Chunker:
    """Cuts files into chunks.

    Args:
        take: gives a free buffer of 1 MiB.
        send: takes a full batch away.

    Attributes:
        size: bytes of tar sent so far.
    """

    def __init__(self, take: Callable[[], memoryview], send: Callable[[Batch], None]) -> None:
        self.size = 0
        self._take = take
        self._send = send
        self._batch: Batch | None = None

    def add(self, path: str, size: int, fill: Fill, *, executable: bool = False) -> FileHash:
        """Lay out one file: header, data, padding.

        Args:
            path: the member's name.
            size: bytes of data.
            fill: fills a buffer with the file's next bytes.
            executable: mode 0755.

        Returns:
            The file's SHA-256, which is there once its chunks are compressed.
        """
        header = tar_headers.build(path, size, executable=executable)
        file = FileHash()
        batch = self._batch_for(len(header) + size + tar_headers.padding(size))
        start, data = batch.used, batch.used + len(header)
        batch.buffer[start:data] = header
        left = size
        while True:
            length = min(left, CHUNK - data)
            fill(batch.buffer[data : data + length])
            left -= length
            batch.cut(start, data, data + length, file.turn(last=not left))
            if not left:
                return file
            batch = self._next_batch()
            start = data = 0

    def end(self) -> None:
        """Lay out the archive's end."""
        batch = self._batch_for(len(tar_headers.END))
        end = batch.used + len(tar_headers.END)
        batch.buffer[batch.used : end] = tar_headers.END
        batch.cut(batch.used, end, end, FileHash().turn(last=True))
        self.finish()

    def finish(self) -> None:
        """Send the last batch."""
        if self._batch is not None:
            self.size += sum(len(chunk.tar) for chunk in self._batch.chunks)
            self._send(self._batch)
            self._batch = None

    def _batch_for(self, size: int) -> Batch:
        """A batch where a record of `size` bytes of tar begins: the present one, if all of it fits there."""
        if self._batch is not None and size <= CHUNK - self._batch.used:
            return self._batch
        return self._next_batch()

    def _next_batch(self) -> Batch:
        self.finish()
        self._batch = Batch(self._take())
        return self._batch
