"""What observations of a job prove, and what they do not."""

from __future__ import annotations

import pytest

from chaos.lifecycle import ENDS, MOVES, Observation, contradictions, reachable
from edgewright.jobs import Status
from edgewright.jobs.states import ENDED, SOURCES


def look(begin: float, end: float, status: str, modified: float = 100.0, **details: str) -> Observation:
    return Observation(begin, end, status, modified, "Describe", tuple(details.items()))


def test_the_public_lifecycle_and_the_programs_table_agree() -> None:
    for current in Status:
        moves = {wanted for wanted in Status if wanted != current and current in SOURCES.get(wanted, ())}
        assert moves == MOVES[current]
    assert set(map(str, ENDED)) == ENDS


def test_what_can_be_seen_later() -> None:
    assert reachable("STARTING") == set(MOVES)
    assert reachable("STOPPING") == {"STOPPING", "STOPPED"}
    assert reachable("FAILED") == {"FAILED"}


@pytest.mark.parametrize(
    "statuses",
    [
        ["STARTING", "INPROGRESS", "INPROGRESS", "COMPLETED", "COMPLETED"],
        ["STARTING", "STOPPED"],
        ["INPROGRESS", "STOPPING", "STOPPED"],
        ["STARTING", "FAILED"],
    ],
)
def test_an_ordinary_lifecycle(statuses: list[str]) -> None:
    assert contradictions(look(n, n + 0.5, status) for n, status in enumerate(statuses)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("INPROGRESS", "STARTING"),
        ("COMPLETED", "INPROGRESS"),
        ("STOPPING", "INPROGRESS"),
        ("STOPPING", "COMPLETED"),
        ("STOPPED", "FAILED"),
        ("COMPLETED", "FAILED"),
    ],
)
def test_a_step_backwards(before: str, after: str) -> None:
    (found,) = contradictions([look(1, 2, before), look(3, 4, after)])
    assert found.startswith(f"{before} became {after}")


def test_a_step_backwards_behind_others_is_found() -> None:
    looks = [look(1, 2, "COMPLETED"), look(1.5, 3, "INPROGRESS"), look(4, 5, "INPROGRESS")]
    assert len(contradictions(looks)) == 1, "the second look overlaps the first; the third does not"


def test_observations_that_overlap_prove_nothing() -> None:
    assert contradictions([look(1, 3, "COMPLETED"), look(2, 4, "INPROGRESS")]) == []


def test_an_unknown_status() -> None:
    assert "none that there is" in contradictions([look(1, 2, "PAUSED")])[0]


def test_times_and_ends_that_change() -> None:
    assert "went back" in contradictions([look(1, 2, "STARTING", 100), look(3, 4, "INPROGRESS", 99)])[0]
    assert "moved from" in contradictions([look(1, 2, "FAILED", 100), look(3, 4, "FAILED", 101)])[0]
    changed = [look(1, 2, "COMPLETED", artifact="s3://a"), look(3, 4, "COMPLETED", artifact="s3://b")]
    assert "changed from" in contradictions(changed)[0]
    listed = [look(1, 2, "COMPLETED", artifact="s3://a"), look(3, 4, "COMPLETED")]
    assert contradictions(listed) == []
