"""The command line. Commands parse and print; the packages behind them do the work.

Every command imports what it needs when it runs, so that `edgewright verify` starts without the server's libraries.

Exit codes: see `EXIT_CODES`.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from edgewright import __version__
from edgewright.cli import (
    access_keys,
    compilations,
    components,
    doctor,
    events,
    jobs,
    keys,
    kms,
    output,
    packages,
    secrets,
    server,
)
from edgewright.errors import CallerError, EdgewrightError

EXIT_REFUSED, EXIT_FAILED, EXIT_INTERRUPTED = 1, 3, 130
EXIT_CODES = {
    0: "Done.",
    EXIT_REFUSED: "The input, the package or the request was refused, or a job that was watched did not complete.",
    2: "The command line was wrong.",
    EXIT_FAILED: "The service or its surroundings failed; for `doctor`, something was found that has to be fixed.",
    EXIT_INTERRUPTED: "Interrupted, as with Ctrl-C.",
}
"""What a program may rely on."""
COLLECTOR_THRESHOLDS = (20_000, 20, 20)
"""Of each generation; many times the standard ones, because libraries that are loaded make hundreds of thousands of
objects and no garbage, and a call makes hundreds that live for a moment. A sixth of a server's start is saved."""

app = typer.Typer(
    name="edgewright",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="The open, self-hosted service behind SageMaker's edge packaging API.",
)
app.command("package")(packages.package)
app.command("verify")(packages.verify)
app.command("inspect")(packages.inspect)
app.command("serve")(server.serve)
app.command("worker")(server.worker)
app.command("demo")(server.demo)
app.command("doctor")(doctor.doctor)
app.add_typer(jobs.app, name="jobs")
app.add_typer(compilations.app, name="compilations")
app.add_typer(components.app, name="component")
app.add_typer(access_keys.app, name="access-keys")
app.add_typer(events.app, name="events")
app.add_typer(keys.app, name="keys")
app.add_typer(kms.app, name="kms")
app.add_typer(secrets.app, name="secrets")


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer's callback form
    if wanted:
        typer.echo(f"edgewright {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The open, self-hosted service behind SageMaker's edge packaging API."""


def main() -> NoReturn:
    """Run the command line; an error is one line on standard error, and an exit code."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    try:
        code = _command()(prog_name="edgewright")
    except EdgewrightError as error:
        message = "\n".join(map(output.printable, error.message.split("\n")))  # it may quote what a service said
        typer.echo(f"edgewright: {message}", err=True)
        sys.exit(exit_code(error))
    except ModuleNotFoundError as error:
        typer.echo(f"edgewright: {error.name} is not installed: `pip install 'edgewright[server]'`.", err=True)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        if os.environ.get("EDGEWRIGHT_TRACEBACK"):
            raise
        typer.echo(
            f"edgewright: a fault of its own: {type(error).__name__}: {error}. "
            "Run it again with EDGEWRIGHT_TRACEBACK=1 and report what it prints.",
            err=True,
        )
        sys.exit(EXIT_FAILED)
    sys.exit(code or 0)


def _command() -> Callable[..., Any]:
    """The whole command line, with False for flags that are not given.

    Those that Typer adds itself (help, completion) have None, and to convert that it loads pydantic: half of the time
    that `--help` takes.
    """
    command = typer.main.get_command(app)
    for flag in command.get_params(typer.Context(command)):
        flag.default = flag.default or False
    return command


def exit_code(error: EdgewrightError) -> int:
    """The exit code for an error: whose fault it is decides."""
    return EXIT_REFUSED if isinstance(error, CallerError) else EXIT_FAILED
