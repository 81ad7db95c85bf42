"""Work on threads that nobody waits for."""

from __future__ import annotations

import subprocess
import sys
from threading import Event

import pytest

from edgewright.errors import JobStopped
from edgewright.stores.background import awaited, settled, start


def test_a_result_comes_through() -> None:
    assert awaited(start(lambda: 7), None) == 7
    assert awaited(start(lambda: 7), lambda: None) == 7


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), TimeoutError("the work's own")])
def test_an_error_comes_through_as_it_is(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        awaited(start(fail), lambda: None)
    assert raised.value is error


def test_a_poll_ends_the_waiting_and_not_the_work() -> None:
    go = Event()

    def poll() -> None:
        raise JobStopped("stopped")

    work = start(lambda: go.wait(60))
    with pytest.raises(JobStopped):
        awaited(work, poll)
    assert not work.done()
    go.set()
    assert work.result(60)


def test_settling_waits_whatever_becomes_of_the_work() -> None:
    go = Event()
    waiting = start(lambda: go.wait(60))
    assert not settled(waiting, 0.05)
    go.set()
    assert settled(waiting, 60)
    assert settled(start(lambda: 1 // 0), 60)


def test_a_process_does_not_wait_for_its_threads() -> None:
    code = "from edgewright.stores.background import start; import time; start(lambda: time.sleep(600)); print('done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "done\n"
