"""The limits that the child sets itself, in processes that set them and then go beyond."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.compiling.confinement import FOLDED, MIB, folded_for, memory_for

if TYPE_CHECKING:
    from pathlib import Path


def confined(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """A process that enters the limits of a model of 1000 bytes, and runs the code."""
    start = (
        "import json, resource\nfrom edgewright.compiling import confinement\nfrom edgewright.limits import Limits\n"
        f"confinement.drop('0', {str(tmp_path)!r})\n"
        "confinement.enter(Limits(), 1000, 5, sandboxed=False)\n"
    )
    return ran(start + code)


def ran(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)


def printed(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_limit_is_set_for_good_and_follows_the_model(tmp_path: Path) -> None:
    code = (
        "def limits():\n"
        "    return [resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) for name in names]\n"
        "names = ('AS', 'FSIZE', 'CPU', 'CORE')\n"
        "before = limits()\nconfinement.narrow(1000)\nprint(json.dumps([before, limits()]))\n"
    )
    before, after = printed(confined(tmp_path, code))
    assert all(soft == hard for soft, hard in before + after)
    most = memory_for(64 * MIB)  # what any small archive may become
    assert [soft for soft, _ in before] == [most, most, 35, 0]
    assert [soft for soft, _ in after] == [memory_for(1000), memory_for(1000), 35, 0]


LIMIT = "print(json.dumps(resource.getrlimit(resource.RLIMIT_AS)))\n"


def test_a_limit_is_never_raised_again(tmp_path: Path) -> None:
    code = "confinement.narrow(1000)\nconfinement.narrow(10 ** 12)\n" + LIMIT
    assert printed(confined(tmp_path, code)) == [memory_for(1000)] * 2


def test_memory_beyond_the_limit_is_not_given(tmp_path: Path) -> None:
    done = confined(tmp_path, "confinement.narrow(1000)\nbytearray(700 * 2**20)\n")
    assert "MemoryError" in done.stderr


def test_a_file_beyond_the_limit_is_not_written(tmp_path: Path) -> None:
    code = "confinement.narrow(1000)\nfile = open('large', 'wb')\nfile.truncate(700 * 2**20)\n"
    done = confined(tmp_path, code)
    assert "File too large" in done.stderr
    assert (tmp_path / "large").stat().st_size == 0


def test_a_stricter_limit_of_the_operators_stays() -> None:
    own = f"import json, resource\nresource.setrlimit(resource.RLIMIT_AS, ({400 * MIB}, {400 * MIB}))\n"
    code = "from edgewright.compiling import confinement\nconfinement.narrow(1000)\n"
    assert printed(ran(own + code + LIMIT)) == [400 * MIB, 400 * MIB]


def test_no_program_that_it_runs_gets_more_rights(tmp_path: Path) -> None:
    code = "import ctypes\nprint(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))\n"
    assert printed(confined(tmp_path, code)) == 1


@pytest.mark.parametrize("size", [0, 200 * MIB])
def test_what_is_computed_from_constants_fits_into_the_memory_three_times(size: int) -> None:
    """ONNX Runtime has a constant three times while it saves it: as a tensor, in its graph, and in the file."""
    assert 3 * folded_for(size) <= memory_for(size) + 4 * size
    assert folded_for(0) == FOLDED
