from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.greengrass.versions import fault, is_prerelease, order_key

NUMBERS = st.integers(0, 999_999)


@pytest.mark.parametrize(
    "version", ["0.0.0", "1.0.2", "999999.999999.999999", "1.0.0-rc.1", "1.0.0-0a", "1.0.0--", "1.2.3-a-b.7+x.01"]
)
def test_semantic_versions_are_taken(version: str) -> None:
    assert fault(version) is None
    assert is_prerelease(version) == ("-" in version.partition("+")[0])


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("banana", "is not a semantic version"),
        ("", "is not a semantic version"),
        ("1", "is not a semantic version"),
        ("1.0", "is not a semantic version"),
        ("v1.0.0", "is not a semantic version"),
        ("1.0.0.0", "is not a semantic version"),
        ("01.0.0", "is not a semantic version"),
        ("1.0.0-01", "is not a semantic version"),
        ("1.0.0-", "is not a semantic version"),
        ("1.0.0\n", "is not a semantic version"),
        ("1.0.٣", "is not a semantic version"),
        ("1000000.0.0", "has 1000000 as its major number, and 999,999 is the largest"),
        ("0.1000000.0", "as its minor number"),
        ("0.0.1000000", "as its patch number"),
        (f"1.0.0-{'a' * 59}", "has 65 characters, and 64 are allowed"),
    ],
)
def test_everything_else_is_told_what_is_wrong(version: str, words: str) -> None:
    assert words in str(fault(version))
    with pytest.raises(ValueError, match="is not a component version"):
        order_key(version)


def test_the_order_is_that_of_semantic_versioning() -> None:
    prereleases = ["1", "2", "10", "alpha", "alpha.1", "alpha.beta", "alpha-2", "beta", "beta.2", "beta.11", "rc.1"]
    ascending = [f"1.0.0-{part}" for part in prereleases]
    ascending += ["1.0.0", "1.0.0+1", "1.0.1-0", "1.0.1", "1.9.0", "1.10.0", "9.0.0", "10.0.0"]
    for lower, higher in pairwise(ascending):
        assert order_key(lower) < order_key(higher), (lower, higher)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(NUMBERS, NUMBERS, NUMBERS))
def test_releases_are_ordered_by_their_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    keys = [order_key(".".join(map(str, version))) for version in (one, other)]
    assert (keys[0] < keys[1]) == (one < other)
    assert (keys[0] == keys[1]) == (one == other)
