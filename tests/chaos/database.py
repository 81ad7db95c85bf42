"""PostgreSQL as a process that faults hit: the test session's server, with all its processes."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import psutil

from chaos.processes import family, send

if TYPE_CHECKING:
    from contract.postgres import PostgresService

GONE_SECONDS = 20.0


class Database:
    """A PostgreSQL server. Its backends are in sessions of their own, so each process is signalled by its id."""

    name = "database"

    def __init__(self, service: PostgresService) -> None:
        self._service = service

    def start(self) -> None:
        """Start it again, unless it runs."""
        if self._service.process.poll() is not None:
            self._service.restart()

    def kill(self) -> None:
        """Kill every process of it. One that still ran would keep its shared memory, and the server could not start."""
        everyone = family(self._service.process.pid)
        send(everyone, signal.SIGKILL)
        self._service.process.wait()
        psutil.wait_procs([process for process in everyone[1:] if process.is_running()], timeout=GONE_SECONDS)

    def pause(self) -> None:
        """Stop the server first: it starts no more processes then."""
        for _ in range(2):  # a backend may have started in between
            send(family(self._service.process.pid), signal.SIGSTOP)

    def resume(self) -> None:
        """Let the processes go on, the server last."""
        send(reversed(family(self._service.process.pid)), signal.SIGCONT)

    def end(self) -> int | None:
        """Ask for a fast shutdown."""
        self._service.process.send_signal(signal.SIGINT)
        return self._service.process.wait(GONE_SECONDS)

    def ended_by_itself(self) -> int | None:
        """As `ManagedProcess` says."""
        return self._service.process.poll()

    def wait(self, seconds: float = 30.0) -> None:
        """Wait until it takes statements."""
        import psycopg

        until = time.monotonic() + seconds
        while True:
            try:
                self._service.sql("SELECT 1")
            except psycopg.OperationalError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return
