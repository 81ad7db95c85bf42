"""The limits that the child sets itself before it reads anything of a stranger's; a limit is never raised again.

`RLIMIT_AS` and `RLIMIT_FSIZE` follow the model: while its archive is unpacked they are what an archive of its size may
become, and before the model is read they are lowered to what a model of its size may take.
"""

from __future__ import annotations

import ctypes
import os
import resource
from typing import TYPE_CHECKING, Final

from edgewright.compiling import system_calls

if TYPE_CHECKING:
    from edgewright.limits import Limits

MIB: Final = 1024**2
FOLDED: Final = 16 * MIB
"""Bytes of a constant that may be computed while a small model is compiled."""
_MEMORY, _MEMORY_FACTOR = 640 * MIB, 8
_FOLDED_FACTOR = 4  # an 8-bit weight, dequantised
_PROCESSES = 64
_CPU_SLACK = 30
_NO_NEW_PRIVILEGES = 38  # PR_SET_NO_NEW_PRIVS


def drop(number: str, work: str) -> None:
    """Become that user for good, where it is not 0, in the folder; no program that is run later has more rights."""
    user = int(number)
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    os.chdir(work)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def enter(limits: Limits, archive_size: int, seconds: float | None, *, sandboxed: bool) -> None:
    """Set every limit, before the archive is read."""
    _lower(resource.RLIMIT_CORE, 0)
    if seconds is not None:
        _lower(resource.RLIMIT_CPU, int(seconds) + _CPU_SLACK)
    if sandboxed:  # outside of a namespace, the user's other processes would count
        _lower(resource.RLIMIT_NPROC, _PROCESSES)
        system_calls.deny()
    inflated = max(archive_size * limits.expansion_ratio, limits.expansion_free)
    _bound_memory(min(inflated, limits.unpacked_size))


def narrow(model_size: int) -> None:
    """Lower the limits that follow the model to those of one of this size."""
    _bound_memory(model_size)


def memory_for(model_size: int) -> int:
    """Bytes of memory, and of a file, that compiling a model of so many bytes may take."""
    return _MEMORY + _MEMORY_FACTOR * model_size


def folded_for(model_size: int) -> int:
    """Bytes of one constant that compiling a model of so many bytes may compute."""
    return FOLDED + _FOLDED_FACTOR * model_size


def _bound_memory(model_size: int) -> None:
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
        _lower(kind, memory_for(model_size))


def _lower(kind: int, most: int) -> None:
    _soft, hard = resource.getrlimit(kind)
    bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (bound, bound))
