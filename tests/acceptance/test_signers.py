"""Packages that are signed by keys outside the program: in a PKCS#11 token, in AWS KMS, on another curve."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.running import clean_environment, command
from archives import model_tar_gz
from contract.s3_service import s3_service
from edgewright.files import PRIVATE, write_atomically
from edgewright.packaging import SIGNATURE_NAME
from edgewright.signing.keys import load_public_key, new_signer, read_public_key
from edgewright.signing.signers import open_signer
from softhsm import token

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def pack(folder: Path, uri: str, environment: dict[str, str], name: str = "packages", files: int = 1) -> Path:
    content = {f"größe-{number}.txt": b"3" for number in range(files)}
    (folder / "model.tar.gz").write_bytes(model_tar_gz({"model.onnx": b"weights"} | content))
    arguments = ("model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", name, "--key", uri)
    done = run(folder, "package", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return folder / name / "m-1.tar.gz"


def digests(folder: Path, package: Path) -> dict[str, str]:
    """The digest of each member but the signature."""
    members = json.loads(run(folder, "inspect", package, "--json").stdout)["members"]
    return {each["path"]: each["sha256"] for each in members if each["path"] != SIGNATURE_NAME}


def judged_by_others(folder: Path, package: Path, public_key: Path) -> None:
    """By OpenSSF's own tool, and by the example verifier."""
    unpacked = folder / f"{package.parent.name}-unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "xzf", package], cwd=unpacked, check=True)
    tool = [sys.executable, "-W", "ignore", "-m", "model_signing", "verify", "key", str(unpacked)]
    tool += ["--signature", str(unpacked / SIGNATURE_NAME), "--public_key", str(public_key)]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)
    assert (done.returncode, "Verification succeeded" in done.stdout) == (0, True), done.stderr
    example = Path(__file__).parents[2] / "examples" / "verify_package.py"
    done = subprocess.run([sys.executable, example, package, public_key], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_key_on_p_384(tmp_path: Path) -> None:
    signer = new_signer("P-384")
    write_atomically(tmp_path / "own.pem", [signer.private_pem], mode=PRIVATE)
    (tmp_path / "own.pub.pem").write_bytes(signer.public_key.pem)
    one, two = (pack(tmp_path, f"file:{tmp_path / 'own.pem'}", {}, name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    done = run(tmp_path, "verify", one, "--public-key", "own.pub.pem")
    assert (done.returncode, signer.public_key.key_id in done.stdout) == (0, True), done.stderr
    judged_by_others(tmp_path, one, tmp_path / "own.pub.pem")


@pytest.mark.slow
@pytest.mark.parametrize("curve", ["P-256", "P-384"])
def test_a_key_in_a_pkcs11_token(curve: str, tmp_path: Path) -> None:
    held = token(tmp_path, curve)
    (tmp_path / "token.pub.pem").write_bytes(held.public_key.pem)
    one, two = (pack(tmp_path, held.uri, held.environment, name) for name in ("one", "two"))
    assert one.read_bytes() != two.read_bytes()  # by the signature alone
    for package in (one, two):
        done = run(tmp_path, "verify", package, "--public-key", "token.pub.pem")
        assert done.returncode == 0, done.stderr
        judged_by_others(tmp_path, package, tmp_path / "token.pub.pem")
    first, second = (digests(tmp_path, each) for each in (one, two))
    assert first == second


@pytest.mark.slow
def test_a_service_signs_with_a_token(tmp_path: Path) -> None:
    held = token(tmp_path, "P-256")
    settings = held.environment | {"EDGEWRIGHT_SIGNING_KEY": held.uri}
    done = run(tmp_path, "keys", "create", "--json", **settings)
    assert done.returncode == 0, done.stderr
    created = json.loads(done.stdout)
    assert (created["key_id"], created["signs"]) == (held.public_key.key_id, True)
    assert not (tmp_path / "edgewright-data" / "keys").exists()
    doctor = run(tmp_path, "doctor", **settings).stdout
    assert f"Packages are signed by {held.public_key.key_id}, ECDSA P-256." in doctor
    assert "packages of one model differ by it alone" in doctor


@pytest.mark.slow
def test_what_a_token_refuses_is_told(tmp_path: Path) -> None:
    held = token(tmp_path, "P-256")

    def refusal(uri: str) -> str:
        (tmp_path / "model.tar.gz").write_bytes(model_tar_gz({"model.onnx": b"weights"}))
        model = ("model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", "none")
        done = run(tmp_path, "package", *model, "--key", uri, **held.environment)
        assert (done.returncode, (tmp_path / "none" / "m-1.tar.gz").exists()) == (3, False)
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    assert "The module has the tokens ['edge token']" in refusal(held.uri.replace("token=edge", "token=other"))
    assert "The token has no such EC key" in refusal(held.uri.replace("id=%01", "id=%02"))
    assert "no such file" in refusal(held.uri.replace("module-path=", "module-path=/none")).lower()
    held.pin_file.write_text("0000")
    assert f"refuses the PIN in {held.pin_file}" in refusal(held.uri)
    held.pin_file.chmod(0o644)
    assert f"run `chmod 600 {held.pin_file}`" in refusal(held.uri)


@pytest.fixture(scope="module")
def kms() -> Iterator[dict[str, str]]:
    """The environment of a client of a KMS, which moto is."""
    with s3_service() as service:
        yield {
            "AWS_ENDPOINT_URL_KMS": service.url,
            "AWS_ACCESS_KEY_ID": service.key,
            "AWS_SECRET_ACCESS_KEY": service.secret,
        }


def client(kms: dict[str, str]) -> Any:
    import boto3

    return boto3.client(
        "kms",
        endpoint_url=kms["AWS_ENDPOINT_URL_KMS"],
        region_name="eu-west-1",
        aws_access_key_id=kms["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=kms["AWS_SECRET_ACCESS_KEY"],
    )


@pytest.mark.parametrize(("spec", "algorithm"), [("ECC_NIST_P256", "ECDSA P-256"), ("ECC_NIST_P384", "ECDSA P-384")])
def test_a_key_in_aws_kms(spec: str, algorithm: str, kms: dict[str, str], tmp_path: Path) -> None:
    made = client(kms).create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    der = client(kms).get_public_key(KeyId=made["KeyId"])["PublicKey"]
    pem = subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], input=der, capture_output=True, check=True)
    (tmp_path / "kms.pub.pem").write_bytes(pem.stdout)
    assert load_public_key(tmp_path / "kms.pub.pem").algorithm == read_public_key(pem.stdout).algorithm == algorithm
    package = pack(tmp_path, f"awskms:{made['Arn']}", kms)  # the ARN names the region
    assert run(tmp_path, "verify", package, "--public-key", "kms.pub.pem").returncode == 0
    judged_by_others(tmp_path, package, tmp_path / "kms.pub.pem")
    by_id = pack(tmp_path, f"awskms:{made['KeyId']}", kms | {"AWS_DEFAULT_REGION": "eu-west-1"}, "by-id")
    assert by_id.read_bytes() != package.read_bytes()
    large = pack(tmp_path, f"awskms:{made['Arn']}", kms, "large", files=100)  # its digest is sent
    assert run(tmp_path, "verify", large, "--public-key", "kms.pub.pem").returncode == 0


def test_an_alias_that_is_moved_does_not_move_the_key_that_signs(
    kms: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (kms | {"AWS_DEFAULT_REGION": "eu-west-1"}).items():
        monkeypatch.setenv(name, value)
    first, second = (
        client(kms).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"] for _ in "12"
    )
    client(kms).create_alias(AliasName="alias/moved", TargetKeyId=first)
    signer = open_signer("awskms:alias/moved")
    client(kms).update_alias(AliasName="alias/moved", TargetKeyId=second)
    assert open_signer("awskms:alias/moved").public_key != signer.public_key
    assert signer.public_key.verify(signer.sign(b"a statement"), b"a statement")


def test_what_kms_refuses_is_told(kms: dict[str, str], tmp_path: Path) -> None:
    def refusal(uri: str, **environment: str) -> str:
        (tmp_path / "model.tar.gz").write_bytes(model_tar_gz({"model.onnx": b"weights"}))
        model = ("model.tar.gz", "--model-name", "m", "--model-version", "1", "--output", "none")
        done = run(tmp_path, "package", *model, "--key", uri, **environment)
        assert (done.returncode, len(done.stderr.splitlines())) == (3, 1), done.stderr
        return done.stderr

    region = {"AWS_DEFAULT_REGION": "eu-west-1"}
    assert "KMS refuses key alias/none: NotFoundException" in refusal("awskms:alias/none", **kms, **region)
    assert "AWS_DEFAULT_REGION" in refusal("awskms:alias/none", **kms)
    assert "names no KMS key" in refusal("awskms:", **kms, **region)
    symmetric = client(kms).create_key()["KeyMetadata"]["Arn"]
    assert "does not sign" in refusal(f"awskms:{symmetric}", **kms)
    other = client(kms).create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    assert "not on P-256 or P-384" in refusal(f"awskms:{other}", **kms)
    unreachable = kms | region | {"AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    assert "KMS does not answer for key alias/edge" in refusal("awskms:alias/edge", **unreachable)
