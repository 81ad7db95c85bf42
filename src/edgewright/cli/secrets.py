"""`edgewright secrets`: keys of links and sessions. An administrator's commands, on the service's own database."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import output
from edgewright.cli.connection import DataDir

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keys that sign links and sessions of the console.")


class Signed(StrEnum):
    """What a secret signs, as `database.secrets.ROTATING` has it."""

    LINKS = "links"
    SESSIONS = "sessions"


@app.command("list")
def list_secrets(
    data_dir: DataDir = None, json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the keys by their numbers; no secret is shown.

    Example: edgewright secrets list
    """
    from edgewright.database.secrets import ROTATING, numbered

    engine = _database(data_dir)
    keys = [
        {"signed": signed, "key": key.number, "signs": place == 0}
        for signed, name in ROTATING.items()
        for place, key in enumerate(numbered(engine, name))
    ]
    if json:
        output.as_json(keys)
        return
    rows = [(str(key["signed"]), str(key["key"]), "signs" if key["signs"] else "verifies") for key in keys]
    output.rows(("SIGNED", "KEY", "USE"), rows)


@app.command()
def rotate(
    signed: Annotated[Signed, typer.Argument(help="What the key signs.")],
    data_dir: DataDir = None,
) -> None:
    """Sign with a new key; the one before it goes on to verify until the next rotation.

    Servers learn of it within ten seconds. After a leak, rotate twice: all that was signed before is refused then.

    Example: edgewright secrets rotate sessions
    """
    from edgewright.database import secrets

    number = secrets.rotate(_database(data_dir), secrets.ROTATING[signed])
    output.line(f"key {number} signs {signed}, and key {number - 1} goes on to verify")


def _database(data_dir: Path | None) -> Engine:
    from edgewright.database.connections import migration, open_database
    from edgewright.settings import load

    engine = open_database(load(data_dir=data_dir).sqlalchemy_url)
    migration(engine)
    return engine
