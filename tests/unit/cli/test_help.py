"""Every command says what it does, with an example that is a command line of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer

from edgewright.cli import EXIT_CODES, app, exit_code
from edgewright.errors import CallerError, EdgewrightError, PackageRefused, ServiceError, SettingsRefused

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands(command: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, by its names."""
    children = getattr(command, "commands", None)
    if children is None:
        yield names, command
    for name, child in (children or {}).items():
        yield from commands(child, (*names, name))


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_commands_help_has_an_example_of_itself(names: tuple[str, ...]) -> None:
    text = " ".join((COMMANDS[names].help or "").split())
    found = re.search(r"Example: (edgewright .*)$", text)
    assert found, f"the help of {' '.join(names)} has no example"
    words = shlex.split(found[1])
    assert tuple(words[1 : len(names) + 1]) == names
    options = {option for parameter in COMMANDS[names].params for option in parameter.opts}
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= options, f"the example uses {used - options}"


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_every_option_and_argument_is_described(names: tuple[str, ...]) -> None:
    undescribed = [
        each.name for each in COMMANDS[names].params if not getattr(each, "help", "") and each.name != "help"
    ]
    assert not undescribed


def test_every_exit_code_is_told_and_used() -> None:
    assert set(EXIT_CODES) == {0, 1, 2, 3, 130}
    leaves = [kind for kind in _leaves(EdgewrightError) if issubclass(kind, (CallerError, ServiceError))]
    assert {exit_code(PackageRefused("x")), exit_code(SettingsRefused("x"))} == {1, 3}
    assert len(leaves) > 20


def _leaves(kind: type[EdgewrightError]) -> Iterator[type[EdgewrightError]]:
    below = kind.__subclasses__()
    if not below:
        yield kind
    for each in below:
        yield from _leaves(each)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_its_commands(shell: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgewright"],
        env=os.environ | {"_EDGEWRIGHT_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "_EDGEWRIGHT_COMPLETE" in done.stdout
