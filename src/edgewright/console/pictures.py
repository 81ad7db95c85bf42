"""Where a package's bytes are, as rectangles whose areas are the files' sizes: a squarified treemap. Pure.

After Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): rows are filled along the shorter side for as long as
that makes their rectangles squarer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 300.0
"""The picture's own coordinates."""
FEWEST = 3
"""Files from which on a picture says more than their table."""
MOST = 40
"""Files that are drawn each by itself; what is left is one more rectangle."""
LABELLED = (90.0, 34.0)
"""The least width and height of a rectangle that has room for words."""
CHARACTER = 9.8
"""The width of a character of a label, more or less."""
SHADES = 6


@dataclass(frozen=True, slots=True)
class Tile:
    """One rectangle.

    Attributes:
        name: the file's path.
        size: its bytes.
        share: of all bytes, from 0 to 1.
        label: the name, cut to the room there is; empty where there is none.
        shade: from 0, the largest, to SHADES - 1.
    """

    name: str
    size: int
    share: float
    x: float
    y: float
    width: float
    height: float
    label: str
    shade: int


def picture(files: Sequence[tuple[str, int]], rest: int = 0) -> list[Tile]:
    """As `treemap`, but nothing of so few files that their table says it all."""
    return treemap(files, rest) if len(files) >= FEWEST else []


def treemap(files: Iterable[tuple[str, int]], rest: int = 0) -> list[Tile]:
    """The rectangles of files, the largest first.

    Args:
        files: each file's name and size; those of no bytes have no area.
        rest: bytes of files that are not among them.
    """
    ordered = sorted((pair for pair in files if pair[1] > 0), key=lambda pair: (-pair[1], pair[0]))
    shown, others = ordered[:MOST], ordered[MOST:]
    left = rest + sum(size for _, size in others)
    if left:
        shown = sorted([*shown, ("all other files", left)], key=lambda pair: -pair[1])
    total = sum(size for _, size in shown)
    if not total:
        return []
    areas = [size / total * WIDTH * HEIGHT for _, size in shown]
    places = _squarified(areas)
    return [
        _tile(name, size, size / total, place, index)
        for index, ((name, size), place) in enumerate(zip(shown, places, strict=True))
    ]


Place = tuple[float, float, float, float]
"""Left, top, width, height."""


def _squarified(areas: Sequence[float]) -> list[Place]:
    places: list[Place] = []
    free: Place = (0.0, 0.0, WIDTH, HEIGHT)
    start = 0
    while start < len(areas):
        side = min(free[2], free[3])
        end = start + 1
        while end < len(areas) and _worst(areas[start : end + 1], side) <= _worst(areas[start:end], side):
            end += 1
        row, free = _laid(areas[start:end], free)
        places += row
        start = end
    return places


def _worst(row: Sequence[float], side: float) -> float:
    """How far the least square rectangle of a row is from a square; 1 is a square."""
    total = sum(row)
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _laid(row: Sequence[float], free: Place) -> tuple[list[Place], Place]:
    """A row along the shorter side of the free place, and what is free behind it."""
    left, top, width, height = free
    thick = sum(row) / min(width, height)
    lengths = [area / thick for area in row]
    starts = [sum(lengths[:index]) for index in range(len(lengths))]
    if width >= height:
        places = [(left, top + start, thick, length) for start, length in zip(starts, lengths, strict=True)]
        return places, (left + thick, top, max(width - thick, 1e-9), height)
    places = [(left + start, top, length, thick) for start, length in zip(starts, lengths, strict=True)]
    return places, (left, top + thick, width, max(height - thick, 1e-9))


def _tile(name: str, size: int, share: float, place: Place, index: int) -> Tile:
    left, top, width, height = place
    room = int((width - 16) / CHARACTER) if width >= LABELLED[0] and height >= LABELLED[1] else 0
    label = name if len(name) <= room else f"…{name[-(room - 1) :]}" if room else ""
    return Tile(name, size, share, left, top, width, height, label, min(index, SHADES - 1))
