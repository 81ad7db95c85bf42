"""A pipeline of threads: many workers, results in the order of the work, and a bound on what is under way.

The thread that owns a pipeline reads and cuts; workers compress; one more thread hands what they made to the `write`
function, in order. The first failure ends all of them, and the owner raises that error.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self

from edgewright.errors import StoreUnavailable
from edgewright.packaging.gzip_members import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Buffer

    from edgewright.packaging.chunks import Batch

    _Work = Future[list[bytes]] | Event | BaseException | None
    """What comes next for the writer: pieces, a mark to be set when it gets there, an error, or the end."""

# Buffers of 1 MiB beyond one for each worker. With 16 rather than 4, 400 MB take 5 % less time on two processors.
_SPARE: Final = 16
_POLL_SECONDS: Final = 0.2


def processors() -> int:
    """How many threads can run side by side in this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class ThreadedPipeline:
    """Carries batches through the workers to `write`.

    Args:
        write: takes an iterator of buffers and returns when it has stored all of them; it runs in a thread of its own.
        threads: workers.
        poll: called for each MiB of tar, and at least every 0.2 s while the owner waits; what it raises ends the work.
    """

    def __init__(self, write: Callable[[Iterator[Buffer]], None], threads: int, poll: Callable[[], None]) -> None:
        self.size = 0
        self._hasher = hashlib.sha256()
        self._write = write
        self._poll = poll
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="edgewright-compress")
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._unmade = threads + _SPARE  # made as they are wanted: a small model takes one or two
        self._made: Queue[_Work] = Queue(2 * threads + _SPARE)
        self._failure: BaseException | None = None
        self._ended = False
        self._writer = Thread(target=self._run_writer, name="edgewright-write", daemon=True)

    def __enter__(self) -> Self:
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._give_up(error)
        self._workers.shutdown()  # nothing is cancelled: each chunk waits for the hash of the one before it
        self._writer.join()

    @property
    def sha256(self) -> str:
        """Of what was written so far, in hexadecimal."""
        return self._hasher.hexdigest()

    def take(self) -> memoryview:
        """A free buffer of 1 MiB. Waits until a worker is done with one."""
        self._poll()  # a small source may unpack to much, and reports progress only while it is read
        with contextlib.suppress(Empty):
            return self._free.get_nowait()
        if self._unmade:
            self._unmade -= 1
            return memoryview(bytearray(CHUNK))
        while True:
            try:
                return self._free.get(timeout=_POLL_SECONDS)
            except Empty:
                self._check()

    def send(self, batch: Batch) -> None:
        """Compress a batch, and write what comes of it behind the batches before."""
        self._put(self._workers.submit(self._compress, batch))

    def flush(self) -> None:
        """Wait until `write` has taken all that was sent."""
        flushed = Event()
        self._put(flushed)
        while not flushed.wait(_POLL_SECONDS):
            self._check()

    def finish(self) -> None:
        """Let `write` see the end. From here on nothing but `write` itself can fail.

        Raises:
            StoreUnavailable: `write` returned before the end. Else whatever `write` raised.
        """
        self._poll()
        self._put(None)
        self._writer.join()
        self._raise_failure()

    def _compress(self, batch: Batch) -> list[bytes]:
        members = batch.compress()
        self._free.put(batch.buffer)
        return members

    def _put(self, work: _Work) -> None:
        while True:
            try:
                return self._made.put(work, timeout=_POLL_SECONDS)
            except Full:
                self._check()

    def _check(self) -> None:
        """Called while the owner waits: there is a point in it only if the writer still runs."""
        self._poll()
        if not self._writer.is_alive():
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._ended:
            raise StoreUnavailable(f"The store took only the first {self.size} bytes of the package.")

    def _give_up(self, error: BaseException) -> None:
        """Let the writer meet `error` as the next thing, so that the store drops what it has."""
        with contextlib.suppress(Empty):
            while True:
                self._made.get_nowait()
        self._made.put(error)

    def _run_writer(self) -> None:
        try:
            self._write(self._pieces())
        except BaseException as error:  # noqa: BLE001 - the owner raises it
            self._failure = error

    def _pieces(self) -> Iterator[Buffer]:
        while (work := self._made.get()) is not None:
            if isinstance(work, BaseException):
                raise work
            if isinstance(work, Event):
                work.set()
                continue
            for piece in work.result():
                self.size += len(piece)
                self._hasher.update(piece)
                yield piece
        self._ended = True
