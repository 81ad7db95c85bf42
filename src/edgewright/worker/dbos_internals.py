"""The two names of DBOS 3.4 that it does not make public, and why nothing public serves.

`tests/unit/worker/test_dbos_internals.py` fails when an upgrade moves one of them.

- `_queue.queue_worker_thread`: the loop that takes work from a queue. A queue that DBOS polls by itself has one polling
  interval and one concurrency for all processes, kept in the database and read again at each poll; a poll takes 3 ms of
  a processor, so that short intervals cost an idle worker more than all else that it does. Here each worker runs the
  loop with its own concurrency, and wakes it when there is work.
- `DBOS._recover_pending_workflows`: puts the work of dead executors back on its queue, and only while it still belongs
  to them, so that two workers which both notice a death do no harm. `DBOS.resume_workflow` has no such guard.
"""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING

from dbos import DBOS
from dbos._queue import queue_worker_thread

if TYPE_CHECKING:
    from collections.abc import Collection

    from dbos import Queue


class WakeableEvent(Event):
    """An event whose waiters can be woken without setting it."""

    def __init__(self) -> None:
        super().__init__()
        self._woken = Event()

    def wake(self) -> None:
        """Wake the thread that waits, or the next one that will."""
        self._woken.set()

    def set(self) -> None:
        """Set the event, and wake the thread that waits."""
        super().set()
        self._woken.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until woken or set, or for so many seconds; whether it is set."""
        if not self.is_set():
            self._woken.wait(timeout)
            self._woken.clear()
        return self.is_set()


def poll_queue(stop: WakeableEvent, instance: DBOS, queue: Queue) -> None:
    """Take work from the queue in a thread of its own until `stop` is set: at the queue's interval, and when woken."""
    queue.database_backed_queue = False  # else each poll reads the queue's row again, which other workers have changed
    Thread(target=queue_worker_thread, args=(stop, instance, queue), name="edgewright-queue", daemon=True).start()


def recover(executor_ids: Collection[str]) -> int:
    """Put the work of dead executors back on its queue; how much it was."""
    return len(DBOS._recover_pending_workflows(list(executor_ids))) if executor_ids else 0  # noqa: SLF001 - see above
