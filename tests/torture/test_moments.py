"""Each moment is told from what can be seen from outside."""

from __future__ import annotations

import pytest

from torture.moments import Facts, Moment, moment, reached

RUNS = "INPROGRESS"


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (Facts("STARTING", held=False), Moment.WAITING),
        (Facts(RUNS, noted="s3://a", stored=True, held=False), Moment.WAITING),
        (Facts("STARTING"), Moment.CLAIMED),
        (Facts(RUNS), Moment.BEGUN),
        (Facts(RUNS, staged=True), Moment.STREAMING),
        (Facts(RUNS, noted="s3://a"), Moment.NOTED),
        (Facts(RUNS, noted="s3://a", stored=True), Moment.STORED),
        (Facts(RUNS, noted="s3://a", stored=True, steps=1), Moment.PACKAGED),
        (Facts(RUNS, noted="s3://a", stored=True, steps=1, components=1), Moment.COMPONENT),
        (Facts(RUNS, noted="s3://a", stored=True, steps=2, components=1), Moment.MADE),
        (Facts("COMPLETED", noted="s3://a", stored=True, steps=2, components=1), Moment.COMPLETED),
        (Facts("COMPLETED", noted="s3://a", stored=True, steps=2, components=1, held=False), Moment.OVER),
        (Facts("FAILED", held=False), Moment.OVER),
    ],
)
def test_moments(facts: Facts, wanted: Moment) -> None:
    assert moment(facts) is wanted


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (Facts("STARTING", held=False), Moment.WAITING),
        (Facts(RUNS, held=False), Moment.BEGUN),
        (Facts(RUNS, noted="s3://a", stored=True, held=False), Moment.STORED),
        (Facts(RUNS, noted="s3://a", stored=True, steps=1, held=False), Moment.PACKAGED),
        (Facts("COMPLETED", held=False), Moment.OVER),
    ],
)
def test_what_a_dead_worker_has_reached_is_seen_while_the_job_waits(facts: Facts, wanted: Moment) -> None:
    assert reached(facts) is wanted
