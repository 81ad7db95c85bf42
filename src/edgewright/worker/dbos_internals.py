"""What DBOS 3.4 does not make public, or not document, and why nothing else serves.

`tests/unit/worker/test_dbos_internals.py` fails when an upgrade moves one of these names.

- `_queue.queue_worker_thread`: the loop that takes work from a queue. A queue that DBOS polls by itself has one polling
  interval and one concurrency for all processes, kept in the database and read again at each poll; a poll takes 3 ms of
  a processor, so that short intervals cost an idle worker more than all else that it does. Here each worker runs the
  loop with its own concurrency, and wakes it when there is work.
- `DBOS._recover_pending_workflows`: puts the work of dead executors back on its queue, and only while it still belongs
  to them, so that two workers which both notice a death do no harm. `DBOS.resume_workflow` has no such guard.
- `Queue.database_backed_queue` and `DBOS.background_thread_stop_events`, which are not documented: a poll need not read
  the queue's row again, and a worker that leaves takes no more work while its jobs go on. `DBOS.destroy` ends all.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from dbos import DBOS, Queue
from dbos._queue import queue_worker_thread

if TYPE_CHECKING:
    from collections.abc import Collection

    from edgewright.worker.wakeable_event import WakeableEvent


def poll_queue(stop: WakeableEvent, instance: DBOS, queue: Queue) -> None:
    """Take work from the queue in a thread of its own until `stop` is set: at the queue's interval, and when woken."""
    queue.database_backed_queue = False  # else each poll reads the queue's row again, which other workers have changed
    Thread(target=queue_worker_thread, args=(stop, instance, queue), name="edgewright-queue", daemon=True).start()


def recover(executor_ids: Collection[str]) -> int:
    """Put the work of dead executors back on its queue; how much it was."""
    return len(DBOS._recover_pending_workflows(list(executor_ids))) if executor_ids else 0  # noqa: SLF001 - see above


def take_no_more(instance: DBOS) -> None:
    """End DBOS's own threads that take work, without waiting for what runs."""
    for event in instance.background_thread_stop_events:
        event.set()
