#!/usr/bin/env python3
"""Writes docs/reference/api.md and greengrass-api.md from the service models: operations, members, constraints, errors.

What the models cannot say is in `api_notes.py`, marked as fact or as decision. `--check` compares instead of writing,
and exits 1 where a page is out of date.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from api_notes import ALSO_GIVEN, ERROR_NOTES, GREENGRASS, INTRODUCTION, NOTES

from edgewright.operations import OPERATIONS
from edgewright.protocol import Operation, Service, Shape, load_service
from edgewright.protocol.errors import CODES
from edgewright.protocol.rest_errors import REST_CODES
from edgewright.protocol.validate import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = Path(__file__).parents[1] / "docs" / "reference"

REFUSED = frozenset({"lambdaFunction"})
"""Members that no request may have; theirs are not shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """One service's page."""

    name: str
    service: Service
    introduction: str
    codes: Mapping[type[BaseException], tuple[int, str]]

    @property
    def operations(self) -> list[Operation]:
        """Those that are implemented, in the order of the table of operations."""
        return [self.service.operations[name] for name in OPERATIONS if name in self.service.operations]


PAGES = (
    Page("api.md", load_service("sagemaker"), INTRODUCTION, CODES),
    Page("greengrass-api.md", load_service("greengrassv2"), GREENGRASS, REST_CODES),
)


def main() -> int:
    """Writes the pages, or compares them with `--check`; 1 where one is out of date."""
    parser = argparse.ArgumentParser(description="Write the API references from the service models.")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    stale = [page for page in PAGES if not _written(page, check=check)]
    for page in stale:
        print(f"docs/reference/{page.name} is out of date: run scripts/api_reference.py", file=sys.stderr)
    return 1 if stale else 0


def _written(page: Page, *, check: bool) -> bool:
    path, wanted = FOLDER / page.name, text(page)
    if check:
        return path.exists() and path.read_text(encoding="utf-8") == wanted
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(wanted, encoding="utf-8")
    return True


def text(page: Page) -> str:
    """A whole page."""
    codes = [code for _, code in page.codes.values()]
    names = [operation.name for operation in page.operations]
    missing = [name for name in names if name not in NOTES] + [code for code in codes if code not in ERROR_NOTES]
    if missing:
        raise SystemExit(f"NOTES or ERROR_NOTES says nothing of {', '.join(missing)}: say what the model cannot.")
    parts = [page.introduction, "\n".join(_errors(page))]
    parts += ["\n".join(_operation(operation)) for operation in page.operations]
    return "\n".join(parts)


def _errors(page: Page) -> Iterator[str]:
    yield from ("## Errors of every operation", "", "| Code | HTTP status | When |", "|---|---|---|")
    for status, code in dict.fromkeys(page.codes.values()):
        yield f"| `{code}` | {status} | {ERROR_NOTES[code]} |"
    yield ""


def _operation(operation: Operation) -> Iterator[str]:
    yield from (f"## {operation.name}", "")
    if operation.path != "/":
        yield from (f"`{operation.method} {operation.path}`, answered with {operation.status}.", "")
    yield from ("### Request", "")
    yield from _members(operation.input)
    yield from ("", "### Response", "")
    yield from _members(operation.output)
    yield from ("", "### Errors in addition to those of every operation", "")
    modelled = [f"`{shape.name}`" for shape in operation.error_shapes]
    also = [f"`{code}` [D: not modelled for this operation]" for code in ALSO_GIVEN.get(operation.name, ())]
    yield ", ".join((*modelled, *also)) or "None."
    yield from ("", "### Beyond the model", "")
    for note in NOTES[operation.name]:
        yield f"- {note}"
    yield ""


def _members(shape: Shape | None) -> Iterator[str]:
    rows = list(_rows(shape, "")) if shape else []
    if not rows:
        yield "Empty body." if shape is None else "No members."
        return
    yield from ("| Member | Type | Required | Constraints |", "|---|---|---|---|")
    yield from rows


def _rows(shape: Shape, prefix: str) -> Iterator[str]:
    for name, member in shape.members.items():
        required = "yes" if name in shape.required else ""
        yield f"| `{prefix}{name}` | {_type(member.shape)} | {required} | {_constraints(member.shape)} |"
        if name not in REFUSED:
            yield from _below(member.shape, f"{prefix}{name}")


def _below(shape: Shape, path: str) -> Iterator[str]:
    if shape.type == "structure":
        yield from _rows(shape, f"{path}.")
    elif shape.type == "list":
        element = shape.members["member"].shape
        if element.type == "structure":
            yield from _rows(element, f"{path}[].")
        else:
            yield f"| `{path}[]` | {_type(element)} |  | {_constraints(element)} |"


def _type(shape: Shape) -> str:
    return f"list of {shape.members['member'].shape.type}s" if shape.type == "list" else shape.type


def _constraints(shape: Shape) -> str:
    found = [_range(shape)]
    if shape.pattern is not None:
        pipeless = shape.pattern.replace("|", r"\|")  # as a table's cell wants it
        found.append(f"pattern `{pipeless}`")
    if shape.enum is not None:
        found.append("one of " + ", ".join(f"`{value}`" for value in shape.enum))
    return "; ".join(filter(None, found))


def _range(shape: Shape) -> str:
    what = "value" if shape.type in NUMBERS else "length"
    least, most = shape.minimum, shape.maximum
    if least is None and most is None:
        return ""
    if least is None or most is None:
        return f"{what} at most {most}" if least is None else f"{what} at least {least}"
    return f"{what} {least} to {most}"


if __name__ == "__main__":
    sys.exit(main())
