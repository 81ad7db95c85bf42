"""Fuzz target: the recipes of users, in JSON and YAML.

python tests/fuzz/recipes.py -max_total_time=600
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewright.errors import ValidationFault
from edgewright.greengrass.reading import read_recipe
from edgewright.greengrass.rules import artifacts, platforms
from edgewright.operations import recipes
from edgewright.operations.artifacts import with_digests
from memory_store import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

STORE = MemoryStore()
CALLS, CALLS_PER_BYTE = 50_000, 200
"""Calls of functions that reading and checking may take: nothing may take more than a length allows."""


def one_input(data: bytes) -> None:
    """Refused as the caller's fault, or kept as what cores read in one way; in time that grows with the length."""
    with counted(CALLS + CALLS_PER_BYTE * len(data)):
        try:
            recipe = recipes.checked(data)
            platforms(recipe)
            kept = recipes.as_json(with_digests(recipe, STORE, lambda _uri: None))
        except ValidationFault as refused:
            refused.message.encode()
            return
        again = read_recipe(recipes.as_yaml(kept))
    assert again == json.loads(kept)
    assert artifacts(again) == artifacts(recipe)
    check_keys(again)


def check_keys(value: Any) -> None:
    """No key twice, whatever the case."""
    if isinstance(value, dict):
        assert len({key.lower() for key in value}) == len({key.upper() for key in value}) == len(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_keys(inner)


@contextmanager
def counted(most: int) -> Iterator[None]:
    """Raise once there were more calls of functions than this."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}
        assert calls <= most, f"{most} calls were not enough"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from fuzzing import fuzz

    fuzz(one_input, "recipes")
