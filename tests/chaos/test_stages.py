"""Each stage follows from what can be seen from outside."""

from __future__ import annotations

import pytest

from chaos.stages import JobFacts, Stage, reached, stage

RUNS = "INPROGRESS"


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (JobFacts("STARTING", held=False), Stage.WAITING),
        (JobFacts(RUNS, noted="s3://a", stored=True, held=False), Stage.WAITING),
        (JobFacts("STARTING"), Stage.CLAIMED),
        (JobFacts(RUNS), Stage.BEGUN),
        (JobFacts(RUNS, staged=True), Stage.STREAMING),
        (JobFacts(RUNS, noted="s3://a"), Stage.NOTED),
        (JobFacts(RUNS, noted="s3://a", stored=True), Stage.STORED),
        (JobFacts(RUNS, noted="s3://a", stored=True, steps=1), Stage.PACKAGED),
        (JobFacts(RUNS, noted="s3://a", stored=True, steps=1, components=1), Stage.COMPONENT),
        (JobFacts(RUNS, noted="s3://a", stored=True, steps=2, components=1), Stage.MADE),
        (JobFacts("COMPLETED", noted="s3://a", stored=True, steps=2, components=1), Stage.COMPLETED),
        (JobFacts("COMPLETED", noted="s3://a", stored=True, steps=2, components=1, held=False), Stage.OVER),
        (JobFacts("FAILED", held=False), Stage.OVER),
    ],
)
def test_moments(facts: JobFacts, wanted: Stage) -> None:
    assert stage(facts) is wanted


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        (JobFacts("STARTING", held=False), Stage.WAITING),
        (JobFacts(RUNS, held=False), Stage.BEGUN),
        (JobFacts(RUNS, noted="s3://a", stored=True, held=False), Stage.STORED),
        (JobFacts(RUNS, noted="s3://a", stored=True, steps=1, held=False), Stage.PACKAGED),
        (JobFacts("COMPLETED", held=False), Stage.OVER),
    ],
)
def test_what_a_killed_worker_has_reached_is_seen_while_the_job_waits(facts: JobFacts, wanted: Stage) -> None:
    assert reached(facts) is wanted
