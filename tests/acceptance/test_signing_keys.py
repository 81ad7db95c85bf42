"""Signing keys as an operator and a device meet them: rotation, revocation, the signed list, hosts that disagree."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import pytest

from acceptance.conftest import archive
from acceptance.running import clean_environment, command, packaging_request, register, serving, wait_for
from contract.postgres import PostgresService, postgres_service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from acceptance.running import RunningServer


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresService]:
    with postgres_service() as service:
        yield service


def run(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*map(str, arguments)),
        cwd=folder,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def done(folder: Path, *arguments: object, **environment: str) -> str:
    """What a command printed that has to succeed."""
    finished = run(folder, *arguments, **environment)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def package(server: RunningServer, name: str, **environment: str) -> Path:
    """The package of a new job."""
    client = server.client()
    if not client.list_compilation_jobs(NameContains="compiled")["CompilationJobSummaries"]:
        artifact = server.put("models", "digits.tar.gz", archive({"model.onnx": b"weights"}))
        register(server, "compiled", artifact, environment=environment)
    client.create_edge_packaging_job(**packaging_request(name, "compiled", ModelVersion=name))
    job = wait_for(client, name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job["EdgePackagingJobStatusMessage"]
    return server.object(job["ModelArtifact"])


def get(server: RunningServer, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"{server.url}{path}") as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def new_list(folder: Path, data: Path, *, days: int = 90) -> Path:
    """Export the keys, sign the list where the root key is, and publish it."""
    done(folder, "keys", "export", "--output", "exported", "--data-dir", data)
    signing = ("--root", "root.pem", "--output", "keys.list.json", "--days", days)
    done(folder, "keys", "sign-list", "exported/keys.json", *signing)
    done(folder, "keys", "publish", "keys.list.json", "--root", "root.pub.pem", "--data-dir", data)
    return folder / "keys.list.json"


def test_a_rotation_and_a_revocation_under_a_running_service(tmp_path: Path) -> None:
    done(tmp_path, "keys", "create-root", "root.pem")
    trust = ("--trust", "device.list", "--root", "root.pub.pem")
    with serving(tmp_path / "data") as server:
        data = server.data_dir
        first, old = json.loads(done(tmp_path, "keys", "list", "--json", "--data-dir", data)), package(server, "v1")
        assert [(key["state"], key["signs"]) for key in first] == [("active", True)]
        rotated = json.loads(done(tmp_path, "keys", "rotate", "--json", "--data-dir", data))
        new = package(server, "v2")  # the worker was not restarted
        known = {key["key_id"]: key for key in json.loads(get(server, "/keys")[1])["keys"]}
        assert {key_id: key["state"] for key_id, key in known.items()} == {
            first[0]["key_id"]: "retired",
            rotated["key_id"]: "active",
        }
        assert known[first[0]["key_id"]]["retired_at"] is not None

        assert get(server, "/keys/list")[0] == 404
        new_list(tmp_path, data)
        status, served = get(server, "/keys/list")
        (tmp_path / "device.list").write_bytes(served)
        assert status == 200
        answer = done(tmp_path, "verify", old, *trust)
        assert f"signed by {first[0]['key_id']}" in answer
        assert "signed by a retired key: valid" in answer
        answer = done(tmp_path, "verify", new, *trust)
        assert (f"signed by {rotated['key_id']}" in answer, "retired" in answer) == (True, False)

        done(tmp_path, "keys", "revoke", first[0]["key_id"][:8], "--reason", "stolen", "--data-dir", data)
        older = (tmp_path / "device.list").read_bytes()
        new_list(tmp_path, data)
        (tmp_path / "device.list").write_bytes(get(server, "/keys/list")[1])
        refused = run(tmp_path, "verify", old, *trust)
        assert (refused.returncode, "Do not deploy" in refused.stderr, "revoked (stolen)" in refused.stderr) == (
            1,
            True,
            True,
        )
        assert run(tmp_path, "verify", new, *trust).returncode == 0
        (tmp_path / "device.list").write_bytes(older)  # a rollback
        refused = run(tmp_path, "verify", old, *trust)
        assert (refused.returncode, "has version 1, and version 2 was seen before" in refused.stderr) == (1, True)

        for key in known:
            assert (get(server, f"/keys/{key}.pem")[0] == 200) == (key == rotated["key_id"])
        assert "PRIVATE" not in get(server, "/keys")[1].decode()


def test_lists_that_a_device_refuses(tmp_path: Path) -> None:
    done(tmp_path, "keys", "create", "--data-dir", "data")
    done(tmp_path, "keys", "create-root", "root.pem")
    done(tmp_path, "keys", "create-root", "other.pem")
    signed = new_list(tmp_path, tmp_path / "data")
    (tmp_path / "model.tar.gz").write_bytes(archive({"model.onnx": b"weights"}))
    model = ("model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", ".", "--data-dir", "data")
    done(tmp_path, "package", *model)

    def verify(*arguments: object) -> tuple[int, str]:
        found = run(tmp_path, "verify", "m-1.tar.gz", *arguments)
        return found.returncode, found.stderr

    assert verify("--trust", signed, "--root", "root.pub.pem") == (0, "")
    assert verify("--trust", signed, "--root", "other.pub.pem", "--root", "root.pub.pem") == (0, "")
    for code, message, *arguments in (
        (1, "which is not trusted", "--trust", signed, "--root", "other.pub.pem"),
        (1, "It is not signed", "--trust", "exported/keys.json", "--root", "root.pub.pem"),
        (1, "version 9 was seen", "--trust", signed, "--root", "root.pub.pem", "--minimum-version", 9),
        (2, "--root", "--trust", signed),
        (2, "--root", "--trust", "exported", "--root", "root.pub.pem"),
        (3, "cannot be read", "--trust", "none", "--root", "root.pub.pem"),
    ):
        found = verify(*arguments)
        assert (found[0], message in found[1]) == (code, True), found


def test_a_revoked_keys_public_half_is_taken_out_of_an_earlier_export(tmp_path: Path) -> None:
    """`verify --trust FOLDER` trusts what is in the folder, and the guide exports into one again and again."""
    first = json.loads(done(tmp_path, "keys", "create", "--json"))
    (tmp_path / "model.tar.gz").write_bytes(archive({"model.onnx": b"weights"}))
    done(tmp_path, "package", "model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", ".")
    done(tmp_path, "keys", "export", "--output", "exported")
    assert run(tmp_path, "verify", "m-1.tar.gz", "--trust", "exported").returncode == 0
    done(tmp_path, "keys", "rotate")
    done(tmp_path, "keys", "revoke", first["key_id"])
    done(tmp_path, "keys", "export", "--output", "exported")
    refused = run(tmp_path, "verify", "m-1.tar.gz", "--trust", "exported")
    assert (refused.returncode, first["key_id"] in refused.stderr) == (1, True)


@pytest.mark.parametrize("arguments", [("--days", "4000000"), ("--version", "99999999999999999999")])
def test_lists_that_cannot_be_made_are_refused_in_a_line(arguments: tuple[str, str], tmp_path: Path) -> None:
    done(tmp_path, "keys", "create")
    done(tmp_path, "keys", "create-root", "root.pem")
    done(tmp_path, "keys", "export", "--output", "exported")
    signing = ("keys", "sign-list", "exported/keys.json", "--root", "root.pem", "--output", "list", *arguments)
    refused = run(tmp_path, *signing)
    assert (refused.returncode in {1, 2}, "a fault of its own" in refused.stderr) == (True, False), refused.stderr
    assert not (tmp_path / "list").exists()


class TestCommands:
    """On a data folder and on PostgreSQL."""

    @pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
    def database(self, request: pytest.FixtureRequest) -> dict[str, str]:
        if request.param == "sqlite":
            return {}
        return {"EDGEWRIGHT_DATABASE_URL": request.getfixturevalue("postgres").new_database()}

    def test_the_life_of_keys(self, database: dict[str, str], tmp_path: Path) -> None:
        def keys(*arguments: object) -> Any:
            return json.loads(done(tmp_path, "keys", *arguments, "--json", **database))

        refused = run(tmp_path, "keys", "list", **database)
        assert (refused.returncode, "edgewright" in refused.stderr) == (3, True)
        first = keys("create")
        second = keys("create")
        assert (first["signs"], second["signs"], second["state"]) == (True, False, "active")
        assert keys("rotate")["key_id"] == second["key_id"]  # the one that was made for it
        third = keys("rotate")
        assert [(key["key_id"], key["state"]) for key in keys("list")] == [
            (first["key_id"], "retired"),
            (second["key_id"], "retired"),
            (third["key_id"], "active"),
        ]
        private = tmp_path / "edgewright-data" / "keys" / "signing.pem"
        assert private.stat().st_mode & 0o777 == 0o600
        waiting = keys("create")
        assert keys("retire", waiting["key_id"][:12])["state"] == "retired"
        for arguments in (("retire", third["key_id"]), ("retire", "0" * 12), ("rotate", first["key_id"])):
            refused = run(tmp_path, "keys", *arguments, **database)
            assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert keys("revoke", third["key_id"], "--reason", "lost")["reason"] == "lost"
        assert not any(key["signs"] for key in keys("list"))
        doctor = run(tmp_path, "doctor", **database)
        assert (doctor.returncode, "Run: edgewright keys rotate" in doctor.stdout) == (3, True)
        assert keys("rotate")["signs"]

    def test_a_key_that_is_brought(self, database: dict[str, str], tmp_path: Path) -> None:
        done(tmp_path, "keys", "create", **database)
        own = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", "own.pem"]
        subprocess.run(own, cwd=tmp_path, check=True, capture_output=True)
        (tmp_path / "own.pem").chmod(0o600)
        rotated = json.loads(done(tmp_path, "keys", "rotate", "--key", "own.pem", "--json", **database))
        assert rotated["algorithm"] == "ECDSA P-384"
        held = (tmp_path / "edgewright-data" / "keys" / "signing.pub.pem").read_text()
        assert held == rotated["public_key"]


@pytest.mark.slow  # eight programs, one after the other
def test_a_host_with_another_key_refuses_to_start(postgres: PostgresService, tmp_path: Path) -> None:
    database = {"EDGEWRIGHT_DATABASE_URL": postgres.new_database()}
    with serving(tmp_path / "one", environment=database) as server:
        first = json.loads(get(server, "/keys")[1])["keys"][0]["key_id"]
        done(tmp_path, "keys", "create", "--data-dir", "elsewhere")  # another service's
        keys = tmp_path / "two" / "keys"
        for what, found in (("none", "is not there: "), ("other", "is another key, "), ("public", "public half alone")):
            if what == "other":
                (tmp_path / "elsewhere" / "keys").rename(keys)
            elif what == "public":
                (keys / "signing.pem").unlink()
            for program in (("serve", "--port", "0"), ("worker",)):
                refused = run(tmp_path, *program, "--data-dir", "two", **database)
                assert refused.returncode == 3, refused.stdout
                assert f"signs with key {first}" in refused.stderr
                assert found in refused.stderr
                assert f"Copy signing.pem from the folder `keys` of a host that has key {first}" in refused.stderr
        doctor = run(tmp_path, "doctor", "--data-dir", "two", "--json", **database)
        states = {check["name"]: check["state"] for check in json.loads(doctor.stdout)}
        assert (doctor.returncode, states["signing key"]) == (3, "failed")
        (keys / "signing.pem").write_bytes((tmp_path / "one" / "keys" / "signing.pem").read_bytes())
        (keys / "signing.pem").chmod(0o600)
        (keys / "signing.pub.pem").unlink()
        with serving(tmp_path / "two", environment=database) as second:
            assert len(json.loads(get(second, "/keys")[1])["keys"]) == 1


@pytest.mark.slow
def test_a_host_without_the_new_key_fails_no_job(postgres: PostgresService, tmp_path: Path) -> None:
    """Its worker takes no job, says what to copy where, and goes on once it is there."""
    database = {"EDGEWRIGHT_DATABASE_URL": postgres.new_database()}
    one, two = tmp_path / "one" / "keys", tmp_path / "two" / "keys"
    with serving(tmp_path / "one", "--no-worker", environment=database) as server:
        done(tmp_path, "keys", "create", "--data-dir", "one", **database)
        shutil.copytree(one, two)
        (tmp_path / "two" / "objects").symlink_to(tmp_path / "one" / "objects")
        with (tmp_path / "two.log").open("wb") as log, worker(tmp_path / "two", database, stderr=log):
            old = package(server, "v1", **database)
            rotated = json.loads(done(tmp_path, "keys", "rotate", "--data-dir", "one", "--json", **database))
            client = server.client()
            client.create_edge_packaging_job(**packaging_request("v2", "compiled", ModelVersion="v2"))
            wanted = f"Copy signing.pem from the folder `keys` of a host that has key {rotated['key_id']}"
            until(lambda: wanted in (tmp_path / "two.log").read_text())
            status = client.describe_edge_packaging_job(EdgePackagingJobName="v2")["EdgePackagingJobStatus"]
            assert status in {"STARTING", "INPROGRESS"}
            shutil.copy2(one / "signing.pem", two / "signing.pem")
            (two / "signing.pub.pem").unlink()
            job = wait_for(client, "v2")
            assert job["EdgePackagingJobStatus"] == "COMPLETED", job["EdgePackagingJobStatusMessage"]
        done(tmp_path, "keys", "export", "--output", "exported", "--data-dir", "one", **database)
        for path in (old, server.object(job["ModelArtifact"])):
            assert run(tmp_path, "verify", path, "--trust", "exported").returncode == 0


@pytest.mark.slow
def test_jobs_wait_while_no_key_signs(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        package(server, "v1")
        (key,) = json.loads(done(tmp_path, "keys", "list", "--json", "--data-dir", server.data_dir))
        done(tmp_path, "keys", "revoke", key["key_id"], "--data-dir", server.data_dir)
        client = server.client()
        for name in ("v2", "v3"):
            client.create_edge_packaging_job(**packaging_request(name, "compiled", ModelVersion=name))
        until(lambda: "No key signs: the signing key was revoked." in server.log.read_text())
        client.stop_edge_packaging_job(EdgePackagingJobName="v3")
        assert wait_for(client, "v3")["EdgePackagingJobStatus"] == "STOPPED"
        done(tmp_path, "keys", "rotate", "--data-dir", server.data_dir)
        job = wait_for(client, "v2")
        assert job["EdgePackagingJobStatus"] == "COMPLETED", job["EdgePackagingJobStatusMessage"]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def worker(data_dir: Path, environment: dict[str, str], stderr: IO[bytes]) -> Iterator[None]:
    process = subprocess.Popen(
        command("worker", "--data-dir", str(data_dir)), env=clean_environment() | environment, stderr=stderr
    )
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0
