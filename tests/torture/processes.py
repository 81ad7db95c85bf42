"""The processes of a storm: started, struck, and started again, each with a log of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import psutil

from torture.schedule import Blow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from torture.schedule import Strike

END_SECONDS = 40.0
"""How long a process that was asked to end may take. The worker's own grace is shorter."""
RESTART_SECONDS = 0.5
"""The pause before a process that ended by itself is started again, as a service manager would."""


class Victim(Protocol):
    """Something that a storm can strike."""

    name: str

    def start(self) -> None:
        """Start it."""

    def kill(self) -> None:
        """End it as a crash does, and wait until it is gone."""

    def pause(self) -> None:
        """Stop it where it stands."""

    def resume(self) -> None:
        """Let it go on."""

    def end(self) -> int | None:
        """Ask it to end, and wait; its exit code, or None where it had to be killed."""

    def ended_by_itself(self) -> int | None:
        """Its exit code where it ended unasked."""


class Program:
    """A process that a command starts.

    Args:
        name: what reports call it.
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


class Keeper:
    """Strikes victims, and starts them again: by the schedule, and whenever one ends by itself.

    Args:
        victims: by their names in the schedule.
        note: told of everything that happens, a line each.
    """

    def __init__(self, victims: Mapping[str, Victim], note: Callable[[str], None]) -> None:
        self._victims = victims
        self._note = note
        self._locks = {name: threading.Lock() for name in victims}
        self._watching = threading.Event()
        self._watch = threading.Thread(target=self._restart_the_fallen, name="keeper")
        self.unasked: list[str] = []
        """Every end that nobody had asked for."""

    def start(self) -> None:
        """Start everything, and watch over it."""
        for victim in self._victims.values():
            victim.start()
        self._watch.start()

    def storm(self, strikes: Sequence[Strike]) -> None:
        """Carry the schedule out; returns when the last victim is back."""
        begun = time.monotonic()
        threads = []
        for strike in strikes:
            time.sleep(max(0.0, begun + strike.at - time.monotonic()))
            thread = threading.Thread(target=self._strike, args=(strike,), name=f"strike-{strike.name}")
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Watch no more; what runs goes on."""
        self._watching.set()
        if self._watch.ident is not None:
            self._watch.join()

    def end(self, names: Iterable[str]) -> dict[str, int | None]:
        """Ask some to end, all at once, and wait; their exit codes."""
        codes: dict[str, int | None] = {}

        def end(name: str) -> None:
            codes[name] = self._victims[name].end()

        threads = [threading.Thread(target=end, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    def kill(self) -> None:
        """End everything at once."""
        self.stop()
        for victim in reversed(list(self._victims.values())):
            victim.kill()

    def _strike(self, strike: Strike) -> None:
        victim = self._victims[strike.name]
        with self._locks[strike.name]:
            if strike.blow is Blow.PAUSE:
                victim.pause()
                time.sleep(strike.seconds)
                victim.resume()
                return
            if strike.blow is Blow.END:
                self._ask_to_end(victim)
                time.sleep(strike.seconds)
            elif strike.blow is Blow.DEADLY_PAUSE:
                victim.pause()
                time.sleep(strike.seconds)
                victim.kill()
            else:
                victim.kill()
                time.sleep(strike.seconds)
            victim.start()

    def _ask_to_end(self, victim: Victim) -> None:
        begun = time.monotonic()
        code = victim.end()
        took = time.monotonic() - begun
        if code != 0:
            self.unasked.append(f"{victim.name} was asked to end and gave exit code {code} after {took:.1f} s")
            self._note(self.unasked[-1])

    def _restart_the_fallen(self) -> None:
        while not self._watching.wait(RESTART_SECONDS):
            for name, victim in self._victims.items():
                if not self._locks[name].acquire(blocking=False):
                    continue
                try:
                    code = victim.ended_by_itself()
                    if code is not None:
                        self.unasked.append(f"{name} ended by itself with exit code {code}")
                        self._note(self.unasked[-1])
                        victim.start()
                finally:
                    self._locks[name].release()
