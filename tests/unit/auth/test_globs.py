"""Patterns of rules: what they match, and whether two have a text in common."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.auth.globs import matches, overlap

patterns = st.text("ab*?", max_size=7)
texts = st.text("ab\n", max_size=9)


@given(patterns, texts)
def test_a_pattern_matches_as_in_file_names(pattern: str, text: str) -> None:
    assert matches(pattern, text) is fnmatch.fnmatchcase(text, pattern)


@given(patterns, patterns, texts)
def test_patterns_that_a_text_is_of_overlap(one: str, other: str, text: str) -> None:
    if matches(one, text) and matches(other, text):
        assert overlap(one, other)
        assert overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("prod-*", "*/*", True),
        ("prod", "*/*", False),
        ("a*c", "ab*", True),
        ("a*c", "b*", False),
        ("a?c", "a*d", False),
        ("*", "", True),
        ("?", "", False),
    ],
)
def test_whether_a_text_is_of_both(one: str, other: str, *, found: bool) -> None:
    assert overlap(one, other) is found
    assert overlap(other, one) is found


@pytest.mark.parametrize("piece", ["-prod-", "prod-", "-p", "x"])
def test_a_long_text_is_matched_without_going_back(piece: str) -> None:
    """In milliseconds; a matcher that goes back to an earlier star takes minutes, or hours."""
    text = piece * (270_000 // len(piece)) + "!"
    for pattern in ("*-prod-*-eu", "*p*p*p*p*p*p*y", "*?*?*-eu"):
        assert not matches(pattern, text)
