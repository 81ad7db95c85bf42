"""The processes of a chaos test: started, hit by faults, and started again, each with a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import psutil

from chaos.schedule import FaultKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from chaos.schedule import ProcessFault

END_SECONDS = 40.0
"""How long a process that was asked to end may take. The worker's own grace is shorter."""
RESTART_SECONDS = 0.5
"""The pause before a process that ended by itself is started again, as a service manager would."""


class ManagedProcess(Protocol):
    """A process that faults can be injected into."""

    name: str

    def start(self) -> None:
        """Start it."""

    def kill(self) -> None:
        """End it as a crash does, and wait until it is gone."""

    def pause(self) -> None:
        """Stop it with SIGSTOP, or what comes to the same."""

    def resume(self) -> None:
        """Let it go on."""

    def end(self) -> int | None:
        """Ask it to end, and wait; its exit code, or None where it had to be killed."""

    def ended_by_itself(self) -> int | None:
        """Its exit code where it ended unexpected_exits."""


class Program:
    """A process that a command starts.

    Args:
        name: its name in reports.
        command: its command line.
        environment: its whole environment.
        log: where its output goes; every start is appended.
    """

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The running process's id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(self._environment)
            )

    def kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            self._process = None

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> int | None:
        process = self._process
        if process is None:
            return None
        process.terminate()
        try:
            return process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        finally:
            self._process = None

    def ended_by_itself(self) -> int | None:
        process = self._process
        return None if process is None else process.poll()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def family(pid: int) -> list[psutil.Process]:
    """A process and all below it; none where it is gone."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send each a signal; those that are gone are passed over."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            os.kill(process.pid, number)


class Supervisor:
    """Injects faults into processes, and starts them again: by the schedule, and whenever one ends by itself.

    Args:
        processes: by their names in the schedule.
        note: called with a line for everything that happens.
    """

    def __init__(self, processes: Mapping[str, ManagedProcess], note: Callable[[str], None]) -> None:
        self._processes = processes
        self._note = note
        self._locks = {name: threading.Lock() for name in processes}
        self._watching = threading.Event()
        self._watch = threading.Thread(target=self._restart_ended, name="supervisor")
        self.unexpected_exits: list[str] = []
        """Every end that no fault asked for."""

    def start(self) -> None:
        """Start everything, and restart what ends."""
        for process in self._processes.values():
            process.start()
        self._watch.start()

    def inject(self, faults: Sequence[ProcessFault]) -> None:
        """Carry the schedule out; returns when the last process runs again."""
        begun = time.monotonic()
        threads = []
        for fault in faults:
            time.sleep(max(0.0, begun + fault.at - time.monotonic()))
            thread = threading.Thread(target=self._carry_out, args=(fault,), name=f"fault-{fault.process}")
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Restart nothing any more; what runs goes on."""
        self._watching.set()
        if self._watch.ident is not None:
            self._watch.join()

    def end(self, names: Iterable[str]) -> dict[str, int | None]:
        """Ask some to end, all at once, and wait; their exit codes."""
        codes: dict[str, int | None] = {}

        def end(name: str) -> None:
            codes[name] = self._processes[name].end()

        threads = [threading.Thread(target=end, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    def kill(self) -> None:
        """End everything at once."""
        self.stop()
        for process in reversed(list(self._processes.values())):
            process.kill()

    def _carry_out(self, fault: ProcessFault) -> None:
        process = self._processes[fault.process]
        with self._locks[fault.process]:
            if fault.kind is FaultKind.ABORT_UPLOADS:
                process.kill()
                return
            if fault.kind is FaultKind.PAUSE:
                process.pause()
                time.sleep(fault.seconds)
                process.resume()
                return
            if fault.kind is FaultKind.END:
                self._ask_to_end(process)
                time.sleep(fault.seconds)
            elif fault.kind is FaultKind.DEADLY_PAUSE:
                process.pause()
                time.sleep(fault.seconds)
                process.kill()
            else:
                process.kill()
                time.sleep(fault.seconds)
            process.start()

    def _ask_to_end(self, process: ManagedProcess) -> None:
        begun = time.monotonic()
        code = process.end()
        took = time.monotonic() - begun
        if code != 0:
            self.unexpected_exits.append(
                f"{process.name} was asked to end and gave exit code {code} after {took:.1f} s"
            )
            self._note(self.unexpected_exits[-1])

    def _restart_ended(self) -> None:
        while not self._watching.wait(RESTART_SECONDS):
            for name, process in self._processes.items():
                if not self._locks[name].acquire(blocking=False):
                    continue
                try:
                    code = process.ended_by_itself()
                    if code is not None:
                        self.unexpected_exits.append(f"{name} ended by itself with exit code {code}")
                        self._note(self.unexpected_exits[-1])
                        process.start()
                finally:
                    self._locks[name].release()
