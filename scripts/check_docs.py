"""Check the documentation against the program; `--write` brings the generated parts up to date.

Checked: the generated references equal what the program says; the help text in the README is the program's; links
between files lead somewhere; tests that pages name exist, and each claim of the threat model names one; every decision
has its number once, a status and its four parts; the modules that records name exist; the layers are the import
contract's; Python blocks in Markdown compile.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import errors_page
import metrics_page
import typer
from pydantic import BaseModel

from edgewright.cli import EXIT_CODES, app
from edgewright.limits import Limits
from edgewright.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HELP_BLOCK = re.compile(r"(<!-- help: (?P<command>[^>]*?) -->\n```\n)(?P<text>.*?)(```\n)", re.DOTALL)
TEST = re.compile(r"`(tests/[\w/-]+\.py)((?:::\w+)*)`")
CLAIM = re.compile(r"^- .*?(?=^- |^#|\Z)", re.DOTALL | re.MULTILINE)
MODULE = re.compile(r"`([a-z_]+(?:/[a-z0-9_]+)*\.py)`")
RECORD = ["Status", "## Context", "## Options weighed", "## Decision", "## Consequences"]
WIDTH = 100
OPT_OUT, MOST_OPT_OUTS = "# no" + "qa", 60

Page = Callable[[], str]


def main() -> int:
    """Check, or write; the exit code counts as a shell's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the generated parts")
    write = parser.parse_args().write
    faults = [
        *generated(write=write),
        *help_blocks(write=write),
        *links(),
        *decisions(),
        *modules(),
        *tests(),
        *claims(),
        *layers(),
        *python_blocks(),
        *errors_page.faults(),
        *opt_outs(),
    ]
    for fault in faults:
        print(fault)
    print(f"documentation: {len(faults)} faults in {len(list(markdown()))} files")
    return 1 if faults else 0


def opt_outs() -> Iterator[str]:
    """Each opt-out from lint has its reason beside it, and decision 0007 bounds how many there are."""
    found = [
        (path.relative_to(ROOT), number, line)
        for folder in ("src", "tests", "scripts", "benchmarks", "examples")
        for path in (ROOT / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OPT_OUT in line
    ]
    for name, number, line in found:
        if not re.search(OPT_OUT + r": [A-Z0-9, ]+ - \S", line):
            yield f"{name}:{number}: an opt-out from lint without its reason"
    if len(found) >= MOST_OPT_OUTS:
        yield f"{len(found)} opt-outs from lint, and fewer than {MOST_OPT_OUTS} are wanted"


def generated(*, write: bool) -> Iterator[str]:
    """The reference pages that are made from the program."""
    pages: dict[str, Page] = {
        "docs/reference/settings.md": settings_page,
        "docs/reference/cli.md": cli_page,
        "docs/reference/errors.md": errors_page.page,
        "docs/reference/metrics.md": metrics_page.page,
    }
    for name, page in pages.items():
        path, wanted = ROOT / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == wanted:
            continue
        if write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted, encoding="utf-8")
        else:
            yield f"{name}: not what the program says; run `make docs`"
    command = [sys.executable, str(ROOT / "scripts/api_reference.py"), *([] if write else ["--check"])]
    if subprocess.run(command, check=False).returncode:
        yield "docs/reference: a page of the API is not what the service model says; run `make docs`"


def help_blocks(*, write: bool) -> Iterator[str]:
    """Blocks marked `<!-- help: COMMAND -->` hold that command's help."""
    for path in markdown():
        text = path.read_text(encoding="utf-8")
        wanted = HELP_BLOCK.sub(lambda found: found[1] + help_text(found["command"].split()[1:]) + found[4], text)
        if wanted == text:
            continue
        if write:
            path.write_text(wanted, encoding="utf-8")
        else:
            yield f"{path.relative_to(ROOT)}: a help text is not the program's; run `make docs`"


def links() -> Iterator[str]:
    """Relative links must name a file."""
    for path in markdown():
        prose = CODE.sub("", path.read_text(encoding="utf-8"))
        for target in (found[1] for found in LINK.finditer(prose)):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                yield f"{path.relative_to(ROOT)}: the link to {target} leads nowhere"


def decisions() -> Iterator[str]:
    """Each decision's number is in its file name once, and in its title; the list has each by its title."""
    seen: dict[str, str] = {}
    listed = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8").split("\n")
    for path in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        number = path.name[:4]
        if number in seen:
            yield f"docs/decisions: {path.name} and {seen[number]} have one number"
        seen[number] = path.name
        text = path.read_text(encoding="utf-8")
        title = text.partition("\n")[0]
        if not title.startswith(f"# {number}: "):
            yield f"docs/decisions/{path.name}: the title does not begin with '# {number}: '"
        parts = [line for line in text.split("\n") if line.startswith(("Status: ", "## "))]
        if [part.partition(": ")[0] for part in parts] != RECORD:
            yield f"docs/decisions/{path.name}: its parts are not {', '.join(RECORD)}"
        line = f"- [{number}]({path.name}): {title.removeprefix(f'# {number}: ')}"
        if line not in listed:
            yield f"docs/decisions/README.md: it lacks the line '{line}'"


def modules() -> Iterator[str]:
    """Python files that records and the pages at the top name exist, in the repository or in the program."""
    for path in [*sorted((ROOT / "docs/decisions").glob("*.md")), ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for name in MODULE.findall(path.read_text(encoding="utf-8")):
            if not any((folder / name).exists() for folder in (ROOT, ROOT / "src/edgewright")):
                yield f"{path.relative_to(ROOT)}: there is no {name}"


def tests() -> Iterator[str]:
    """Tests that pages name, as pytest does, exist."""
    for path in markdown():
        for file, names in TEST.findall(path.read_text(encoding="utf-8")):
            if not _has_test(ROOT / file, names.split("::")[1:]):
                yield f"{path.relative_to(ROOT)}: there is no test {file}{names}"


def _has_test(path: Path, names: list[str]) -> bool:
    """Whether a file has a class or function of this name, and the class a method of the next."""
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.exists() else None
    for name in names:
        found = [node for node in body or () if name in _defined(node)]
        body = getattr(found[0], "body", []) if found else None
    return body is not None


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []


def claims() -> Iterator[str]:
    """Each claim of the threat model names a test that shows it."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    found = CLAIM.findall(text.partition("## Threat model\n")[2].partition("\n## ")[0])
    if not found:
        yield "SECURITY.md: there is no claim under 'Threat model'"
    for claim in found:
        if not any(names for _, names in TEST.findall(claim)):
            yield f"SECURITY.md: no test is named beside '{' '.join(claim.split())[:60]}...'"


def layers() -> Iterator[str]:
    """ARCHITECTURE.md lists the layers that the import contract enforces."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = project["tool"]["importlinter"]["contracts"][0]["layers"]
    block = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```\n")[1]
    if ["__main__", *(re.split(r" {2,}", line)[0] for line in block.splitlines())] != wanted:
        yield "ARCHITECTURE.md: its layers are not those of pyproject.toml"


def python_blocks() -> Iterator[str]:
    """Python in the documentation compiles."""
    for path in markdown():
        for block in PYTHON_BLOCK.findall(path.read_text(encoding="utf-8")):
            try:
                compile(block, str(path), "exec")
            except SyntaxError as error:
                yield f"{path.relative_to(ROOT)}: a Python block does not compile: {error}"


def markdown() -> Iterator[Path]:
    """Every Markdown file of the project."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    yield from (ROOT / name for name in tracked if name and (ROOT / name).exists())


def help_text(arguments: list[str]) -> str:
    """A command's help, as it prints into a pipe."""
    command = [sys.executable, "-m", "edgewright", *arguments, "--help"]
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


def settings_page() -> str:
    """docs/reference/settings.md from the Settings model."""
    lines = [
        "# Settings",
        "",
        "Each is read from its flag, else from the environment, else from the TOML file that `EDGEWRIGHT_CONFIG` names",
        "(default `edgewright.toml` in the working folder). Made from the program by `make docs`.",
        "",
        "| environment variable | TOML | default | meaning |",
        "|---|---|---|---|",
        *setting_rows(Settings, ()),
    ]
    return "\n".join(lines) + "\n"


def setting_rows(model: type[BaseModel], path: tuple[str, ...]) -> Iterator[str]:
    """A row for each field, nested ones after their parent's name."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_rows(kind, (*path, name))
        elif kind is Limits:
            yield from limit_rows((*path, name))
        else:
            yield setting_row((*path, name), field.default, field.description)


def limit_rows(path: tuple[str, ...]) -> Iterator[str]:
    """A row for each limit; its description is the note of its annotation."""
    notes = get_type_hints(Limits, include_extras=True)
    for field in dataclasses.fields(Limits):
        yield setting_row((*path, field.name), field.default, notes[field.name].__metadata__[0])


def setting_row(path: tuple[str, ...], default: Any, description: str | None) -> str:
    """One row of the table of settings."""
    variable = "EDGEWRIGHT_" + "__".join(path).upper()
    return f"| `{variable}` | `{'.'.join(path)}` | {shown_default(default)} | {description} |"


def shown_default(default: Any) -> str:
    """A default as people write it."""
    if default is None:
        return "unset"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`"


def cli_page() -> str:
    """docs/reference/cli.md: the help of every command."""
    lines = [
        "# Command line",
        "",
        "Made from the program by `make docs`.",
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "|---|---|",
        *(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()),
        "",
        "## Completion",
        "",
        "`edgewright --install-completion` enables completion of commands and options in your shell (bash, zsh, fish,",
        "PowerShell); `edgewright --show-completion` prints what it would install. Open a new shell afterwards.",
    ]
    for names in commands(typer.main.get_command(app), ()):
        lines += [
            "",
            f"## edgewright {' '.join(names)}".rstrip(),
            "",
            "```",
            help_text(list(names)).rstrip("\n"),
            "```",
        ]
    return "\n".join(lines) + "\n"


def commands(command: object, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """A command and those below it."""
    yield names
    for name, child in sorted(getattr(command, "commands", {}).items()):
        if not child.hidden:
            yield from commands(child, (*names, name))


if __name__ == "__main__":
    sys.exit(main())
