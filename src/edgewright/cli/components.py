"""`edgewright component`: Greengrass components out of a running service, into a folder or into AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import Connection, DataDir, EndpointUrl, Json, Region, opened
from edgewright.errors import SettingsRefused

if TYPE_CHECKING:
    from edgewright.greengrass.publishing.catalogue import ComponentVersion

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Greengrass components of a running service.")

Named = Annotated[str, typer.Argument(metavar="JOB_OR_ARN", help="The job that made it, or its version's ARN.")]


@app.command()
def export(
    named: Named,
    folder: Annotated[Path, typer.Option("--output", help="The folder that holds `recipes` and `artifacts`.")],
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Write a component into a folder that Greengrass's command lines deploy from, whole or not at all.

    Example: edgewright component export my-job --output components
    """
    from edgewright.greengrass.publishing import folder as local

    with _found(named, endpoint_url, region, data_dir) as version:
        exported = local.export(version.recipe, version.fetch, folder)
    lines = local.command_lines(exported)
    if json:
        files = [str(path) for path in exported.artifacts]
        output.as_json({"arn": version.arn, "recipe": str(exported.recipe), "artifacts": files, "commands": lines})
        return
    for path in (exported.recipe, *exported.artifacts):
        output.line(str(path))
    for nucleus, line in lines.items():
        output.line(f"\nWith Greengrass {nucleus}:\n  sudo {line}")


@app.command()
def publish(
    named: Named,
    bucket: Annotated[str, typer.Option("--bucket", help="Your bucket, in the region; its name has no dots.")],
    prefix: Annotated[str, typer.Option("--prefix", help="What the objects' keys begin with.")] = "",
    profile: Annotated[str | None, typer.Option("--profile", help="The AWS profile to publish with.")] = None,
    aws_region: Annotated[str | None, typer.Option("--aws-region", help="Publish into it; else --region.")] = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Publish a component to AWS IoT Greengrass with your AWS credentials. Done again, it changes nothing.

    Example: edgewright component publish my-job --bucket my-components --profile production
    --data-dir edgewright-data
    """
    from edgewright.greengrass.publishing import (
        aws,
        catalogue,
    )

    into = aws_region or region or catalogue.region_of(named)
    with _found(named, endpoint_url, region, data_dir) as version:
        clients = aws.Clients.open(into, profile)
        if clients.greengrass.meta.endpoint_url == version.client.meta.endpoint_url:
            raise SettingsRefused(
                f"AWS's settings send greengrassv2 to {version.client.meta.endpoint_url}, which is where the component "
                "comes from. Name another --profile, or unset AWS_ENDPOINT_URL and give --data-dir."
            )
        made = aws.publish(clients, version.recipe, version.fetch, aws.Destination(bucket, prefix))
    if json:
        output.as_json({"arn": made.arn, "artifacts": [str(uri) for uri in made.artifacts], "new": made.new})
    else:
        output.line(f"{made.arn}  {'DEPLOYABLE' if made.new else 'DEPLOYABLE already, with these bytes'}")


@contextmanager
def _found(
    named: str, endpoint_url: str | None, region: str | None, data_dir: Path | None
) -> Iterator[ComponentVersion]:
    from edgewright.greengrass.publishing import catalogue

    connection = Connection(endpoint_url, region or catalogue.region_of(named), data_dir)
    with opened(connection) as sagemaker, opened(connection, "greengrassv2") as greengrass:
        yield catalogue.find(sagemaker, greengrass, named)
