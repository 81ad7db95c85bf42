"""For each constraint of the model, one request that passes and one that is refused with the exact sentence.

That is for each place of each implemented operation's request. The last test counts them: none may be missing.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import regex  # type: ignore[import-untyped] # it has no stubs

from conformance.constraints import IMPLEMENTED, MODEL, Constraint, all_constraints, request_with, sample
from edgewright.errors import SerializationFault, ValidationFault
from edgewright.protocol import load_service, parse_request, validate

CONSTRAINTS = all_constraints()
OPERATIONS = load_service("sagemaker").operations

WRONG_TYPES = {
    "string": (7, "NUMBER_VALUE can not be converted to a String"),
    "integer": ("7", "STRING_VALUE can not be converted to an Integer"),
    "timestamp": ("now", "STRING_VALUE can not be converted to a Timestamp"),
    "list": ("x", "Expected list or null"),
    "structure": ("x", "Expected null"),
}

NO_VALUE_CAN_BREAK = {
    ("min", "0"): "nothing is shorter than nothing",
    ("pattern", r"[\S\s]+"): "only the empty string fails it, and the minimum of 1 is reported for that one",
}


def unbreakable(constraint: Constraint) -> bool:
    return (constraint.kind, str(constraint.bound)) in NO_VALUE_CAN_BREAK


BREAKABLE = [constraint for constraint in CONSTRAINTS if not unbreakable(constraint)]


def send(constraint: Constraint, value: Any) -> None:
    operation = OPERATIONS[constraint.operation]
    validate(operation, parse_request(operation, json.dumps(request_with(constraint, value)).encode()))


# --- values on either side ------------------------------------------------------------------------------------


def stretched(shape: dict[str, Any], value: Any, length: int) -> Any:
    """A string or list like `value` of another length; a string still meets its pattern where one so long can."""
    if isinstance(value, list):
        return value * length
    if length <= len(value):
        candidates = [value[:length], value[-length:] if length else "", "a" * length, "1.8"[:length], "1.8a"[:length]]
    else:
        candidates = [value + value[-1] * (length - len(value)), "a" * length]
    return next((text for text in candidates if matches(shape, text)), candidates[0])


def matches(shape: dict[str, Any], text: str) -> bool:
    return regex.fullmatch(shape.get("pattern", r"[\s\S]*"), text) is not None


def passing(constraint: Constraint) -> Any:
    """A value that meets the constraint, at its very edge where its pattern lets it be."""
    shape, value = MODEL["shapes"][constraint.shape], sample(constraint.shape)
    if constraint.kind not in {"min", "max"}:
        return value
    if isinstance(value, int):
        return constraint.bound
    edge = stretched(shape, value, constraint.bound)
    return edge if isinstance(edge, list) or matches(shape, edge) else value


def breaking(constraint: Constraint) -> Any:
    """A value that breaks the constraint, and no other of its shape if that can be."""
    shape, value, bound = MODEL["shapes"][constraint.shape], sample(constraint.shape), constraint.bound
    step = {"min": -1, "max": 1}.get(constraint.kind, 0)
    if step:
        return bound + step if isinstance(value, int) else stretched(shape, value, bound + step)
    if constraint.kind == "pattern":
        length = max(1, shape.get("min", 1))
        return next(text for text in ("!" * length, "\n" * length) if not matches(shape, text))
    return {"enum": "nothing of the kind", "required": None}[constraint.kind]


# --- what AWS says --------------------------------------------------------------------------------------------


def clause(kind: str, bound: Any, of: str) -> str:
    measure = "value" if of == "integer" else "length"
    return {
        "required": "Member must not be null",
        "min": f"Member must have {measure} greater than or equal to {bound}",
        "max": f"Member must have {measure} less than or equal to {bound}",
        "pattern": f"Member must satisfy regular expression pattern: {bound}",
        "enum": f"Member must satisfy enum value set: [{', '.join(bound) if kind == 'enum' else ''}]",
    }[kind]


def sentence(constraint: Constraint, value: Any) -> str:
    shape = MODEL["shapes"][constraint.shape]
    shown, path, text = value, constraint.path, clause(constraint.kind, constraint.bound, shape["type"])
    if constraint.in_list_of_scalars:
        every = [
            clause(kind, shape[kind], shape["type"]) for kind in ("max", "min", "pattern", "enum") if kind in shape
        ]
        shown, path = f"[{value}]", constraint.path.rpartition(".1.member")[0]
        text = f"Member must satisfy constraint: [{', '.join(every)}]"
    elif isinstance(value, list):
        shown = "[" + ", ".join(map(java, value)) + "]"
    quoted = "null" if value is None else f"'{shown}'"
    return f"Value {quoted} at '{path}' failed to satisfy constraint: {text}"


def java(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    return str(value)


def faults(message: str) -> list[str]:
    """The sentences of a message, whose count it must tell rightly."""
    found = re.fullmatch(r"(\d+) validation errors? detected: (.*)", message, re.DOTALL)
    assert found is not None
    sentences = re.split(r"; (?=Value )", found[2])
    assert int(found[1]) == len(sentences)
    assert (" errors " in message[:30]) == (len(sentences) > 1)
    return sentences


# --- the suite ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("constraint", CONSTRAINTS, ids=str)
def test_what_meets_it_passes(constraint: Constraint) -> None:
    send(constraint, passing(constraint))


@pytest.mark.parametrize("constraint", [one for one in BREAKABLE if one.kind != "type"], ids=str)
def test_what_breaks_it_is_refused_with_the_sentence(constraint: Constraint) -> None:
    value = breaking(constraint)
    with pytest.raises(ValidationFault) as refused:
        send(constraint, value)
    told = faults(refused.value.message)
    assert sentence(constraint, value) in told
    # One wrong value gives no fault elsewhere; on the same value a second constraint may speak.
    places = {re.search(r" at '([^']*)' failed", fault)[1] for fault in told}  # type: ignore[index]
    assert len(places) == 1


@pytest.mark.parametrize("constraint", [one for one in BREAKABLE if one.kind == "type"], ids=str)
def test_another_json_type_is_refused_with_the_sentence(constraint: Constraint) -> None:
    value, told = WRONG_TYPES[constraint.bound]
    with pytest.raises(SerializationFault) as refused:
        send(constraint, value)
    assert refused.value.message == told


def test_all_faults_come_in_one_message() -> None:
    operation = OPERATIONS["CreateEdgePackagingJob"]
    body = b'{"EdgePackagingJobName": "bad name!!", "Tags": [{"Key": "ok", "Value": ""}, {"Key": ""}]}'
    with pytest.raises(ValidationFault) as refused:
        validate(operation, parse_request(operation, body))
    assert refused.value.message == (
        "8 validation errors detected: "
        "Value 'bad name!!' at 'edgePackagingJobName' failed to satisfy constraint: Member must satisfy regular "
        "expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value null at 'compilationJobName' failed to satisfy constraint: Member must not be null; "
        "Value null at 'modelName' failed to satisfy constraint: Member must not be null; "
        "Value null at 'modelVersion' failed to satisfy constraint: Member must not be null; "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; "
        "Value null at 'outputConfig' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal "
        "to 1; "
        "Value null at 'tags.2.member.value' failed to satisfy constraint: Member must not be null"
    )


def test_every_modelled_constraint_is_covered(capsys: pytest.CaptureFixture[str]) -> None:
    """Counted apart from the walk above: each word of the model's JSON that constrains an input, at each place."""
    expected = sum(words(MODEL["operations"][name]["input"]["shape"]) for name in IMPLEMENTED)
    modelled = [constraint for constraint in CONSTRAINTS if constraint.kind != "type"]
    assert len(modelled) == expected
    assert len(set(map(str, CONSTRAINTS))) == len(CONSTRAINTS)
    never = sorted({f"{one.kind} {one.bound}" for one in CONSTRAINTS if unbreakable(one)})
    assert never == sorted(" ".join(key) for key in NO_VALUE_CAN_BREAK)
    with capsys.disabled():
        print(
            f"\n{len(IMPLEMENTED)} operations: {len(modelled)} of {expected} modelled constraints and "
            f"{len(CONSTRAINTS) - len(modelled)} types covered; {len(BREAKABLE)} refused with the exact sentence, "
            f"{len(CONSTRAINTS) - len(BREAKABLE)} that no value can break ({', '.join(never)})"
        )


def words(name: str) -> int:
    shape = MODEL["shapes"][name]
    below = [ref["shape"] for ref in shape.get("members", {}).values()]
    below += [shape["member"]["shape"]] if "member" in shape else []
    return (
        sum(word in shape for word in ("min", "max", "pattern", "enum"))
        + len(shape.get("required", ()))
        + sum(map(words, below))
    )
