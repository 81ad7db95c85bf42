from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.console.pictures import HEIGHT, MOST, WIDTH, Tile, picture, treemap

ROUNDING = 1e-6


@given(st.lists(st.integers(0, 10**12), max_size=60), st.integers(0, 10**12))
def test_tiles_fill_the_picture_in_proportion_and_never_overlap(sizes: list[int], rest: int) -> None:
    tiles = treemap([(f"file-{number}", size) for number, size in enumerate(sizes)], rest)
    total = sum(sizes) + rest
    assert (tiles == []) == (total == 0)
    for tile in tiles:
        assert tile.width * tile.height == pytest.approx(tile.size / total * WIDTH * HEIGHT, rel=1e-6, abs=1e-3)
        assert tile.x >= -ROUNDING
        assert tile.y >= -ROUNDING
        assert tile.x + tile.width <= WIDTH + 0.01
        assert tile.y + tile.height <= HEIGHT + 0.01
    assert sum(tile.size for tile in tiles) == total
    assert not any(_overlap(one, other) for one, other in combinations(tiles, 2))


def _overlap(one: Tile, other: Tile) -> bool:
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return wide > 0.01 and high > 0.01


def test_the_smallest_files_are_one_tile_together() -> None:
    tiles = treemap([(f"file-{number:03}", 1000 - number) for number in range(MOST + 10)])
    assert len(tiles) == MOST + 1
    assert tiles[0].name == "all other files"
    assert tiles[0].size == sum(1000 - number for number in range(MOST, MOST + 10))


def test_labels_are_cut_to_their_tile() -> None:
    wide, narrow = treemap([("weights/" + "x" * 200, 99), ("tiny", 1)])
    assert wide.label.startswith("…")
    assert len(wide.label) < 130
    assert narrow.label == ""


def test_a_picture_is_drawn_from_three_files_on() -> None:
    files = [("a", 3), ("b", 2), ("c", 1)]
    assert [tile.name for tile in picture(files)] == ["a", "b", "c"]
    assert picture(files[:2], rest=5) == []
