"""A deadline for one whole exchange: a socket's own timeout begins anew with each byte that trickles in."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    from types import TracebackType

_here = threading.local()


class Deadline:
    """Cuts the connections that this thread uses within the block, once so many seconds have passed.

    Looking up the receiver's name, and its first answer from each of its addresses, have timeouts of their own.

    Attributes:
        passed: whether it has.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._lines: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _here.deadline = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        _here.deadline = None
        with self._lock:
            for line in self._lines:
                line.close()
            self._lines.clear()

    def hold(self, used: socket.socket) -> None:
        """Cut this one, too; by a descriptor of our own, because a TLS handshake takes the socket's away."""
        line = socket.socket(fileno=os.dup(used.fileno()))
        with self._lock:
            self._lines.append(line)
        if self.passed:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.passed = True
            for line in self._lines:
                with suppress(OSError):  # the other side was faster
                    line.shutdown(socket.SHUT_RDWR)


class _Held(HTTPConnection):
    """A connection that this thread's deadline cuts: while it shakes hands, too, and when it is used again."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _hold(made)
        return made

    def request(self, *args: Any, **named: Any) -> None:
        if self.sock is not None:
            _hold(self.sock)
        super().request(*args, **named)


class _HeldSecurely(_Held, HTTPSConnection):
    pass


class HeldPool(HTTPConnectionPool):
    """The connections to one server, which `Deadline` cuts."""

    ConnectionCls = _Held


class SecurelyHeldPool(HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _HeldSecurely


def _hold(used: socket.socket) -> None:
    deadline: Deadline | None = getattr(_here, "deadline", None)
    if deadline is not None:
        deadline.hold(used)
