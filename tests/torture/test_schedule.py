"""Schedules are the seed's, and strike nobody who is down."""

from __future__ import annotations

from itertools import pairwise

from torture.schedule import Blow, Strike, Target, schedule, told

TARGETS = {
    "worker-1": Target([Blow.KILL, Blow.PAUSE], longest=3, every=5),
    "database": Target([Blow.KILL], longest=1, every=20),
}


def test_the_seed_decides() -> None:
    assert schedule(1, TARGETS, 100) == schedule(1, TARGETS, 100)
    assert schedule(1, TARGETS, 100) != schedule(2, TARGETS, 100)


def test_another_target_changes_nothing_for_the_first() -> None:
    alone = schedule(1, {"worker-1": TARGETS["worker-1"]}, 100)
    assert [strike for strike in schedule(1, TARGETS, 100) if strike.name == "worker-1"] == alone


def test_strikes_come_in_order_and_end_in_time() -> None:
    strikes = schedule(3, TARGETS, 100)
    assert strikes == sorted(strikes)
    assert all(strike.at > 0 and strike.at + strike.seconds <= 100 for strike in strikes)
    assert {strike.name for strike in strikes} == set(TARGETS)
    assert {strike.blow for strike in strikes if strike.name == "worker-1"} == {Blow.KILL, Blow.PAUSE}


def test_nobody_is_struck_while_gone() -> None:
    for seed in range(20):
        mine = [strike for strike in schedule(seed, TARGETS, 200) if strike.name == "worker-1"]
        assert all(one.at + one.seconds + 1 <= two.at + 0.01 for one, two in pairwise(mine))


def test_how_often_is_about_as_asked() -> None:
    struck = [len([s for s in schedule(seed, TARGETS, 1000) if s.name == "database"]) for seed in range(20)]
    assert 30 < sum(struck) / 20 < 60


def test_a_line_of_the_timeline() -> None:
    assert told(Strike(1.0, "api-1", Blow.KILL, 2.5)) == "api-1      SIGKILL          started again after 2.5 s"
    assert told(Strike(1.0, "api-1", Blow.PAUSE, 2.5)).endswith("continued after 2.5 s")
