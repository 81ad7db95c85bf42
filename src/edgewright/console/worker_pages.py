"""The pages about the service itself: where to begin, and the workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from edgewright.console import snippets
from edgewright.console.forms import COMPILATION, PACKAGING, Form
from edgewright.errors import AccessDenied
from edgewright.jobs import JobKey, Kind, LiveWorker, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest

COUNTED = 1000
"""Jobs of one status that the start page counts, at most."""
LATEST = 6
PAGES = {Kind.PACKAGING: "/console/jobs", Kind.COMPILATION: "/console/compilations"}
"""Where the pages of each kind of job begin."""
DEMO_SOURCE = "src/edgewright/demo/data/digits.tar.gz"
DEMO_INPUT = '{"image": [1, 1, 8, 8]}'


def workers(page_request: PageRequest, liveness_seconds: float) -> Response:
    """`GET /console/workers`: each worker, its heartbeat and what it runs.

    Args:
        page_request: the request.
        liveness_seconds: a heartbeat this old is late: other workers then take the worker for dead.
    """
    found = [(worker, *_running(page_request, worker)) for worker in page_request.api.workers()]
    template = "workers_rows.html" if page_request.fragment else "workers.html"
    return page_request.page(template, workers=found, late=liveness_seconds)


def start(page_request: PageRequest, objects: str | None, liveness_seconds: float) -> Response:
    """`GET /`: how things stand, and the three next commands for who is new.

    Args:
        page_request: the request.
        objects: the folder of the directory object store; None where another store is used.
        liveness_seconds: as `workers` has it.
    """
    latest = page_request.api.ask("ListEdgePackagingJobs", MaxResults=LATEST)
    jobs = latest["EdgePackagingJobSummaries"] if latest else []
    counts = page_request.api.counts(Kind.PACKAGING, COUNTED) if latest else {}
    return page_request.page(
        "start.html",
        jobs=jobs,
        counts=counts,
        counted=COUNTED,
        alive=_alive(page_request, liveness_seconds),
        steps=_steps(page_request, objects if page_request.api.unrestricted else None),
        statuses=list(Status),
    )


def _alive(page_request: PageRequest, liveness_seconds: float) -> int | None:
    """How many workers are alive; None where the caller may not know."""
    try:
        return page_request.api.live_workers(liveness_seconds)
    except AccessDenied:
        return None


def _steps(page_request: PageRequest, objects: str | None) -> list[dict[str, Any]]:
    """The way from nothing to a verified package: each step as a command, and as a form that is filled in."""
    role = f"arn:aws:iam::{page_request.principal.account}:role/edge"
    compilation = {
        "CompilationJobName": "digits-compiled",
        "RoleArn": role,
        "InputConfig": {
            "S3Uri": "s3://models/digits.tar.gz",
            "DataInputConfig": DEMO_INPUT,
            "Framework": "ONNX",
        },
        "OutputConfig": {"S3OutputLocation": "s3://models/compiled", "TargetDevice": "rasp4b"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 900},
    }
    job = {
        "EdgePackagingJobName": "digits-packaged",
        "CompilationJobName": "digits-compiled",
        "ModelName": "digits",
        "ModelVersion": "1.0",
        "RoleArn": role,
        "OutputConfig": {"S3OutputLocation": "s3://packages"},
    }
    credentials = f"export AWS_SHARED_CREDENTIALS_FILE={Path(objects).parent / 'credentials'}\n" if objects else ""
    folder = f"{objects}/models" if objects else None
    put = f"mkdir -p {folder}\ncp {DEMO_SOURCE} {folder}/" if folder else f"aws s3 cp {DEMO_SOURCE} s3://models/"
    return [
        {"title": "Put a model into the object store", "text": put, "form": None},
        {
            "title": "Compile it",
            "text": credentials + snippets.cli_call(page_request.server, "CreateCompilationJob", compilation),
            "form": _link("/console/new-compilation", COMPILATION, compilation),
        },
        {
            "title": "Package and sign it",
            "text": snippets.cli_call(page_request.server, "CreateEdgePackagingJob", job),
            "form": _link("/console/new-job", PACKAGING, job),
        },
    ]


def _link(path: str, form: Form, request: Mapping[str, Any]) -> str:
    """The address of a form that is filled in for a request."""
    return f"{path}?{urlencode({name: value for name, value in form.filled(request).items() if value})}"


def _running(page_request: PageRequest, worker: LiveWorker) -> tuple[Sequence[tuple[str, str]], int]:
    """The page and name of each of the caller's jobs that a worker runs, and how many others it runs."""
    keys = [key for key in map(JobKey.parse_arn, worker.running) if page_request.api.may_see(key)]
    return [(f"{PAGES[key.kind]}/{key.name}", key.name) for key in keys], len(worker.running) - len(keys)
