"""`edgewright jobs`: edge packaging jobs of a running service, through its API."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from edgewright.cli import output
from edgewright.cli.connection import Connection, DataDir, EndpointUrl, Region, members_of, opened, pages

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Edge packaging jobs of a running service.")

Name = Annotated[str, typer.Argument(help="The job's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

ENDED = frozenset({"COMPLETED", "FAILED", "STOPPED"})
POLL_SECONDS = 0.5


@app.command("list")
def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs in this status, such as COMPLETED.")] = None,
    name_contains: Annotated[str | None, typer.Option(help="Only jobs with this in their name.")] = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List jobs, newest first.

    Example: edgewright jobs list --status FAILED
    """
    filters = {"StatusEquals": status, "NameContains": name_contains}
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        asked = {name: value for name, value in filters.items() if value}
        found = list(pages(client.list_edge_packaging_jobs, "EdgePackagingJobSummaries", **asked))
    if json:
        output.as_json(found)
        return
    output.rows(("JOB", "STATUS", "MODEL", "VERSION", "CREATED"), [_row(job) for job in found])


@app.command()
def describe(
    name: Name,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show everything that is known of a job.

    Example: edgewright jobs describe my-job --json
    """
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        job = members_of(client.describe_edge_packaging_job(EdgePackagingJobName=name))
    (output.as_json if json else output.members)(job)


@app.command()
def stop(name: Name, endpoint_url: EndpointUrl = None, region: Region = None, data_dir: DataDir = None) -> None:
    """Ask a job to stop.

    Example: edgewright jobs stop my-job
    """
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        client.stop_edge_packaging_job(EdgePackagingJobName=name)
        output.line(client.describe_edge_packaging_job(EdgePackagingJobName=name)["EdgePackagingJobStatus"])


@app.command()
def watch(
    name: Name,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Follow a job to its end. Exit 0 when it is COMPLETED, 1 otherwise.

    Example: edgewright jobs watch my-job
    """
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        job = _follow(client, name, quiet=json)
    if json:
        output.as_json(job)
    if job["EdgePackagingJobStatus"] != "COMPLETED":
        raise typer.Exit(1)


def _follow(client: Any, name: str, *, quiet: bool) -> dict[str, Any]:  # noqa: ANN401 - a boto3 client
    """Poll until the job has ended; a line for each change of its status or message."""
    shown: tuple[str, str] | None = None
    while True:
        job = members_of(client.describe_edge_packaging_job(EdgePackagingJobName=name))
        state = (job["EdgePackagingJobStatus"], job["EdgePackagingJobStatusMessage"])
        if state != shown and not quiet:
            output.line(f"{state[0]:<10}  {state[1]}")
        shown = state
        if state[0] in ENDED:
            return job
        time.sleep(POLL_SECONDS)


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    created = job["CreationTime"].astimezone().isoformat(sep=" ", timespec="seconds")
    return (job["EdgePackagingJobName"], job["EdgePackagingJobStatus"], job["ModelName"], job["ModelVersion"], created)
