"""A filter of system calls: what a compilation has no use for, and what namespaces do not bound.

A socket may be of a family that knows no network namespaces: by `AF_VSOCK`, a virtual machine reaches its host.
Keyrings know none either. A user namespace would give capabilities in it, and so a way to more of the kernel.

The filter is a program of the kernel's packet filter (`linux/filter.h`). It holds for all threads of the process and
for what they begin. On other machines than the two that are listed there is none.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final, NamedTuple


class _Machine(NamedTuple):
    """The kernel's numbers for a kind of processor (`linux/audit.h`, `asm/unistd.h`)."""

    architecture: int
    seccomp: int
    clone: int
    denied: tuple[int, ...]
    """socket, unshare, setns, add_key, request_key, keyctl."""


_MACHINES: Final = {
    "x86_64": _Machine(0xC000003E, 317, 56, (41, 272, 308, 248, 249, 250)),
    "aarch64": _Machine(0xC00000B7, 277, 220, (198, 97, 268, 217, 218, 219)),
}
_IO_URING_SETUP, _CLONE3 = 425, 435  # the same for all
_NEW_USER = 0x10000000  # of clone's flags
_OTHER_ABI = 0x40000000  # begins the numbers of x86_64's second set of calls
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FLAGS = 0, 4, 16  # offsets in what a filter sees of a call
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_SET_FILTER, _ALL_THREADS = 1, 1


def deny() -> None:
    """Have the kernel refuse them to this process from now on; it must have given up new privileges.

    Raises:
        OSError: the kernel has no such filters.
    """
    machine = _MACHINES.get(os.uname().machine)
    if machine is None:
        return
    program = _program(machine)
    code = ctypes.create_string_buffer(program)
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(machine.seccomp, _SET_FILTER, _ALL_THREADS, head) != 0:
        raise OSError(ctypes.get_errno(), "a filter of system calls cannot be set")


def _program(machine: _Machine) -> bytes:
    denied = (*machine.denied, _IO_URING_SETUP)
    refused, missing = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS  # libraries go on to clone where clone3 is missing
    return b"".join(
        (
            _step(_LOAD, _ARCHITECTURE),
            *_answered(_EQUAL, machine.architecture, otherwise=refused),
            _step(_LOAD, _NUMBER),
            *_answered(_AT_LEAST, _OTHER_ABI, refused),
            *(step for number in denied for step in _answered(_EQUAL, number, refused)),
            *_answered(_EQUAL, _CLONE3, missing),
            _step(_EQUAL, machine.clone, 1, 0),
            _step(_RETURN, _ALLOW),
            _step(_LOAD, _FLAGS),
            *_answered(_ANY_BIT, _NEW_USER, refused),
            _step(_RETURN, _ALLOW),
        )
    )


def _answered(test: int, value: int, then: int | None = None, otherwise: int | None = None) -> tuple[bytes, bytes]:
    """Two steps: end with an answer where the test holds, or where it does not; else go on."""
    answer = then if then is not None else otherwise
    assert answer is not None
    jumps = (0, 1) if then is not None else (1, 0)
    return _step(test, value, *jumps), _step(_RETURN, answer)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
