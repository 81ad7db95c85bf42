from __future__ import annotations

import itertools

from edgewright.jobs import ENDED, SOURCES, UNFINISHED, Status

ALLOWED = {
    ("STARTING", "INPROGRESS"),
    ("STARTING", "FAILED"),
    ("STARTING", "STOPPING"),
    ("INPROGRESS", "INPROGRESS"),
    ("INPROGRESS", "COMPLETED"),
    ("INPROGRESS", "FAILED"),
    ("INPROGRESS", "STOPPING"),
    ("STOPPING", "STOPPED"),
}


def test_these_moves_are_allowed_and_no_others() -> None:
    moves = itertools.product(Status, Status)
    assert {(now, wanted) for now, wanted in moves if now in SOURCES.get(wanted, ())} == ALLOWED


def test_nothing_leaves_an_end_and_an_end_can_be_reached_from_everywhere_else() -> None:
    assert not any(ENDED & sources for sources in SOURCES.values())
    for status in UNFINISHED:
        reached = {status}
        while True:
            further = {to for to, sources in SOURCES.items() if sources & reached} | reached
            if further == reached:
                break
            reached = further
        assert reached & ENDED
    assert set(Status) == ENDED | UNFINISHED
