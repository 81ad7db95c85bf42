"""Patterns of rules: `*` stands for any run of characters, `?` for one, every other character for itself. Pure.

A text is matched in time that grows with its length, whatever the pattern: callers choose the texts.
"""

from __future__ import annotations

import re
from functools import lru_cache

ANY = "*"


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text is of the pattern."""
    return _compiled(pattern).fullmatch(text) is not None


def overlap(one: str, other: str) -> bool:
    """Whether some text is of both patterns."""
    reached = _behind_runs(one, other, {(0, 0)})
    while reached:
        if (len(one), len(other)) in reached:
            return True
        reached = _behind_runs(one, other, {step for position in reached for step in _steps(one, other, *position)})
    return False


def literals(pattern: str) -> str:
    """The characters that stand for themselves."""
    return pattern.replace(ANY, "").replace("?", "")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """A regular expression that never returns to a `*` which it has left.

    Each piece between two stars is taken where it stands first: if the rest does not match from there, it does not
    from a later position, so that the groups are atomic.
    """
    first, *rest = [re.escape(piece).replace(r"\?", ".") for piece in re.split(r"\*+", pattern)]
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _behind_runs(one: str, other: str, positions: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The positions, and those that are reached from them by letting a `*` stand for nothing more."""
    found, waiting = set(positions), list(positions)
    while waiting:
        here, there = waiting.pop()
        for position, is_run in (
            ((here + 1, there), one[here : here + 1] == ANY),
            ((here, there + 1), other[there : there + 1] == ANY),
        ):
            if is_run and position not in found:
                found.add(position)
                waiting.append(position)
    return found


def _steps(one: str, other: str, here: int, there: int) -> list[tuple[int, int]]:
    """The positions behind one more character of a text that is of both patterns so far."""
    mine, theirs = one[here : here + 1], other[there : there + 1]
    if not mine or not theirs or (mine == ANY and theirs == ANY):
        return []  # two runs side by side: whatever both could take, either may leave out
    if mine != theirs and not {mine, theirs} & {ANY, "?"}:
        return []
    return [(here + (mine != ANY), there + (theirs != ANY))]
