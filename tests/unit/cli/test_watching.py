"""How jobs are shown while they are followed."""

from __future__ import annotations

import io

from rich.console import Console

from edgewright.cli.watching import MIB, Job, Pace, bar, cells, table

RUNNING = Job("digits", "INPROGRESS", "The model is being packaged.", 50 * MIB, 200 * MIB)


def paced(*seen: tuple[float, int]) -> Pace:
    pace = Pace()
    for now, done in seen:
        pace.note(now, Job("digits", "INPROGRESS", "", done, 200 * MIB))
    return pace


def test_rate_and_time_left_come_from_what_was_seen_of_late() -> None:
    pace = paced((0.0, 0), (1.0, 10 * MIB), (2.0, 20 * MIB))
    assert pace.rate() == 10 * MIB
    assert pace.left(Job("digits", "INPROGRESS", "", 20 * MIB, 200 * MIB)) == 18.0
    assert paced((0.0, 0), (100.0, 10 * MIB), (101.0, 30 * MIB)).rate() == 20 * MIB


def test_what_is_not_known_is_not_told() -> None:
    assert Pace().rate() is None
    assert paced((0.0, 5)).rate() is None
    assert paced((0.0, 5), (5.0, 5)).rate() is None
    assert paced((0.0, 0), (1.0, 5)).left(Job("x", "INPROGRESS", "", 5, None)) is None
    assert cells(Job("x", "STARTING", "waits"), Pace()) == ("x", "STARTING", "", "", "", "")


def test_a_job_that_another_worker_began_again_begins_again_here() -> None:
    assert paced((0.0, 0), (1.0, 90 * MIB), (2.0, 0), (3.0, 10 * MIB)).rate() == 10 * MIB


def test_a_row_tells_share_bytes_rate_and_time() -> None:
    row = cells(RUNNING, paced((0.0, 40 * MIB), (1.0, 50 * MIB)))
    assert row == ("digits", "INPROGRESS", "#####---------------  25%", "50.0/200.0 MiB", "10.0 MiB/s", "0:15")


def test_a_completed_job_is_done_whatever_was_read() -> None:
    assert cells(Job("x", "COMPLETED", ""), Pace())[2] == "#################### 100%"


def test_a_bar_is_always_as_long() -> None:
    assert {len(bar(share / 100)) for share in range(101)} == {20}


def test_the_table_shows_names_as_they_are() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(table([Job("[red]x", "STARTING", "")], {"[red]x": Pace()}))
    shown = console.file.getvalue()  # type: ignore[attr-defined] # the StringIO from above
    assert "[red]x" in shown
    assert "STARTING" in shown
