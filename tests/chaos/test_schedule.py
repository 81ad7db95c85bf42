"""Schedules follow from the seed, and no fault hits a process that is down."""

from __future__ import annotations

from itertools import pairwise

from chaos.schedule import FaultKind, ProcessFault, Target, described, schedule

TARGETS = {
    "worker-1": Target([FaultKind.KILL, FaultKind.PAUSE], longest=3, every=5),
    "database": Target([FaultKind.KILL], longest=1, every=20),
}


def test_the_seed_decides() -> None:
    assert schedule(1, TARGETS, 100) == schedule(1, TARGETS, 100)
    assert schedule(1, TARGETS, 100) != schedule(2, TARGETS, 100)


def test_another_target_changes_nothing_for_the_first() -> None:
    alone = schedule(1, {"worker-1": TARGETS["worker-1"]}, 100)
    assert [fault for fault in schedule(1, TARGETS, 100) if fault.process == "worker-1"] == alone


def test_faults_come_in_order_and_end_in_time() -> None:
    faults = schedule(3, TARGETS, 100)
    assert faults == sorted(faults)
    assert all(fault.at > 0 and fault.at + fault.seconds <= 100 for fault in faults)
    assert {fault.process for fault in faults} == set(TARGETS)
    assert {fault.kind for fault in faults if fault.process == "worker-1"} == {FaultKind.KILL, FaultKind.PAUSE}


def test_no_process_is_hit_while_it_is_down() -> None:
    for seed in range(20):
        mine = [fault for fault in schedule(seed, TARGETS, 200) if fault.process == "worker-1"]
        assert all(one.at + one.seconds + 1 <= two.at + 0.01 for one, two in pairwise(mine))


def test_how_often_is_about_as_asked() -> None:
    hit = [len([s for s in schedule(seed, TARGETS, 1000) if s.process == "database"]) for seed in range(20)]
    assert 30 < sum(hit) / 20 < 60


def test_a_line_of_the_timeline() -> None:
    assert (
        described(ProcessFault(1.0, "api-1", FaultKind.KILL, 2.5))
        == "api-1      SIGKILL          started again after 2.5 s"
    )
    assert described(ProcessFault(1.0, "api-1", FaultKind.PAUSE, 2.5)).endswith("continued after 2.5 s")
