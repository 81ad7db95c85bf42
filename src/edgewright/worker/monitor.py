"""An attempt's monitor: progress goes to the job's row twice a second, and a Stop comes back."""

from __future__ import annotations

import time
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog

from edgewright.errors import DatabaseUnavailable, JobStopped, ResourceNotFound, TransitionRefused
from edgewright.jobs import Job, Status
from edgewright.stores import ObjectStore, S3Uri, background
from edgewright.worker.context import ShuttingDown, WorkerContext, until_database_answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Buffer


log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.4
"""How often the row is written and read: with what it takes to notice, a Stop is obeyed within a second."""
AHEAD = 4
"""Pieces that are read before they are asked for."""


class Monitor:
    """One attempt at one job.

    Args:
        context: the job store, and whether the worker is shutting down.
        job: as `begin` gave it.
        total: bytes of the source, where known.
    """

    def __init__(self, context: WorkerContext, job: Job, total: int | None) -> None:
        self._context = context
        self._job = job
        self._total = total
        self._done = 0
        self._next = time.monotonic() + LOOK_SECONDS  # the job was begun just now: a small one ends without a look

    def progress(self, done: int) -> None:
        """Take note of the bytes read so far; looks at the job when it is time to.

        Raises:
            JobStopped: the job is to end, or another worker does it now.
            ShuttingDown: the worker ends.
        """
        self._done = done
        self.look()

    def look(self) -> None:
        """As `progress`, without news."""
        if self._context.shutting_down():
            raise ShuttingDown
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        self._report()

    def stopping(self) -> bool:
        """As `look`, but answers whether the job is to end."""
        try:
            self.look()
        except JobStopped:
            return True
        return False

    def commit(self, uri: S3Uri, pieces: Iterable[Buffer]) -> Iterator[Buffer]:
        """The pieces of an object, and behind the last the question whether the object may become visible.

        Object stores make an object visible when the iterator ends, and not when it raises. So a Stop that came before,
        or a later attempt, leaves no object of this one.

        Raises:
            JobStopped: it may not.
        """
        yield from pieces
        self.allow(uri)

    def allow(self, uri: S3Uri) -> None:
        """Ask whether this attempt may make its object visible now. From here on the row names it, and the total.

        Raises:
            JobStopped: it may not.
            ShuttingDown: the worker ends.
        """
        if self._context.shutting_down():
            raise ShuttingDown
        job = self._job
        try:
            until_database_answers(
                self._context,
                lambda: self._context.jobs.note_output(job.key, str(uri), attempt=job.attempt, bytes_total=self._total),
            )
        except (TransitionRefused, ResourceNotFound) as refused:
            raise JobStopped(refused.message) from refused

    def _report(self) -> None:
        job = self._job
        try:
            status = self._context.jobs.record_progress(job.key, self._done, self._total, attempt=job.attempt)
        except DatabaseUnavailable as error:  # the last, guarded update is what counts
            log.warning("progress not recorded", job=job.key.arn, reason=error.message)
            return
        except (TransitionRefused, ResourceNotFound) as refused:
            raise JobStopped(refused.message) from refused
        if status is not Status.INPROGRESS:
            raise JobStopped(f"{job.key.arn} is {status}.")


def source_size(objects: ObjectStore, source: S3Uri, monitor: Monitor) -> int:
    """The size of a job's source, with a look several times a second while the store stalls."""
    return background.awaited(background.start(lambda: objects.size(source)), monitor.look)


def watched(source: Iterable[Buffer], look: Callable[[], None]) -> Iterator[Buffer]:
    """The same pieces, with a look several times a second while the source stalls.

    The source is read in a thread of its own. When the look raises, that thread is left to itself: it ends with the
    source's next piece or error.
    """
    ahead: Queue[Buffer | BaseException | None] = Queue(AHEAD)
    abandoned = Event()
    Thread(target=_read, args=(source, ahead, abandoned), name="edgewright-read", daemon=True).start()
    try:
        while True:
            try:
                piece = ahead.get(timeout=LOOK_SECONDS / 2)
            except Empty:
                look()
                continue
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            yield piece
    finally:
        abandoned.set()


def _read(source: Iterable[Buffer], ahead: Queue[Buffer | BaseException | None], abandoned: Event) -> None:
    def put(piece: Buffer | BaseException | None) -> bool:
        while not abandoned.is_set():
            try:
                ahead.put(piece, timeout=LOOK_SECONDS)
            except Full:
                continue
            return True
        return False

    try:
        for piece in source:
            if not put(piece):
                return
    except BaseException as error:  # noqa: BLE001 - raised again where the pieces are taken
        put(error)
    else:
        put(None)
