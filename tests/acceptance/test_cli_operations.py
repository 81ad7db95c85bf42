"""The commands of those who run the service, and the exit codes that programs rely on."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.conftest import archive
from acceptance.running import REGION, RunningServer, clean_environment, command, packaging_request, register, serving
from edgewright.cli import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GOLDEN = "tests/golden/digits-1.0.tar.gz"


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `edgewright` with these arguments."""
    return subprocess.run(
        command(*map(str, arguments)),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment() | environment,
        timeout=100,
    )


class TestExitCodes:
    """Each of the documented codes, as it comes about."""

    @pytest.mark.parametrize(
        ("code", "arguments"),
        [
            (0, ("--version",)),
            (0, ("inspect", GOLDEN)),
            (1, ("inspect", "pyproject.toml")),
            (1, ("verify", "nothing.tar.gz", "--public-key", "tests/golden/signing.pub.pem")),
            (2, ("verify",)),
            (2, ("no-such-command",)),
            (2, ("jobs", "list", "--no-such-option")),
            (3, ("jobs", "list", "--data-dir", "no-such-folder")),
            (3, ("verify", GOLDEN, "--public-key", "no-such-key.pem")),
            (3, ("doctor", "--data-dir", "no-such-folder")),
        ],
    )
    def test_a_code_means_what_is_documented(self, code: int, arguments: tuple[str, ...]) -> None:
        done = run(*arguments)
        assert done.returncode == code, done.stderr
        assert code in EXIT_CODES
        assert "Traceback" not in done.stderr

    def test_an_interrupted_command_says_so(self, tmp_path: Path) -> None:
        with _watching_for_ever(tmp_path / "data") as watcher:
            assert watcher.stdout is not None
            assert watcher.stdout.readline().startswith("STARTING")
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(30) == 130


@contextmanager
def _watching_for_ever(data: Path) -> Iterator[subprocess.Popen[str]]:
    """`jobs watch` of a job that nobody does, on a server without a worker."""
    with serving(data, "--no-worker") as server:
        register(server, "compiled", server.put("models", "m.tar.gz", archive({"model.so": b"x"})))
        server.client().create_edge_packaging_job(**packaging_request("held", "compiled"))
        watcher = subprocess.Popen(
            command("jobs", "watch", "held", "--data-dir", str(data), "--region", REGION),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=clean_environment() | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        try:
            yield watcher
        finally:
            watcher.kill()
            watcher.communicate()


class TestWatch:
    def test_several_jobs_are_followed_to_their_ends(
        self, server: RunningServer, sagemaker: Any, compilation: str
    ) -> None:
        for name in ("watched-1", "watched-2"):
            sagemaker.create_edge_packaging_job(**packaging_request(name, compilation))
        place = ("--data-dir", server.data_dir, "--region", REGION)
        done = run("jobs", "watch", "watched-1", "watched-2", *place)
        assert done.returncode == 0, done.stderr
        last = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
        assert last == {"watched-1": "COMPLETED", "watched-2": "COMPLETED"}
        told = json.loads(run("jobs", "watch", "watched-1", "watched-2", "--json", *place).stdout)
        assert [job["EdgePackagingJobName"] for job in told] == ["watched-1", "watched-2"]

    def test_nothing_to_watch_is_told(self, tmp_path: Path) -> None:
        with serving(tmp_path / "data", "--no-worker") as server:
            done = run("jobs", "watch", "--data-dir", server.data_dir)
        assert (done.returncode, done.stdout) == (0, "No job is unfinished.\n")

    @pytest.mark.parametrize(("terminal", "live"), [("xterm-256color", True), ("dumb", False)])
    def test_a_terminal_gets_a_table_and_a_dumb_one_lines(
        self, server: RunningServer, sagemaker: Any, compilation: str, terminal: str, *, live: bool
    ) -> None:
        name = f"on-{terminal.partition('-')[0]}"
        sagemaker.create_edge_packaging_job(**packaging_request(name, compilation))
        shown = _on_terminal(
            "jobs", "watch", name, "--data-dir", str(server.data_dir), "--region", REGION, TERM=terminal
        )
        assert "COMPLETED" in shown
        assert ("PROGRESS" in shown and "\x1b[" in shown) is live


def _on_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes onto a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=clean_environment() | environment
    )
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux's way of saying that the other end is closed
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    assert process.wait(60) == 0
    return b"".join(pieces).decode()


class TestDoctor:
    def test_a_service_that_runs_is_well(self, server: RunningServer) -> None:
        deadline = time.monotonic() + 120
        while True:
            done = run("doctor", "--json", "--data-dir", server.data_dir)
            found = {each["name"]: each for each in json.loads(done.stdout)}
            if "0 workers" not in found["workers"]["found"]:
                break
            assert time.monotonic() < deadline, "the worker has registered by now"
        assert done.returncode == 0, done.stdout
        assert {each["state"] for each in found.values()} <= {"ok", "warning"}
        assert set(found) == {
            "settings", "data folder", "signing key", "access keys", "database", "clock", "workers", "sandbox",
            "object store", "server",
        }  # fmt: skip
        assert "1 alive" in found["workers"]["found"]
        assert found["server"]["found"].endswith("and is ready.")
        assert not (server.data_dir / "objects" / "edgewright-doctor").exists()

    def test_what_is_wrong_is_told_with_how_to_mend_it(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with serving(data, "--no-worker"):
            pass
        (data / "keys" / "signing.pem").chmod(0o644)
        (data / "credentials").chmod(0o644)
        done = run("doctor", "--data-dir", data)
        assert done.returncode == 3
        assert "open to others" in done.stdout
        assert "chmod 600" in done.stdout
        assert "Start `edgewright worker`" in done.stdout
        assert "None answers at" in done.stdout

    def test_a_database_that_does_not_answer_is_told_without_its_password(self, tmp_path: Path) -> None:
        url = "postgresql://me:hunter2@127.0.0.1:9/jobs"
        done = run("doctor", "--data-dir", tmp_path, EDGEWRIGHT_DATABASE_URL=url)
        assert done.returncode == 3
        assert "EDGEWRIGHT_DATABASE_URL" in done.stdout
        assert "hunter2" not in done.stdout + done.stderr

    def test_settings_that_cannot_be_used_end_it(self, tmp_path: Path) -> None:
        done = run("doctor", "--data-dir", tmp_path, EDGEWRIGHT_PORT="many")
        assert done.returncode == 3
        assert "port" in done.stderr


class TestInspect:
    def test_what_a_package_holds_and_whether_it_is_verified(self) -> None:
        done = run("inspect", GOLDEN, "--public-key", "tests/golden/signing.pub.pem")
        assert done.returncode == 0, done.stderr
        assert "verified  yes" in done.stdout
        assert "sagemaker_edge_manifest" in done.stdout
        assert "(says the package)" not in done.stdout

    def test_without_a_key_it_only_says_so_itself(self, tmp_path: Path) -> None:
        done = run("inspect", GOLDEN, "--data-dir", tmp_path)
        assert "digits 1.0 (says the package)" in done.stdout
        assert "verified  no: No trusted key was given." in done.stdout
        told = json.loads(run("inspect", GOLDEN, "--json", "--data-dir", tmp_path).stdout)
        assert (told["verified"], told["model_name"], len(told["members"])) == (False, "digits", 5)
