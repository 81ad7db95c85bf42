"""Every constraint of the service model, all faults of a request gathered into one error in AWS's words.

Each shape is compiled once into a function that checks one value and appends a sentence per fault. A value's path is
built only where there is a fault to report. Decision 0022 says which sentences were seen and which are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from edgewright.errors import ValidationFault

if TYPE_CHECKING:
    from edgewright.protocol.model import Json, Operation, Shape

Path: TypeAlias = "tuple[Path, str] | None"
"""Where a value stands: the place around it, and its own label there. None is the request itself."""

Check = Callable[[Any, Path, "list[Fault]"], None]

PATTERN_SLACK = 4096
"""Characters over its maximum from which a string is refused for its length alone, its pattern not tried: some
patterns take time that grows with the square of the length."""
SHOWN = 32 * 1024
"""Characters of a refused value that its sentence repeats: more than the greatest length that the model allows."""
MOST_FAULTS = 1000
"""Faults from which on the rest of a list or map is not looked at: the request is refused anyway, and a short element
must not become a long sentence as often as a body has room for it."""
SIZED = frozenset({"string", "list", "map", "blob"})
NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    "integer": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "float": (None, None),
    "double": (None, None),
}
"""The bounds that a type itself sets, used where the shape sets none."""
NOT_NULL = "Member must not be null"


@dataclass(frozen=True, slots=True)
class Fault:
    """One constraint that is not met.

    Attributes:
        path: where, in the words of AWS's sentences: `outputConfig.s3OutputLocation`.
        sentence: AWS's sentence, the path and the value in it.
        constraint: the part of it that says what must be.
    """

    path: str
    sentence: str
    constraint: str

    @property
    def is_missing(self) -> bool:
        """Whether a member that must be given is not."""
        return self.constraint == NOT_NULL


def validate(operation: Operation, request: Mapping[str, Any]) -> None:
    """Check a parsed request against the operation's input shape.

    Raises:
        ValidationFault: one or more constraints are not met; the message has a sentence for each.
    """
    found = faults(operation, request)
    if found:
        many = f"{len(found)} validation errors" if len(found) > 1 else "1 validation error"
        raise ValidationFault(f"{many} detected: {'; '.join(fault.sentence for fault in found)}")


def faults(operation: Operation, request: Mapping[str, Any]) -> list[Fault]:
    """Every constraint that a parsed request does not meet, in the order of the operation's members.

    Where there are very many, not all of them: see `MOST_FAULTS`.
    """
    found: list[Fault] = []
    if operation.input is not None:
        _checker(operation.input)(request, None, found)
    return found


def shortened(operation: Operation, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A parsed request with no string longer than the operation allows by more than one character.

    For what must look at names before they are validated: it takes no time that a caller chooses, and a name that was
    too long still is.
    """
    return request if operation.input is None else _shortened(operation.input, request)


def _shortened(shape: Shape, request: Mapping[str, Any]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, value in request.items():
        inner = shape.members[name].shape if name in shape.members else None
        if inner is not None and inner.type == "structure" and isinstance(value, Mapping):
            found[name] = _shortened(inner, value)
        elif inner is not None and isinstance(value, str) and inner.maximum is not None:
            found[name] = value[: int(inner.maximum) + 1]
        else:
            found[name] = value
    return found


@dataclass(frozen=True, slots=True)
class Clause:
    """One constraint on a value itself: a test, and what AWS says a value must do."""

    holds: Callable[[Any], bool]
    text: str


def clauses(shape: Shape) -> tuple[Clause, ...]:
    """The constraints that a shape sets on its own values, in the order in which AWS names them."""
    return (*_bounds(shape), *_pattern(shape), *_enum(shape))


def _bounds(shape: Shape) -> Iterator[Clause]:
    least, most = shape.minimum, shape.maximum
    if shape.type in SIZED:
        if most is not None:
            yield Clause(lambda value: len(value) <= most, f"Member must have length less than or equal to {most}")
        if least is not None:
            yield Clause(lambda value: len(value) >= least, f"Member must have length greater than or equal to {least}")
    elif shape.type in NUMBERS:
        smallest, greatest = NUMBERS[shape.type]
        lower, upper = smallest if least is None else least, greatest if most is None else most
        if upper is not None:
            yield Clause(lambda value: value <= upper, f"Member must have value less than or equal to {upper}")
        if lower is not None:
            yield Clause(lambda value: value >= lower, f"Member must have value greater than or equal to {lower}")


def _pattern(shape: Shape) -> tuple[Clause, ...]:
    if shape.regex is None:
        return ()
    longest = float("inf") if shape.maximum is None else shape.maximum + PATTERN_SLACK
    matches = shape.regex.fullmatch

    def holds(value: str) -> bool:
        return len(value) > longest or matches(value) is not None

    return (Clause(holds, f"Member must satisfy regular expression pattern: {shape.pattern}"),)


def _enum(shape: Shape) -> tuple[Clause, ...]:
    if shape.enum is None:
        return ()
    return (
        Clause(frozenset(shape.enum).__contains__, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"),
    )


@cache
def _checker(shape: Shape) -> Check:
    return _compile(shape, {})


def _compile(shape: Shape, known: dict[Shape, Check]) -> Check:
    """The check of a shape. `known` holds those begun already, since a structure may hold itself."""
    if shape in known:
        return known[shape]
    if shape.type == "structure":
        return _structure(shape, known)
    if shape.type == "list":
        return _list(shape, known)
    if shape.type == "map":
        return _map(shape, known)
    return _scalar(clauses(shape))


def _scalar(rules: Sequence[Clause]) -> Check:
    if not rules:
        return _anything

    def check(value: Json, path: Path, faults: list[Fault]) -> None:
        for rule in rules:
            if not rule.holds(value):
                faults.append(_fault(value, path, rule.text))  # noqa: PERF401 - as a rule there is none to add

    return check


def _anything(value: Json, path: Path, faults: list[Fault]) -> None:
    """The check of a value that is bound by nothing but its type."""


def _structure(shape: Shape, known: dict[Shape, Check]) -> Check:
    fields: list[tuple[str, str, bool, Check]] = []

    def check(value: Json, path: Path, faults: list[Fault]) -> None:
        for name, label, required, inner in fields:
            item = value.get(name)
            if item is not None:
                inner(item, (path, label), faults)
            elif required:
                faults.append(_fault(None, (path, label), NOT_NULL))

    known[shape] = check
    for member in shape.members.values():
        label = member.name[:1].lower() + member.name[1:]
        fields.append((member.name, label, member.name in shape.required, _compile(member.shape, known)))
    return check


def _list(shape: Shape, known: dict[Shape, Check]) -> Check:
    member = shape.members["member"].shape
    own = _scalar(clauses(shape))
    looked_at = None if shape.maximum is None else int(shape.maximum)  # past it the list is refused anyway
    each, together = _inside(member, "Member must satisfy constraint: ", known)

    def check(value: Json, path: Path, faults: list[Fault]) -> None:
        own(value, path, faults)
        elements = value[:looked_at]
        _check_each(enumerate(elements, 1), each, path, faults)
        _check_together(elements, together, (value, path), faults)

    return check


def _map(shape: Shape, known: dict[Shape, Check]) -> Check:
    own = _scalar(clauses(shape))
    _, keys = _inside(shape.members["key"].shape, "Map keys must satisfy constraint: ", known)
    each, together = _inside(shape.members["value"].shape, "Map value must satisfy constraint: ", known)
    looked_at = None if shape.maximum is None else int(shape.maximum)

    def check(value: Json, path: Path, faults: list[Fault]) -> None:
        own(value, path, faults)
        items = list(value.items())[:looked_at]
        _check_each(items, each, path, faults)
        _check_together([key for key, _ in items], keys, (value, path), faults)
        _check_together([item for _, item in items], together, (value, path), faults)

    return check


@dataclass(frozen=True, slots=True)
class Together:
    """The constraints on the scalars of a list or map, reported in one sentence about the list or map."""

    rules: Sequence[Clause]
    text: str


def _inside(shape: Shape, prefix: str, known: dict[Shape, Check]) -> tuple[Check | None, Together]:
    """How what a list or map holds is checked: each by itself where it has members, else all together."""
    if shape.type in {"structure", "list", "map"}:
        return _compile(shape, known), Together((), "")
    rules = clauses(shape)
    return None, Together(rules, f"{prefix}[{', '.join(rule.text for rule in rules)}]")


def _check_each(items: Iterable[tuple[Any, Any]], each: Check | None, path: Path, faults: list[Fault]) -> None:
    for name, item in items:
        if len(faults) >= MOST_FAULTS:
            break
        if item is None:
            faults.append(_fault(None, (path, f"{name}.member"), NOT_NULL))
        elif each is not None:
            each(item, (path, f"{name}.member"), faults)


def _check_together(items: Sequence[Any], together: Together, whole: tuple[Any, Path], faults: list[Fault]) -> None:
    for item in items:
        for rule in together.rules:
            if item is not None and not rule.holds(item):
                faults.append(_fault(*whole, together.text))
                return


def _fault(value: Json, path: Path, text: str) -> Fault:
    shown, place = "null" if value is None else f"'{_shown(value)}'", _dotted(path)
    return Fault(place, f"Value {shown} at '{place}' failed to satisfy constraint: {text}", text)


def _dotted(path: Path) -> str:
    labels: list[str] = []
    while path is not None:
        path, label = path
        labels.append(label)
    return ".".join(reversed(labels))


def _shown(value: Json) -> str:
    """A value as AWS's sentences show it, cut where it is very long."""
    text = _text(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _text(value: Json) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return "null" if value is None else str(value)
