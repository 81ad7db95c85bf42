"""Which KMS keys a job may name, where the object store is a folder with a keyring."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import ResourceNotFound, ValidationFault
from edgewright.jobs import Kind
from edgewright.operations import OPERATIONS, Caller, Context
from edgewright.stores import DirectoryStore
from edgewright.stores.keyring import Key, Keyring, Owner
from unit.operations.conftest import ACCOUNT, REGION, ROLE, packaging_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "kms")


@pytest.fixture
def key(ring: Keyring) -> Key:
    return ring.create(Owner(ACCOUNT, REGION), "edge")


@pytest.fixture
def folder(context: Context, ring: Keyring, tmp_path: Path, compiled: str) -> Context:
    """A context whose objects are files."""
    objects = DirectoryStore(tmp_path / "objects", ring)
    return replace(context, objects=objects)


def package(context: Context, named: str) -> None:
    output = {"S3OutputLocation": "s3://out", "KmsKeyId": named}
    OPERATIONS["CreateEdgePackagingJob"](context, packaging_request("job", OutputConfig=output))


def compilation(context: Context, named: str) -> None:
    request: dict[str, Any] = {
        "CompilationJobName": "job",
        "RoleArn": ROLE,
        "InputConfig": {"S3Uri": "s3://in/model.tar.gz", "Framework": "ONNX", "DataInputConfig": '{"x": [1]}'},
        "OutputConfig": {"S3OutputLocation": "s3://out", "TargetDevice": "rasp4b", "KmsKeyId": named},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    OPERATIONS["CreateCompilationJob"](context, request)


BOTH = pytest.mark.parametrize(
    ("create", "kind"), [(package, Kind.PACKAGING), (compilation, Kind.COMPILATION)], ids=["package", "compilation"]
)


@BOTH
@pytest.mark.parametrize("form", ["id", "arn", "alias", "alias arn", "none"])
def test_a_key_of_the_callers_is_taken_and_echoed(
    folder: Context, key: Key, create: Callable[[Context, str], None], kind: Kind, form: str
) -> None:
    forms = {"id": key.key_id, "arn": key.arn, "alias": "alias/edge", "none": ""}
    named = forms.get(form, key.owner.arn("alias/edge"))
    create(folder, named)
    job = folder.jobs.get(folder.key(kind, "job"))
    assert job.output_config["KmsKeyId"] == named


@BOTH
@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("alias/other", f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/other is not found."),
        ("banana", f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/banana' does not exist."),
        ("a/b", "Invalid keyId 'a/b'"),
        ("arn:aws:kms:eu-west-1:999999999999:alias/edge", "belongs to another account or region than the job's"),
    ],
)
def test_what_is_no_key_of_the_callers_is_refused(
    folder: Context, key: Key, create: Callable[[Context, str], None], kind: Kind, named: str, words: str
) -> None:
    with pytest.raises(ValidationFault) as refused:
        create(folder, named)
    assert refused.value.message.startswith(f"Value '{named}' at 'outputConfig.kmsKeyId' cannot be honoured: ")
    assert words in refused.value.message
    with pytest.raises(ResourceNotFound):
        folder.jobs.get(folder.key(kind, "job"))


@pytest.mark.parametrize("caller", [Caller("999999999999", REGION), Caller(ACCOUNT, "us-east-1")])
def test_a_key_is_not_found_from_elsewhere(folder: Context, key: Key, caller: Caller) -> None:
    role = f"arn:aws:iam::{caller.account}:role/edge"
    output = {"S3OutputLocation": "s3://out", "KmsKeyId": key.key_id}
    request = packaging_request("job", OutputConfig=output, RoleArn=role)
    with pytest.raises(ValidationFault, match=f"Key 'arn:aws:kms:{caller.region}:{caller.account}:key/"):
        OPERATIONS["CreateEdgePackagingJob"](replace(folder, caller=caller), request)


def test_a_disabled_key_is_refused(folder: Context, ring: Keyring, key: Key) -> None:
    ring.set_enabled(key.key_id, enabled=False)
    with pytest.raises(ValidationFault, match=f"{key.arn} is disabled"):
        package(folder, "alias/edge")


def test_a_store_without_keys_refuses_them_all(context: Context, compiled: str) -> None:
    with pytest.raises(ValidationFault, match=r"cannot encrypt with the key alias/edge|has no key"):
        package(context, "alias/edge")
