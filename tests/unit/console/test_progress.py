from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edgewright.console.progress import began, progress, timeline
from edgewright.events.outbox import JobEvent
from edgewright.jobs import JobKey, Kind, PackagingJob, Status

BORN = datetime(2026, 3, 4, 12, tzinfo=UTC)
KEY = JobKey(Kind.PACKAGING, "123456789012", "eu-west-1", "job")
JOB = PackagingJob(
    key=KEY,
    compilation_job_name="c",
    model_name="m",
    model_version="1",
    role_arn="arn:aws:iam::123456789012:role/edge",
    output_config={},
    created_at=BORN,
    modified_at=BORN,
    source_uri="s3://a/b",
)


def after(seconds: float) -> datetime:
    return BORN + timedelta(seconds=seconds)


def event(status: Status, seconds: float, attempt: int = 0) -> JobEvent:
    return JobEvent(1, KEY, BORN, status, attempt, after(seconds), "id", {})


RUNNING = replace(JOB, status=Status.INPROGRESS, attempt=1, modified_at=after(2), bytes_done=30, bytes_total=90)
STARTED = event(Status.STARTING, 0)


class TestProgress:
    def test_rate_and_time_left_follow_from_the_bytes(self) -> None:
        found = progress(RUNNING, after(2), after(5))
        assert (found.percent, found.rate, found.left) == (33, 10.0, 6.0)

    @pytest.mark.parametrize(
        "job",
        [
            replace(RUNNING, bytes_done=0),
            replace(RUNNING, status=Status.STARTING),
            replace(RUNNING, status=Status.STOPPING),
        ],
    )
    def test_where_there_is_no_rate_none_is_guessed(self, job: PackagingJob) -> None:
        found = progress(job, after(2), after(5))
        assert (found.rate, found.left) == (None, None)

    def test_the_first_second_tells_no_rate(self) -> None:
        assert progress(RUNNING, after(2), after(2.9)).rate is None

    def test_an_unknown_total_leaves_a_rate_alone(self) -> None:
        found = progress(replace(RUNNING, bytes_total=None), after(2), after(5))
        assert (found.percent, found.rate, found.left) == (None, 10.0, None)


class TestTimeline:
    def test_states_have_times_and_lengths(self) -> None:
        done = replace(RUNNING, status=Status.COMPLETED, modified_at=after(9))
        events = [STARTED, event(Status.INPROGRESS, 2, 1), event(Status.COMPLETED, 9.5, 1)]
        stages = timeline(done, events, after(100))
        assert [(stage.status, stage.at, stage.lasted) for stage in stages] == [
            (Status.STARTING, BORN, timedelta(seconds=2)),
            (Status.INPROGRESS, after(2), timedelta(seconds=7.5)),
            (Status.COMPLETED, after(9.5), None),
        ]

    def test_what_is_to_come_has_no_time(self) -> None:
        stages = timeline(JOB, [STARTED], after(3))
        assert [(stage.status, stage.at) for stage in stages] == [
            (Status.STARTING, BORN),
            (Status.INPROGRESS, None),
            (Status.COMPLETED, None),
        ]
        assert stages[0].lasted == timedelta(seconds=3)

    def test_a_second_attempt_is_told(self) -> None:
        events = [STARTED, event(Status.INPROGRESS, 2, 1), event(Status.INPROGRESS, 20, 2)]
        stages = timeline(replace(RUNNING, attempt=2), events, after(30))
        assert stages[2].note == "a worker began anew, attempt 2"
        assert began(stages, RUNNING) == after(20)

    def test_where_events_were_forgotten_the_row_tells(self) -> None:
        stopped = replace(RUNNING, status=Status.STOPPED, modified_at=after(9))
        stages = timeline(stopped, [], after(100))
        assert [(stage.status, stage.at) for stage in stages] == [
            (Status.STARTING, BORN),
            (Status.STOPPED, after(9)),
        ]
        assert began(stages, stopped) == after(9)

    def test_a_stop_is_expected_to_end(self) -> None:
        stopping = replace(RUNNING, status=Status.STOPPING, modified_at=after(9))
        assert [stage.status for stage in timeline(stopping, [STARTED], after(10))] == [
            Status.STARTING,
            Status.STOPPING,
            Status.STOPPED,
        ]
