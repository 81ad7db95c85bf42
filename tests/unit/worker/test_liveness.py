from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from edgewright.worker.liveness import Liveness

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import sys, pathlib
from edgewright.worker.liveness import Liveness
liveness = Liveness(pathlib.Path(sys.argv[1]), sys.argv[2])
liveness.enter()
print("in", flush=True)
sys.stdin.readline()
liveness.leave()
"""


def worker(folder: Path, name: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"in\n"
    return process


def test_a_worker_is_dead_from_the_moment_it_is_killed(tmp_path: Path) -> None:
    me = Liveness(tmp_path, "me")
    me.enter()
    with worker(tmp_path, "other") as other:
        assert me.dead() == set()
        other.kill()
    assert me.dead() == {"other"}
    me.reap("other")
    assert me.dead() == set()
    assert not (tmp_path / "other").exists()
    me.leave()


def test_a_worker_that_leaves_is_no_dead_one(tmp_path: Path) -> None:
    me = Liveness(tmp_path, "me")
    with worker(tmp_path, "other") as other:
        other.communicate(b"\n")
    assert me.dead() == set()
    assert list(tmp_path.iterdir()) == []


def test_looking_at_others_does_not_give_up_the_own_lock(tmp_path: Path) -> None:
    me = Liveness(tmp_path, "me")
    me.enter()
    me.dead()
    code = "import sys, pathlib; from edgewright.worker.liveness import Liveness;"
    code += "print(Liveness(pathlib.Path(sys.argv[1]), 'other').dead())"
    seen = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, check=True)
    assert seen.stdout == b"set()\n"
    me.leave()


def test_a_folder_without_a_lock_is_nobody_known(tmp_path: Path) -> None:
    (tmp_path / "starting").mkdir()
    assert Liveness(tmp_path, "me").dead() == set()
