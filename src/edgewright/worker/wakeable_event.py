"""An event that ends a wait without being set."""

from __future__ import annotations

from threading import Event


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
