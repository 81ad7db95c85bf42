"""These fail when an upgrade of DBOS moves what `dbos_internals` uses of it beyond its public names."""

from __future__ import annotations

import ast
import inspect
from importlib.metadata import version
from pathlib import Path
from threading import Thread

from dbos import DBOS, Queue
from dbos._queue import queue_worker_thread

import edgewright
from edgewright.worker.wakeable_event import WakeableEvent

PRIVATE = {"queue_worker_thread", "_recover_pending_workflows"}


def test_the_version_is_the_one_that_was_read() -> None:
    assert version("dbos").startswith("3.4."), "read dbos_internals against the new version, then move this"


def test_the_loop_over_a_queue_takes_what_we_give_it() -> None:
    assert list(inspect.signature(queue_worker_thread).parameters) == ["stop_event", "dbos", "queue"]
    assert "database_backed_queue" in inspect.getsource(queue_worker_thread)
    assert "database_backed_queue" in inspect.signature(Queue.__init__).parameters


def test_recovery_is_of_named_executors() -> None:
    assert list(inspect.signature(DBOS._recover_pending_workflows).parameters) == ["executor_ids"]


def test_a_leaving_worker_finds_the_events_that_end_what_takes_work() -> None:
    assert "background_thread_stop_events" in inspect.getsource(DBOS.__init__)
    assert "for event in self.background_thread_stop_events" in inspect.getsource(DBOS._destroy)


def private_names(path: Path) -> set[str]:
    """The private names that a module imports from DBOS, or uses of what it imported from it."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dbos"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dbos._"):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and isinstance(node.value, ast.Name):
            found |= {node.attr} if node.value.id in imported else set()
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and isinstance(node.value, ast.Attribute):
            found |= {node.attr} if node.value.attr == "_instance" else set()
    return found


def test_no_other_private_name_is_used_anywhere() -> None:
    source = Path(edgewright.__file__).parent
    used = {path.name: names for path in source.rglob("*.py") if (names := private_names(path))}
    assert used == {"dbos_internals.py": PRIVATE}


def test_an_event_is_woken_without_being_set() -> None:
    event = WakeableEvent()
    event.wake()
    assert not event.wait(60)
    waiter = Thread(target=event.wait, args=(60,))
    waiter.start()
    event.set()
    waiter.join()
    assert event.is_set()
    assert event.wait(60)


def test_a_waiter_waits_on_until_it_is_ready() -> None:
    answers = [True, False, False]
    event = WakeableEvent(answers.pop)
    assert not event.wait(0.01)
    assert answers == []
    event = WakeableEvent(lambda: False)
    waiter = Thread(target=event.wait, args=(0.01,))
    waiter.start()
    event.wake()
    waiter.join(0.1)
    assert waiter.is_alive()
    event.set()
    waiter.join()
