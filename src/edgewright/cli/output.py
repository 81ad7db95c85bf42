"""What commands print: JSON where a program reads, tables and progress bars on a terminal, plain lines in a pipe."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import typer

MIB = 1024 * 1024
PLAIN_SECONDS = 2.0
"""How often a progress line is printed into a pipe."""


def line(text: str = "") -> None:
    """One line on standard output."""
    typer.echo(text)


def note(text: str) -> None:
    """One line on standard error: for people, never for programs."""
    typer.echo(text, err=True)


def printable(text: str) -> str:
    """A text from outside without what would move the cursor or colour the terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def as_json(value: object) -> None:
    """The value as indented JSON on standard output; times in ISO 8601."""
    typer.echo(json.dumps(value, indent=2, default=_encode, ensure_ascii=False))


def rows(titles: Sequence[str], values: Sequence[Sequence[str]]) -> None:
    """A table on a terminal, tab-separated lines without titles in a pipe."""
    values = [[printable(cell) for cell in row] for row in values]
    if not sys.stdout.isatty():
        for row in values:
            typer.echo("\t".join(row))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*titles, box=None, header_style="bold", pad_edge=False)
    for row in values:
        table.add_row(*map(Text, row))
    Console().print(table)


def listing(
    found: Sequence[Mapping[str, Any]], titles: Sequence[str], row: Callable[[Any], Sequence[str]], *, json: bool
) -> None:
    """What was found, as JSON or with a row of a table for each."""
    if json:
        as_json(found)
    else:
        rows(titles, [row(each) for each in found])


def local_time(moment: datetime) -> str:
    """A time in this host's zone, to the second."""
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")


def members(response: Mapping[str, Any]) -> None:
    """A response's members, one a line, the longest name setting the column."""
    width = max((len(name) for name in response), default=0)
    for name, value in response.items():
        shown = json.dumps(value, default=_encode) if isinstance(value, (dict, list)) else _plain(value)
        typer.echo(f"{name:<{width}}  {shown}")


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress report on standard error; the yielded function takes the bytes done so far.

    Args:
        title: what is being done, such as `packaging`.
        total: bytes in all, or None where that is unknown.
    """
    if sys.stderr.isatty():
        yield from _bar(title, total)
    else:
        yield from _lines(title, total)


def _bar(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Rate

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


def _lines(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    begun = printed = time.monotonic()

    def report(done: int) -> None:
        nonlocal printed
        now = time.monotonic()
        if now - printed >= PLAIN_SECONDS:
            printed = now
            share = f" of {total / MIB:.0f} MiB" if total else " MiB"
            note(f"{title}: {done / MIB:.0f}{share}, {done / MIB / (now - begun):.0f} MiB/s")

    yield report


def _plain(value: object) -> str:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else printable(str(value))


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    raise TypeError(f"{type(value).__name__} has no JSON form")
