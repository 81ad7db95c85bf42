"""`edgewright doctor`: what is wrong with a service, and how to fix it."""

from __future__ import annotations

from typing import Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir, Json

EXIT_FAILED = 3


def doctor(
    bucket: Annotated[str | None, typer.Option(help="Try to write, read and delete an object in it, in S3.")] = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Look at everything that the service needs. Exit 0 if nothing has failed, 3 if something has.

    Run it where a server or a worker runs, with the same settings. It changes nothing.

    Example: edgewright doctor
    """
    from edgewright import diagnosis
    from edgewright.settings import load

    found = []
    for result in diagnosis.diagnose(load(data_dir=data_dir), bucket):
        found.append(result)
        if not json:
            output.line(f"{result.state:<8} {result.name:<13} {output.printable(result.found)}")
            if result.fix:
                output.line(f"{'':<8} {'':<13} -> {result.fix}")
    if json:
        shown = [{"name": each.name, "state": each.state, "found": each.found, "fix": each.fix} for each in found]
        output.as_json([each | {"mend": each["fix"]} for each in shown])  # the old name, until 1.0
    if any(result.state is diagnosis.State.FAILED for result in found):
        raise typer.Exit(EXIT_FAILED)
