"""The command line against a real server, and without any."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.conftest import archive
from acceptance.running import REGION, RunningServer, clean_environment, command, packaging_request, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.fixture
def packaged(tmp_path: Path) -> tuple[Path, Path]:
    """A package made by the command line alone, and its public key."""
    source = tmp_path / "model.tar.gz"
    source.write_bytes(archive({"model.so": b"\x7fELF" * 1000, "sub/weights.params": b"w" * 5000}))
    done = run(
        "package", source, "--model-name", "m", "--model-version", "1.0", "--output", tmp_path / "out",
        "--data-dir", tmp_path / "data", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    package = tmp_path / "out" / "m-1.0.tar.gz"
    assert printed["package"] == str(package)
    assert printed["size"] == package.stat().st_size
    return package, tmp_path / "data" / "keys" / "signing.pub.pem"


def test_packaging_and_verifying_need_no_server(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    package, key = packaged
    done = run("verify", package, "--public-key", key, "--extract", tmp_path / "unpacked", "--model-name", "m")
    assert done.returncode == 0, done.stderr
    assert "verified: m 1.0" in done.stdout
    assert (tmp_path / "unpacked" / "sub" / "weights.params").read_bytes() == b"w" * 5000
    as_json = json.loads(run("verify", package, "--public-key", key, "--json").stdout)
    assert as_json["verified"] is True
    assert {file["path"] for file in as_json["files"]} == {"model.so", "sub/weights.params"}
    with tarfile.open(package) as tar:
        assert tar.getnames()[-2:] == ["sagemaker_edge_manifest", "sagemaker_edge_signature"]


def test_a_changed_package_is_refused_in_one_line_and_nothing_is_unpacked(
    packaged: tuple[Path, Path], tmp_path: Path
) -> None:
    package, key = packaged
    content = bytearray(package.read_bytes())
    content[len(content) // 3] ^= 1
    package.write_bytes(content)
    done = run("verify", package, "--public-key", key, "--extract", tmp_path / "unpacked")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "unpacked").exists()


def test_a_package_of_another_key_model_or_version_is_refused(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    package, key = packaged
    for flags in (("--model-name", "other"), ("--model-version", "2.0")):
        done = run("verify", package, "--public-key", key, *flags)
        assert done.returncode == 1
        assert flags[1] in done.stderr
    other = run("package", tmp_path / "model.tar.gz", "--model-name", "x", "--model-version", "1",
                "--output", tmp_path, "--data-dir", tmp_path / "other")  # fmt: skip
    assert other.returncode == 0
    done = run("verify", package, "--public-key", tmp_path / "other" / "keys" / "signing.pub.pem")
    assert done.returncode == 1


def test_a_package_is_signed_with_the_key_that_is_given(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    package, public = packaged
    private = public.with_name("signing.pem")
    made = tmp_path / "by-key" / package.name
    for key in (private, private.as_uri()):
        done = run("package", tmp_path / "model.tar.gz", "--model-name", "m", "--model-version", "1.0",
                   "--output", made.parent, "--data-dir", tmp_path / "another", "--key", key)  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert made.read_bytes() == package.read_bytes()
    done = run("package", tmp_path / "model.tar.gz", "--model-name", "m", "--model-version", "1.0",
               "--output", tmp_path / "none", "--key", "gcpkms:edge")  # fmt: skip
    assert (done.returncode, "No signer opens 'gcpkms:edge'" in done.stderr) == (3, True)
    assert not (tmp_path / "another").exists()


def test_several_keys_can_be_trusted(packaged: tuple[Path, Path]) -> None:
    package, key = packaged
    assert run("verify", package, "--trust", key.parent).returncode == 0
    assert run("verify", package).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["package", "nothing.tar.gz", "--model-name", "m", "--model-version", "1", "--output", "o"], 1, "No file at"),
        (["jobs", "list"], 3, "No service address"),
        (["jobs", "list", "--endpoint-url", "http://127.0.0.1:9"], 3, "edgewright serve"),
        (["serve", "--port", "99999"], 3, "port"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_errors_are_lines_not_tracebacks(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "EDGEWRIGHT_DATA_DIR": str(tmp_path)}
    done = run(*arguments, **keys, COLUMNS="200")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_jobs_are_listed_described_watched_and_stopped(server: RunningServer, sagemaker: Any, compilation: str) -> None:
    sagemaker.create_edge_packaging_job(**packaging_request("from-the-cli", compilation))
    place = ("--data-dir", server.data_dir, "--region", REGION)
    watched = run("jobs", "watch", "from-the-cli", *place)
    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.splitlines()[-1].startswith("COMPLETED")
    described = json.loads(run("jobs", "describe", "from-the-cli", *place, "--json").stdout)
    assert described["EdgePackagingJobStatus"] == "COMPLETED"
    assert described["ModelSignature"] == wait_for(sagemaker, "from-the-cli")["ModelSignature"]
    plain = run("jobs", "describe", "from-the-cli", *place).stdout
    assert "EdgePackagingJobStatus" in plain
    listed = run("jobs", "list", *place, "--name-contains", "from-the-cli").stdout
    assert listed.split("\t")[:4] == ["from-the-cli", "COMPLETED", "digits", "1.0"]
    stopped = run("jobs", "stop", "from-the-cli", *place)
    assert stopped.returncode == 1
    assert "ValidationException" in stopped.stderr


def test_the_usual_environment_reaches_a_service(server: RunningServer, compilation: str) -> None:
    key_id, secret = server.keys
    environment = {"AWS_ENDPOINT_URL": server.url, "AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
    done = run("compilations", "describe", compilation, "--region", REGION, "--json", **environment)
    assert json.loads(done.stdout)["CompilationJobName"] == compilation
    listed = run("compilations", "list", AWS_DEFAULT_REGION=REGION, **environment)
    assert compilation in listed.stdout


def test_the_port_of_another_server_is_refused_by_name(server: RunningServer, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    done = run("serve", "--port", port, "--data-dir", tmp_path / "data", "--no-worker")
    assert done.returncode == 3
    assert f"port {port}" in done.stderr


def test_a_worker_that_dies_is_started_again_and_ends_with_its_server(tmp_path: Path) -> None:
    import psutil

    with serving(tmp_path / "data") as running:
        first = _worker_of(running)
        first.kill()
        first.wait(10)
        second = _worker_of(running)
        assert second.pid != first.pid
        running.process.kill()
        running.process.wait(10)
        second.wait(30)
        assert not psutil.pid_exists(second.pid)


def _worker_of(running: RunningServer) -> Any:
    """The worker process that the server keeps."""
    import time

    import psutil

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for child in psutil.Process(running.process.pid).children():
            if child.status() != psutil.STATUS_ZOMBIE and "worker" in child.cmdline():
                return child
        time.sleep(0.1)
    raise AssertionError("no worker was started")
