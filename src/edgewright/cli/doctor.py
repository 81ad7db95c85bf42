"""`edgewright doctor`: what is wrong with a service, and how to mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir

EXIT_FAILED = 3


def doctor(
    bucket: Annotated[str | None, typer.Option(help="Try to write, read and delete an object in it, in S3.")] = None,
    data_dir: DataDir = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at everything that the service needs. Exit 0 if nothing has failed, 3 if something has.

    Run it where a server or a worker runs, with the same settings. It changes nothing.

    Example: edgewright doctor
    """
    from edgewright import diagnosis
    from edgewright.settings import load

    found = []
    for finding in diagnosis.diagnose(load(data_dir=data_dir), bucket):
        found.append(finding)
        if not json:
            output.line(f"{finding.state:<8} {finding.name:<13} {output.printable(finding.found)}")
            if finding.mend:
                output.line(f"{'':<8} {'':<13} -> {finding.mend}")
    if json:
        output.as_json([{"name": f.name, "state": f.state, "found": f.found, "mend": f.mend} for f in found])
    if any(finding.state is diagnosis.State.FAILED for finding in found):
        raise typer.Exit(EXIT_FAILED)
