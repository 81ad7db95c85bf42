"""Ceph's object gateway for tests: one monitor, one OSD with its objects in memory, and radosgw, on the loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import urllib.request
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from contract.s3_service import S3Service

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("ceph-mon", "ceph-osd", "ceph", "monmaptool", "radosgw", "radosgw-admin")
"""Debian's packages ceph-mon, ceph-osd, ceph-common and radosgw have them."""
CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v1:127.0.0.1:{monitor}]
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
pid file = {folder}/$name.pid
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data = {folder}/mon
mon data avail crit = 0
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 8589934592
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw dynamic resharding = false
rgw run sync thread = false
# An OSD that places itself may ask before it has the monitor's map, and is refused then: "wrong fsid".
osd crush update on start = false
osd class update on start = false
"""
SECONDS = 60.0
"""For each step of the start."""


def missing_programs() -> list[str]:
    """The programs that Ceph needs and that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def ceph_service() -> Iterator[S3Service]:
    """Start all three, make a user, and end them."""
    with tempfile.TemporaryDirectory(prefix="ceph-") as folder, ExitStack() as stack:
        ceph = _Cluster(Path(folder), stack)
        ceph.start()
        yield ceph.service


class _Cluster:
    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._monitor, self._gateway = _free_ports()
        self._conf = folder / "ceph.conf"
        self.service = S3Service(f"http://127.0.0.1:{self._gateway}")

    def start(self) -> None:
        fsid = str(uuid.uuid4())
        ports = {"monitor": self._monitor, "gateway": self._gateway}
        self._conf.write_text(CONFIGURATION.format(fsid=fsid, folder=self._folder, **ports), encoding="utf-8")
        for name in ("mon", "osd", "rgw"):
            (self._folder / name).mkdir()
        monmap = str(self._folder / "monmap")
        address = f"[v1:127.0.0.1:{self._monitor}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap)
        self._daemon("ceph-mon", "-i", "a")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd)
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._daemon("ceph-osd", "-i", "0")
        self._daemon("radosgw", "-n", "client.rgw")
        self._await_answer()
        user = ("--uid=tests", "--display-name=tests", "--max-buckets=0")
        keys = (f"--access-key={self.service.key}", f"--secret-key={self.service.secret}")
        self._run("radosgw-admin", "user", "create", *user, *keys)

    def _run(self, program: str, *arguments: str) -> None:
        command = [program, "-c", str(self._conf), *arguments]
        if program == "monmaptool":
            command = [program, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"

    def _daemon(self, program: str, *arguments: str) -> None:
        with (self._folder / f"{program}.out").open("w") as log:
            command = [program, "-f", "-c", str(self._conf), *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.kill)

    def _await_answer(self) -> None:
        until = monotonic() + SECONDS
        while True:
            try:
                urllib.request.urlopen(self.service.url, timeout=5).close()
            except OSError as error:
                assert monotonic() < until, f"Ceph does not answer: {error}\n{self._logs()}"
                sleep(0.2)
            else:
                return

    def _logs(self) -> str:
        found = sorted(self._folder.glob("*.out")) + sorted(self._folder.glob("*.log"))
        return "\n".join(f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}" for path in found)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]
