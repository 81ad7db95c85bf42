"""KmsKeyId and ResourceKey on the directory store: what is encrypted, what is refused, and what is never written."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import json
import random
import re
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from acceptance.conftest import archive
from acceptance.running import (
    ACCOUNT,
    REGION,
    RunningServer,
    clean_environment,
    command,
    packaging_request,
    register,
    serving,
    wait_for,
    wait_for_compilation,
)
from acceptance.test_compilation_jobs import compile_request
from acceptance.written import written_below
from edgewright.demo.digits import load_digits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOISE = random.Random(47).randbytes(3_000_000)  # deflate cannot shrink it: a plain package has it as it is
UNKNOWN = "1234abcd-12ab-34cd-56ef-1234567890ab"
ARN = f"arn:aws:kms:{REGION}:{ACCOUNT}"


def edgewright(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on a data folder, run to its end."""
    environment = clean_environment() | {"EDGEWRIGHT_DATA_DIR": str(data_dir)}
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, check=False)


def kms(server: RunningServer, *arguments: str) -> Any:
    """What `edgewright kms` prints in JSON."""
    done = edgewright(server.data_dir, "kms", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def verified(server: RunningServer, uri: str) -> subprocess.CompletedProcess[str]:
    """`edgewright verify` of a package in the server's store."""
    return edgewright(server.data_dir, "verify", uri, "--public-key", str(server.data_dir / "keys" / "signing.pub.pem"))


def output_with(key: str, bucket: str = "encrypted") -> dict[str, Any]:
    return {"S3OutputLocation": f"s3://{bucket}/out", "KmsKeyId": key}


def holds_noise(content: bytes) -> bool:
    """Whether any part of the model that is worth the name stands in these bytes."""
    return any(NOISE[start : start + 64] in content for start in range(0, len(NOISE), 100_003))


@pytest.fixture(scope="session")
def key(server: RunningServer) -> dict[str, Any]:
    """A key of the server's keyring, with the alias `edge`; made while the server runs."""
    made: dict[str, Any] = kms(server, "create-key", "--alias", "edge", "--region", REGION)
    return made


@pytest.fixture(scope="session")
def noisy(server: RunningServer) -> str:
    """The name of a COMPLETED compilation job whose artifact is noise."""
    register(server, "noisy", server.put("models", "noisy.tar.gz", archive({"model.so": NOISE})))
    return "noisy"


@pytest.mark.parametrize("form", ["key_id", "arn", "alias", "alias arn"])
def test_a_package_is_encrypted_with_the_key_that_the_job_names(
    server: RunningServer, sagemaker: Any, noisy: str, key: dict[str, Any], form: str
) -> None:
    named = {"alias": "alias/edge", "alias arn": f"{ARN}:alias/edge"}.get(form) or key[form]
    name = f"encrypted-by-{form.replace(' ', '-').replace('_', '-')}"
    request = packaging_request(name, noisy, ModelName=name, OutputConfig=output_with(named))
    sagemaker.create_edge_packaging_job(**request)
    job = wait_for(sagemaker, name)
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert job["OutputConfig"] == request["OutputConfig"]

    file = server.object(job["ModelArtifact"]).read_bytes()
    assert not file.startswith(b"\x1f\x8b")
    assert not holds_noise(file)
    assert b"sagemaker_edge_manifest" not in file
    done = verified(server, job["ModelArtifact"])
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(NOISE).hexdigest() in done.stdout


def test_without_a_key_the_same_package_is_plain(server: RunningServer, sagemaker: Any, noisy: str) -> None:
    """What the test above looks for is there to be found."""
    request = packaging_request("plain-noise", noisy, OutputConfig={"S3OutputLocation": "s3://plain/out"})
    sagemaker.create_edge_packaging_job(**request)
    file = server.object(wait_for(sagemaker, "plain-noise")["ModelArtifact"]).read_bytes()
    assert file.startswith(b"\x1f\x8b")
    assert holds_noise(file)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (UNKNOWN, f"Key '{ARN}:key/{UNKNOWN}' does not exist. `edgewright kms list-keys` shows"),
        ("alias/nobody", f"Alias {ARN}:alias/nobody is not found."),
        ("a:b", "Invalid keyId 'a:b': wanted a key id, a key ARN, alias/NAME or an alias ARN"),
        (f"arn:aws:kms:{REGION}:999999999999:alias/edge", "belongs to another account or region"),
        (f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/edge", "belongs to another account or region"),
        ("disabled", "is disabled. `edgewright kms enable-key"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_at_create(
    server: RunningServer, sagemaker: Any, noisy: str, key: dict[str, Any], named: str, words: str
) -> None:
    if named == "disabled":
        named = kms(server, "create-key", "--region", REGION)["key_id"]
        kms(server, "disable-key", named)
    package = packaging_request("keyless", noisy, OutputConfig=output_with(named))
    output = output_with(named) | {"TargetDevice": "rasp4b"}
    compilation = compile_request("keyless", "s3://models/noisy.tar.gz", OutputConfig=output)
    for create, request in (
        (sagemaker.create_edge_packaging_job, package),
        (sagemaker.create_compilation_job, compilation),
    ):
        with pytest.raises(ClientError) as raised:
            create(**request)
        assert raised.value.response["Error"]["Code"] == "ValidationException"
        message = raised.value.response["Error"]["Message"]
        assert message.startswith(f"Value '{named}' at 'outputConfig.kmsKeyId' cannot be honoured: ")
        assert words in message
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_edge_packaging_job(EdgePackagingJobName="keyless")


def test_another_account_cannot_name_the_key(server: RunningServer, key: dict[str, Any]) -> None:
    made = edgewright(server.data_dir, "access-keys", "create", "stranger", "--account", "999999999999", "--json")
    stranger = json.loads(made.stdout)
    theirs = server.client(
        aws_access_key_id=stranger["access_key_id"], aws_secret_access_key=stranger["secret_access_key"]
    )
    request = packaging_request("stranger", "any", RoleArn="arn:aws:iam::999999999999:role/edge")
    for named, words in ((key["key_id"], "does not exist"), (key["arn"], "belongs to another account")):
        with pytest.raises(ClientError, match=words):
            theirs.create_edge_packaging_job(**request | {"OutputConfig": output_with(named)})


def test_a_compiled_model_is_encrypted_and_packaged_from_there(
    server: RunningServer, sagemaker: Any, key: dict[str, Any]
) -> None:
    model = server.put("models", "digits-to-seal.tar.gz", load_digits().archive.read_bytes())
    output = output_with("alias/edge", "encrypted-compiled") | {"TargetDevice": "rasp4b"}
    sagemaker.create_compilation_job(**compile_request("encrypted-compilation", model, OutputConfig=output))
    compiled = wait_for_compilation(sagemaker, "encrypted-compilation")
    assert compiled["CompilationJobStatus"] == "COMPLETED", compiled
    artifact = server.object(compiled["ModelArtifacts"]["S3ModelArtifacts"]).read_bytes()
    assert not artifact.startswith(b"\x1f\x8b")
    assert hashlib.sha256(artifact).hexdigest() != compiled["ModelDigests"]["ArtifactDigest"]

    request = packaging_request("from-encrypted", "encrypted-compilation", OutputConfig=output_with(key["arn"]))
    sagemaker.create_edge_packaging_job(**request)
    job = wait_for(sagemaker, "from-encrypted")
    assert job["EdgePackagingJobStatus"] == "COMPLETED", job
    assert verified(server, job["ModelArtifact"]).returncode == 0


def test_a_component_of_an_encrypted_package_hands_out_the_plain_one(
    server: RunningServer, sagemaker: Any, noisy: str, key: dict[str, Any], tmp_path: Path
) -> None:
    output = output_with(key["key_id"], "encrypted-components") | {
        "PresetDeploymentType": "GreengrassV2Component",
        "PresetDeploymentConfig": json.dumps({"ComponentName": "encrypted.noise"}),
    }
    sagemaker.create_edge_packaging_job(**packaging_request("encrypted-component", noisy, OutputConfig=output))
    job = wait_for(sagemaker, "encrypted-component")
    assert job["PresetDeploymentOutput"]["Status"] == "COMPLETED", job
    greengrass = server.client("greengrassv2")
    arn = job["PresetDeploymentOutput"]["Artifact"]
    link = greengrass.get_component_version_artifact(arn=arn, artifactName="digits-1.0.tar.gz")["preSignedUrl"]
    with urllib.request.urlopen(link) as answer:
        package = answer.read()
        assert int(answer.headers["Content-Length"]) == len(package)
    assert NOISE[:100_000] in gzip.decompress(package)
    folder = tmp_path / "exported"
    export = ("component", "export", "encrypted-component", "--output", str(folder), "--endpoint-url", server.url)
    done = edgewright(server.data_dir, *export, "--region", REGION, "--data-dir", str(server.data_dir))
    assert done.returncode == 0, done.stderr
    (exported,) = folder.rglob("*.tar.gz")
    assert exported.read_bytes() == package

    file = server.object(job["ModelArtifact"])
    file.write_bytes(file.read_bytes()[:-1000])
    with urllib.request.urlopen(link) as answer, pytest.raises(http.client.IncompleteRead) as cut:
        answer.read()
    assert package.startswith(cut.value.partial)


@pytest.fixture(scope="module")
def package(sagemaker: Any, noisy: str, key: dict[str, Any]) -> str:
    """The URI of an encrypted package."""
    request = packaging_request("to-damage", noisy, OutputConfig=output_with(key["arn"], "damaged"))
    sagemaker.create_edge_packaging_job(**request)
    uri: str = wait_for(sagemaker, "to-damage")["ModelArtifact"]
    return uri


class TestDamage:
    """Last of a package's troubles: its file is changed, and its key goes away."""

    @pytest.mark.parametrize("position", [40, 2_000_000, -1])
    def test_a_changed_byte_is_refused(self, server: RunningServer, package: str, position: int) -> None:
        file = server.object(package)
        kept = file.read_bytes()
        changed = bytearray(kept)
        changed[position] ^= 0x20
        file.write_bytes(changed)
        done = verified(server, package)
        file.write_bytes(kept)
        assert done.returncode == 1
        assert "cannot be decrypted: its file was changed, cut short, or moved here" in done.stderr
        assert package.removeprefix("s3://damaged/") in done.stderr
        assert verified(server, package).returncode == 0

    def test_a_copy_under_another_name_is_refused(self, server: RunningServer, package: str) -> None:
        shutil.copyfile(server.object(package), server.object(f"{package}.copy"))
        assert "moved here from another object's place" in verified(server, f"{package}.copy").stderr

    def test_a_job_of_a_damaged_source_fails_and_says_why(
        self, server: RunningServer, sagemaker: Any, package: str
    ) -> None:
        file = server.object(package)
        kept = file.read_bytes()
        register(server, "damaged", package)
        file.write_bytes(kept[:100] + b"damaged" + kept[107:])
        sagemaker.create_edge_packaging_job(**packaging_request("of-damaged", "damaged"))
        job = wait_for(sagemaker, "of-damaged")
        file.write_bytes(kept)
        assert job["EdgePackagingJobStatus"] == "FAILED"
        assert job["EdgePackagingJobStatusMessage"].startswith("ClientError: The encrypted object cannot be decrypted")

    def test_a_disabled_key_opens_nothing(self, server: RunningServer, package: str, key: dict[str, Any]) -> None:
        kms(server, "disable-key", key["key_id"])
        refused = verified(server, package)
        kms(server, "enable-key", key["key_id"])
        assert refused.returncode == 1
        assert f"{key['arn']} is disabled" in refused.stderr
        assert verified(server, package).returncode == 0


class TestResourceKey:
    """A packaging job writes to the object store and the databases, and to nothing else."""

    @pytest.fixture
    def scratch(self, tmp_path: Path) -> Path:
        (tmp_path / "scratch").mkdir()
        return tmp_path / "scratch"

    @pytest.fixture
    def alone(self, tmp_path: Path, scratch: Path) -> Iterator[RunningServer]:
        """A server that nobody else uses, with temporary files in a folder of its own."""
        with serving(tmp_path / "data", environment={"TMPDIR": str(scratch)}) as running:
            yield running

    def test_no_volume_holds_the_model_while_it_is_packed(self, alone: RunningServer, scratch: Path) -> None:
        made = kms(alone, "create-key", "--alias", "edge", "--region", REGION)
        register(alone, "noisy", alone.put("models", "noisy.tar.gz", archive({"model.so": NOISE})))
        client = alone.client()
        request = packaging_request("volume-less", "noisy", OutputConfig=output_with("alias/edge"))
        with written_below(alone.data_dir, scratch) as written:
            client.create_edge_packaging_job(**request, ResourceKey=made["arn"])
            job = wait_for(client, "volume-less")
        assert job["EdgePackagingJobStatus"] == "COMPLETED", job
        assert job["ResourceKey"] == made["arn"]

        names = {path.relative_to(alone.data_dir.parent).as_posix() for path in written}
        allowed = re.compile(
            r"data/edgewright(-engine)?\.sqlite(-wal|-shm|-journal)?"
            r"|data/objects/\.staging/[0-9a-f]{32}"
            r"|data/objects/encrypted/out/digits-1\.0\.tar\.gz"
        )
        assert [name for name in sorted(names) if not allowed.fullmatch(name)] == []
        assert "data/objects/encrypted/out/digits-1.0.tar.gz" in names
        source = alone.object("s3://models/noisy.tar.gz")
        others = [path for path in alone.data_dir.rglob("*") if path.is_file() and path != source]
        assert [path for path in others if holds_noise(path.read_bytes())] == []
