"""The pages of edge packaging jobs: the listing, one job, and its Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.arns import ComponentArn
from edgewright.console import pictures, signatures, snippets
from edgewright.console.advice import advice
from edgewright.console.filters import filters
from edgewright.console.progress import began, progress, timeline
from edgewright.console.rendering import see_other
from edgewright.jobs import ENDED, Status
from edgewright.jobs.kinds import message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from edgewright.console.page_requests import PageRequest
    from edgewright.jobs import Job, PackagingJob
    from edgewright.signing.keys import PublicKey

PATH = "/console/jobs"
SORTS = ("CREATION_TIME", "NAME", "MODEL_NAME", "STATUS", "LAST_MODIFIED_TIME")
STOPPABLE = frozenset({Status.STARTING, Status.INPROGRESS})
POLL_ENDED = {"x-poll": "page"}
"""Tells the script that the whole page has changed, and that no more will."""


def listing(page_request: PageRequest) -> Response:
    """`GET /console/jobs`: one page of jobs; its rows alone where the script asks for them."""
    asked = filters(PATH, page_request.query, SORTS)
    found = page_request.api.call("ListEdgePackagingJobs", **asked.request())
    template = "jobs_rows.html" if page_request.fragment else "jobs.html"
    rows = found["EdgePackagingJobSummaries"]
    return page_request.page(template, filters=asked, jobs=rows, token=found.get("NextToken"), statuses=list(Status))


def job(page_request: PageRequest, trusted: Sequence[PublicKey]) -> Response:
    """`GET /console/jobs/<name>`: one job; what moves of it alone where the script asks for that.

    Args:
        page_request: the request.
        trusted: the public keys that this server has.
    """
    name = page_request.place["name"]
    described = page_request.api.call("DescribeEdgePackagingJob", EdgePackagingJobName=name)
    row = page_request.api.packaging_job(name)
    names = moving(page_request, row) | {"job": row, "stoppable": row.status in STOPPABLE}
    if page_request.fragment:
        return page_request.page("job_live.html", headers=POLL_ENDED if row.status in ENDED else {}, **names)
    return page_request.page(
        "job.html", **names, described=described, **_package(page_request, row, trusted), **_calls(page_request, row)
    )


def moving(page_request: PageRequest, row: Job) -> dict[str, Any]:
    """What changes while a job runs: its timeline and how far it is; and what to do where it failed."""
    now = page_request.api.now
    stages = timeline(row, page_request.api.history(row.key), now)
    failed = advice(page_request.api.report(row.key).get("error")) if row.status is Status.FAILED else None
    return {
        "stages": stages,
        "progress": progress(row, began(stages, row), now),
        "ended": row.status in ENDED,
        "message": message_of(row),
        "overwriter": page_request.api.overwriter(row),
        "advice": failed,
    }


def stop(page_request: PageRequest) -> Response:
    """`POST /console/jobs/<name>/stop`: ask the job to end."""
    name = page_request.place["name"]
    page_request.api.call("StopEdgePackagingJob", EdgePackagingJobName=name)
    return see_other(f"{PATH}/{name}")


def _package(page_request: PageRequest, row: PackagingJob, trusted: Sequence[PublicKey]) -> dict[str, Any]:
    """The package's files, its picture, signature and component, as far as there are any."""
    report = page_request.api.report(row.key)
    files = report.get("files", [])
    listed = sum(file[1] for file in files)
    tags = page_request.api.ask("ListTags", ResourceArn=row.key.arn, MaxResults=50)
    return {
        "report": report,
        "tiles": pictures.picture([(file[0], file[1]) for file in files], report.get("unpacked", 0) - listed),
        "picture": {"width": pictures.WIDTH, "height": pictures.HEIGHT},
        **_signature(page_request, row, trusted),
        "component": _component(page_request, row),
        "tags": None if tags is None else tags["Tags"],
    }


def _signature(page_request: PageRequest, row: PackagingJob, trusted: Sequence[PublicKey]) -> dict[str, Any]:
    """What the signature says, and how to verify the package with public tools where this server knows the key."""
    if row.model_signature is None or row.model_artifact is None:
        return {"signature": None}
    found = signatures.read(row.model_signature, trusted)
    package = row.model_artifact.rpartition("/")[2]
    commands = snippets.verify_commands(page_request.server, found.key_id, package) if found.trusted else {}
    return {"signature": found, "verifying": commands}


def _component(page_request: PageRequest, row: PackagingJob) -> dict[str, Any] | None:
    """The component that the job made: what the API shows of it, where the caller may ask."""
    output = row.preset_output
    if output is None:
        return None
    arn = str(output.get("Artifact", ""))
    found = page_request.api.ask("GetComponent", arn=arn) if arn else None
    key = ComponentArn.parse(arn) if arn else None
    return {
        "output": output,
        "arn": arn,
        "name": key.name if key else "",
        "version": (key.version if key else None) or "",
        "recipe": found["recipe"] if found else None,
        "deploy": snippets.deploy_commands(key.name, key.version) if key and key.version else {},
        "export": f"edgewright component export {row.key.name} --output components --region {row.key.region}",
    }


def request(row: PackagingJob) -> dict[str, Any]:
    """The request that made a job, without its tags."""
    made = {
        "EdgePackagingJobName": row.key.name,
        "CompilationJobName": row.compilation_job_name,
        "ModelName": row.model_name,
        "ModelVersion": row.model_version,
        "RoleArn": row.role_arn,
        "OutputConfig": dict(row.output_config),
    }
    return made | ({"ResourceKey": row.resource_key} if row.resource_key else {})


def _calls(page_request: PageRequest, row: PackagingJob) -> dict[str, Any]:
    """The calls that would make and describe the job."""
    describe = {"EdgePackagingJobName": row.key.name}
    return {
        "calls": calls(page_request, (("CreateEdgePackagingJob", request(row)), ("DescribeEdgePackagingJob", describe)))
    }


def calls(page_request: PageRequest, wanted: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, str]]:
    """Calls as text to copy."""
    return [
        {
            "operation": operation,
            "boto3": snippets.boto3_call(page_request.server, operation, request),
            "cli": snippets.cli_call(page_request.server, operation, request),
        }
        for operation, request in wanted
    ]
