"""Jobs with a KMS key, in a folder with a keyring: which key, and what becomes of a job whose key goes away."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from edgewright.jobs import Status
from edgewright.stores import DirectoryStore, S3Uri, encryption
from edgewright.stores.keyring import Key, Keyring, Owner
from edgewright.worker.packaging import package_job
from unit.worker.conftest import SOURCE, tar_gz

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.jobs import Job, JobKey
    from unit.worker.conftest import Harness

HERE = Owner("123456789012", "eu-west-1")
PACKAGE = S3Uri("out", "packages/digits-1.0.tar.gz")


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring(tmp_path / "kms")


@pytest.fixture
def key(ring: Keyring) -> Key:
    return ring.create(HERE, "edge")


@pytest.fixture
def objects(harness: Harness, ring: Keyring, tmp_path: Path) -> DirectoryStore:
    """The folder, with the model in it."""
    store = DirectoryStore(tmp_path / "objects", ring)
    store.write(SOURCE, [tar_gz({"model.so": random.Random(7).randbytes(2_000_000)})])
    return store


def created(harness: Harness, key: str, name: str = "digits") -> JobKey:
    return harness.packaging(name, output_config={"S3OutputLocation": "s3://out/packages/", "KmsKeyId": key})


def run(harness: Harness, objects: DirectoryStore, key: JobKey) -> Job:
    package_job(key, replace(harness.context, objects=objects))
    return harness.jobs.get(key)


def sealed_with(tmp_path: Path) -> str | None:
    file = (tmp_path / "objects" / PACKAGE.bucket / PACKAGE.key).read_bytes()
    return encryption.form(file[: encryption.HEAD], PACKAGE).key_id


def test_the_package_is_sealed_and_is_the_package(
    harness: Harness, objects: DirectoryStore, key: Key, tmp_path: Path
) -> None:
    assert run(harness, objects, created(harness, "")).status is Status.COMPLETED
    plain = b"".join(objects.read(PACKAGE))
    assert sealed_with(tmp_path) is None
    assert run(harness, objects, created(harness, "alias/edge", "encrypted")).status is Status.COMPLETED
    assert b"".join(objects.read(PACKAGE)) == plain
    assert sealed_with(tmp_path) == key.key_id


def test_an_alias_that_moved_stands_for_the_newer_key(
    harness: Harness, objects: DirectoryStore, ring: Keyring, key: Key, tmp_path: Path
) -> None:
    job = created(harness, "alias/edge")
    newer = ring.create(HERE)
    ring.set_alias("edge", newer.key_id)
    assert run(harness, objects, job).status is Status.COMPLETED
    assert sealed_with(tmp_path) == newer.key_id


def test_a_key_that_was_disabled_meanwhile_fails_the_job(
    harness: Harness, objects: DirectoryStore, ring: Keyring, key: Key
) -> None:
    job = created(harness, key.arn)
    ring.set_enabled(key.key_id, enabled=False)
    ended = run(harness, objects, job)
    assert ended.status is Status.FAILED
    assert ended.status_message.startswith(f"ClientError: {key.arn} is disabled.")  # type: ignore[union-attr]
    assert not objects.exists(PACKAGE)


def test_a_key_of_another_region_is_not_taken_by_a_worker_either(
    harness: Harness, objects: DirectoryStore, ring: Keyring
) -> None:
    ring.create(Owner(HERE.account, "us-east-1"), "edge")
    ended = run(harness, objects, created(harness, "alias/edge"))
    assert ended.status is Status.FAILED
    assert "Alias arn:aws:kms:eu-west-1:123456789012:alias/edge is not found" in ended.status_message  # type: ignore[union-attr]
