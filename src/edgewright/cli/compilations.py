"""`edgewright compilations`: compilation jobs, seen through the API or registered by an administrator."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgewright.cli import output
from edgewright.cli.connection import (
    DEFAULT_REGION,
    Connection,
    DataDir,
    EndpointUrl,
    Json,
    Region,
    members_of,
    opened,
)

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Compilation jobs: the sources of edge packaging jobs."
)

Name = Annotated[str, typer.Argument(help="The compilation job's name.")]


@app.command("list")
def list_compilations(
    endpoint_url: EndpointUrl = None, region: Region = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """List compilation jobs, newest first.

    Example: edgewright compilations list
    """
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        pages = client.get_paginator("list_compilation_jobs").paginate()
        found = [job for page in pages for job in page["CompilationJobSummaries"]]
    output.listing(found, ("COMPILATION JOB", "STATUS", "TARGET", "CREATED"), _row, json=json)


@app.command()
def describe(
    name: Name, endpoint_url: EndpointUrl = None, region: Region = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """Show everything that is known of a compilation job.

    Example: edgewright compilations describe my-compilation
    """
    with opened(Connection(endpoint_url, region, data_dir)) as client:
        job = members_of(client.describe_compilation_job(CompilationJobName=name))
    (output.as_json if json else output.members)(job)


@app.command()
def register(
    name: Name,
    artifact: Annotated[str, typer.Option("--artifact", help="The compiled model's s3:// URI.")],
    framework: Annotated[str, typer.Option("--framework", help="The model's framework, such as PYTORCH.")],
    target: Annotated[str, typer.Option("--target", help="A TargetDevice, or OS_ARCH such as LINUX_ARM64.")],
    region: Annotated[str, typer.Option("--region", help="The region that the job belongs to.")] = DEFAULT_REGION,
    account: Annotated[str | None, typer.Option("--account", help="Its account; else the server's own.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a COMPLETED compilation job of a model that was compiled elsewhere.

    An administrator's command: it works on the service's own database and object store.

    Example: edgewright compilations register my-model --artifact s3://models/my-model.tar.gz
    --framework PYTORCH --target jetson_nano
    """
    from edgewright import service
    from edgewright.settings import load

    settings = load(data_dir=data_dir)
    key = service.register_compilation(
        settings, name=name, artifact=artifact, framework=framework, target=target, place=(account, region)
    )
    output.line(key.arn)


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    parts = [job.get(f"CompilationTargetPlatform{part}") for part in ("Os", "Arch", "Accelerator")]
    target = job.get("CompilationTargetDevice") or "_".join(part for part in parts if part)
    return job["CompilationJobName"], job["CompilationJobStatus"], target, output.local_time(job["CreationTime"])
