"""`edgewright jobs`: edge packaging jobs of a running service, through its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import output
from edgewright.cli.connection import Connection, DataDir, EndpointUrl, Json, Region, members_of, opened
from edgewright.cli.packages import (
    MinimumVersion,
    PublicKeys,
    Roots,
    Trust,
    limits_of,
    print_verified,
    trusted_keys,
    verified_document,
)

if TYPE_CHECKING:
    from edgewright.signing.keys import PublicKey

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Edge packaging jobs of a running service.")

Name = Annotated[str, typer.Argument(help="The job's name.")]


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
        pages = client.get_paginator("list_edge_packaging_jobs").paginate(**asked)
        found = [job for page in pages for job in page["EdgePackagingJobSummaries"]]
    output.listing(found, ("JOB", "STATUS", "MODEL", "VERSION", "CREATED"), _row, json=json)


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
    names: Annotated[list[str] | None, typer.Argument(help="The jobs; all unfinished ones when left out.")] = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Follow jobs to their ends: a live table on a terminal, lines elsewhere.

    Exit 0 when all are COMPLETED, 1 otherwise.

    Example: edgewright jobs watch my-job
    """
    from edgewright.cli import watching

    connection = Connection(endpoint_url, region, data_dir)
    with opened(connection) as client:
        watched = watching.Watched(connection, client, tuple(names or ()))
        for name in names or ():
            client.describe_edge_packaging_job(EdgePackagingJobName=name)  # a job that is not there is an error at once
        followed = watching.follow(watched, quiet=json)
        if json:
            jobs = [members_of(client.describe_edge_packaging_job(EdgePackagingJobName=job.name)) for job in followed]
            output.as_json(jobs[0] if names and len(names) == 1 else jobs)
    if any(job.status != watching.COMPLETED for job in followed):
        raise typer.Exit(1)


@app.command()
def verify(
    name: Name,
    public_key: PublicKeys = None,
    trust: Trust = None,
    root: Roots = None,
    minimum_version: MinimumVersion = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Check that what is at a job's place is the package which this job made: its signature, every file and its digest.

    Exit 0 if it is, 1 with the reason if not: another job may have written over it. The package is read through the
    service and checked here. Without --public-key and --trust the service's own keys are trusted.

    Example: edgewright jobs verify my-job
    """
    from edgewright.packaging.own_package import OwnPackage

    connection, query = Connection(endpoint_url, region, data_dir), [("name", name)]
    keys = trusted_keys(public_key, trust, root, minimum_version)
    with opened(connection) as client:
        own = OwnPackage.of(connection.document(client, "/packages", query))
        keys = keys or _keys_of(connection.document(client, "/keys", ()))
        size, pieces = connection.pieces(client, "/packages/content", query)
        with output.progress("verifying", size) as report:
            verified = own.verify(pieces, keys, limits=limits_of(data_dir), progress=report)
    if json:
        output.as_json(verified_document(verified) | {"job": own.job, "package": own.uri, "sha256": own.sha256})
    else:
        print_verified(verified)
        output.line(f"{own.uri} is the package of {own.job}")


def _keys_of(document: dict[str, Any]) -> list[PublicKey]:
    from dataclasses import replace

    from edgewright.signing.keys import read_public_key
    from edgewright.signing.states import KeyState

    return [
        replace(
            read_public_key(each["public_key"].encode("ascii"), "A key of the service"),
            state=KeyState(each["state"]),
            reason=each["reason"],
        )
        for each in document["keys"]
    ]


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    names = ("EdgePackagingJobName", "EdgePackagingJobStatus", "ModelName", "ModelVersion")
    return (*(job[name] for name in names), output.local_time(job["CreationTime"]))
