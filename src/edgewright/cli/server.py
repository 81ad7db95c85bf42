"""`edgewright serve`, `edgewright worker` and `edgewright demo`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import structlog
import typer

from edgewright.cli import output

log = structlog.get_logger(__name__)

Data = Annotated[Path | None, typer.Option("--data-dir", help="Where everything local is kept.")]


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 0 takes a free one.  [default: 8181]")] = None,
    data_dir: Data = None,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Run a worker beside the server.")] = True,
) -> None:
    """Serve the API, with a worker beside it that does the jobs.

    Example: edgewright serve --port 8181 --data-dir ./edgewright-data
    """
    from edgewright import service
    from edgewright.logs import configure
    from edgewright.settings import load

    settings = load(host=host, port=port, data_dir=data_dir)
    configure(settings.log_format, settings.log_level)
    _warn_of_old_names()

    def announce(url: str) -> None:
        output.line(f"edgewright is ready at {url} (credentials: {settings.credentials_file})")
        sys.stdout.flush()

    service.serve(settings, worker=worker, announce=announce)


def worker(
    data_dir: Data = None,
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True, help="End when standard input ends.")
    ] = False,
) -> None:
    """Run the jobs that API servers accepted.

    Example: edgewright worker --data-dir ./edgewright-data
    """
    from edgewright import service
    from edgewright.logs import configure
    from edgewright.settings import load

    settings = load(data_dir=data_dir)
    configure(settings.log_format, settings.log_level)
    _warn_of_old_names()
    if with_parent:
        threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    service.work(settings)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the data folder in place.")] = False,
) -> None:
    """Compile, package, verify and run a small real model through the real API.

    Example: edgewright demo --keep
    """
    from edgewright.demo import story

    story.run(output.line, keep=keep)


def _warn_of_old_names() -> None:
    from edgewright.sections import RENAMED
    from edgewright.settings import deprecated_names

    for name in deprecated_names():
        section, _, old = name.partition(".")
        log.warning(
            "the setting has a new name; the old one works until 1.0", old=name, new=f"{section}.{RENAMED[old]}"
        )


def _end_with_parent() -> None:
    """The server holds the other end of standard input: when it is gone, this process ends as if asked to."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
