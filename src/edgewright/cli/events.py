"""`edgewright events`: what the webhook did not take. An administrator's commands, on the service's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir, Json

if TYPE_CHECKING:
    from pathlib import Path

    from edgewright.events.deliveries import Deliveries

MOST = 1000

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Events that the webhook did not take.")


@app.command()
def dead(data_dir: DataDir = None, json: Json = False) -> None:
    """List the dead letters: events that were given up, the oldest first.

    Example: edgewright events dead
    """
    letters = [
        {"seq": each.seq, "resource": each.key.arn, "tries": each.tries, "error": each.error}
        for each in _deliveries(data_dir).dead(MOST)
    ]
    output.listing(letters, ("EVENT", "JOB", "TRIES", "WHY"), lambda letter: list(map(str, letter.values())), json=json)


@app.command()
def retry(
    event: Annotated[int | None, typer.Argument(help="The event's number; every dead letter when left out.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Offer dead letters to the webhook again; a running worker does it.

    Example: edgewright events retry
    """
    count = _deliveries(data_dir).revive(event)
    output.line(f"{count} {'event is' if count == 1 else 'events are'} offered again")


def _deliveries(data_dir: Path | None) -> Deliveries:
    from edgewright.database.connections import migration, open_database
    from edgewright.events.deliveries import Deliveries
    from edgewright.settings import load

    engine = open_database(load(data_dir=data_dir).sqlalchemy_url)
    migration(engine)
    return Deliveries(engine)
