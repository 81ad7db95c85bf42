"""The pages of edge packaging jobs: the listing, one job, and its Stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgewright.console import pictures, signatures, snippets
from edgewright.console.advice import advice
from edgewright.console.listing import filters
from edgewright.console.progress import began, progress, timeline
from edgewright.console.rendering import see_other
from edgewright.greengrass.arns import ComponentArn
from edgewright.jobs import ENDED, Kind, Status

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


def listing(visit: PageRequest) -> Response:
    """`GET /console/jobs`: one page of jobs; its rows alone where the script asks for them."""
    asked = filters(PATH, visit.query, SORTS)
    found = visit.desk.call("ListEdgePackagingJobs", **asked.request())
    template = "jobs_rows.html" if visit.fragment else "jobs.html"
    rows = found["EdgePackagingJobSummaries"]
    return visit.page(template, filters=asked, jobs=rows, token=found.get("NextToken"), statuses=list(Status))


def job(visit: PageRequest, trusted: Sequence[PublicKey]) -> Response:
    """`GET /console/jobs/<name>`: one job; what moves of it alone where the script asks for that.

    Args:
        visit: the request.
        trusted: the public keys that this server has.
    """
    name = visit.place["name"]
    described = visit.desk.call("DescribeEdgePackagingJob", EdgePackagingJobName=name)
    row = visit.desk.packaging_job(name)
    names = moving(visit, row) | {"job": row, "stoppable": row.status in STOPPABLE}
    if visit.fragment:
        return visit.page("job_live.html", headers=POLL_ENDED if row.status in ENDED else {}, **names)
    return visit.page("job.html", **names, described=described, **_package(visit, row, trusted), **_calls(visit, row))


def moving(visit: PageRequest, row: Job) -> dict[str, Any]:
    """What changes while a job runs: its timeline and how far it is; and what to do where it failed."""
    now = visit.desk.context.now()
    stages = timeline(row, visit.desk.readings.events.history(row.key), now)
    message = row.failure_reason if row.key.kind is Kind.COMPILATION else row.status_message  # type: ignore[union-attr] # by its kind
    failed = advice(message) if row.status is Status.FAILED else None
    return {
        "stages": stages,
        "progress": progress(row, began(stages, row), now),
        "ended": row.status in ENDED,
        "message": message,
        "advice": failed,
    }


def stop(visit: PageRequest) -> Response:
    """`POST /console/jobs/<name>/stop`: ask the job to end."""
    name = visit.place["name"]
    visit.desk.call("StopEdgePackagingJob", EdgePackagingJobName=name)
    return see_other(f"{PATH}/{name}")


def _package(visit: PageRequest, row: PackagingJob, trusted: Sequence[PublicKey]) -> dict[str, Any]:
    """The package's files, its picture, signature and component, as far as there are any."""
    report = visit.desk.readings.reports.get(row.key)
    files = report.get("files", [])
    listed = sum(file[1] for file in files)
    tags = visit.desk.ask("ListTags", ResourceArn=row.key.arn, MaxResults=50)
    return {
        "report": report,
        "tiles": pictures.treemap([(file[0], file[1]) for file in files], report.get("unpacked", 0) - listed),
        "picture": {"width": pictures.WIDTH, "height": pictures.HEIGHT},
        "signature": signatures.read(row.model_signature, trusted) if row.model_signature else None,
        "component": _component(visit, row),
        "tags": None if tags is None else tags["Tags"],
    }


def _component(visit: PageRequest, row: PackagingJob) -> dict[str, Any] | None:
    """The component that the job made: what the API tells of it, where the caller may ask."""
    output = row.preset_output
    if output is None:
        return None
    arn = str(output.get("Artifact", ""))
    found = visit.desk.ask("GetComponent", arn=arn) if arn else None
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


def _calls(visit: PageRequest, row: PackagingJob) -> dict[str, Any]:
    """The job's own request, and the calls that would make, describe and stop it."""
    request: dict[str, Any] = {
        "EdgePackagingJobName": row.key.name,
        "CompilationJobName": row.compilation_job_name,
        "ModelName": row.model_name,
        "ModelVersion": row.model_version,
        "RoleArn": row.role_arn,
        "OutputConfig": dict(row.output_config),
    }
    request |= {"ResourceKey": row.resource_key} if row.resource_key else {}
    describe = {"EdgePackagingJobName": row.key.name}
    return {"calls": calls(visit, (("CreateEdgePackagingJob", request), ("DescribeEdgePackagingJob", describe)))}


def calls(visit: PageRequest, wanted: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, str]]:
    """Calls as text to copy."""
    return [
        {
            "operation": operation,
            "boto3": snippets.boto3_call(visit.server, operation, request),
            "cli": snippets.cli_call(visit.server, operation, request),
        }
        for operation, request in wanted
    ]
