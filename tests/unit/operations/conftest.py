"""A context over a real job store; what is enqueued is kept in a list."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.jobs import CompilationJob, JobKey, JobStore, Kind, Status
from edgewright.operations import Caller, Context
from edgewright.persistence import Persistence
from edgewright.roles import ServiceRole
from memory_store import MemoryStore
from migrated import beside, open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT, REGION = "123456789012", "eu-west-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge"
NOW = datetime(2026, 3, 4, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = open_migrated(tmp_path / "jobs.sqlite")
    yield Persistence.on(engine, lambda: NOW).jobs
    engine.dispose()


@pytest.fixture
def enqueued() -> list[JobKey]:
    """The jobs that operations enqueued."""
    return []


@pytest.fixture
def context(store: JobStore, enqueued: list[JobKey]) -> Context:
    objects = MemoryStore()
    return Context(
        caller=Caller(ACCOUNT, REGION),
        jobs=store,
        components=beside(store).components,
        objects=objects,
        link=lambda uri, endpoint, _: f"{endpoint}/{uri.bucket}/{uri.key}",
        roles=ServiceRole(objects),
        enqueue=enqueued.append,
        now=lambda: NOW,
        token_key=b"k" * 32,
        unfinished_jobs=100,
        component_buckets=None,
        authorize=lambda _: None,
    )


@pytest.fixture
def compiled(store: JobStore) -> str:
    """The name of a COMPLETED compilation job."""
    store.insert(compilation("compiled"), {})
    return "compiled"


def compilation(name: str, **members: Any) -> CompilationJob:
    """A COMPLETED compilation job."""
    job = CompilationJob(
        key=JobKey(Kind.COMPILATION, ACCOUNT, REGION, name),
        role_arn=ROLE,
        input_config={"S3Uri": "s3://models/in.tar.gz", "Framework": "ONNX"},
        output_config={"S3OutputLocation": "s3://models", "TargetDevice": "rasp4b"},
        stopping_condition={"MaxRuntimeInSeconds": 900},
        status=Status.COMPLETED,
        created_at=NOW,
        modified_at=NOW,
        model_artifact="s3://models/digits-1.0.tar.gz",
    )
    return replace(job, **members)


def packaging_request(name: str, **changes: Any) -> dict[str, Any]:
    """A valid CreateEdgePackagingJob request."""
    request = {
        "EdgePackagingJobName": name,
        "CompilationJobName": "compiled",
        "ModelName": "digits",
        "ModelVersion": "1.0",
        "RoleArn": ROLE,
        "OutputConfig": {"S3OutputLocation": "s3://packages"},
    }
    return request | changes


def compile_request(name: str, **changes: Any) -> dict[str, Any]:
    """A valid CreateCompilationJob request."""
    request = {
        "CompilationJobName": name,
        "RoleArn": ROLE,
        "InputConfig": {"S3Uri": "s3://models/in.tar.gz", "Framework": "ONNX", "DataInputConfig": '{"x": [1]}'},
        "OutputConfig": {"S3OutputLocation": "s3://compiled", "TargetDevice": "rasp4b"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    return request | changes
