"""An event that ends a wait without being set."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WakeableEvent(Event):
    """An event whose waiters can be woken without setting it.

    Args:
        ready: asked before a waiter goes on; where it says no, the waiter waits once more.
    """

    def __init__(self, ready: Callable[[], bool] = lambda: True) -> None:
        super().__init__()
        self._woken = Event()
        self._ready = ready

    def wake(self) -> None:
        """Wake the thread that waits, or the next one that will."""
        self._woken.set()

    def set(self) -> None:
        """Set the event, and wake the thread that waits."""
        super().set()
        self._woken.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until woken or set, or for so many seconds, and until it is ready; whether it is set."""
        while not self.is_set():
            self._woken.wait(timeout)
            self._woken.clear()
            if self._ready():
                break
        return self.is_set()
