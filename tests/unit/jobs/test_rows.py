from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from edgewright.database.clock import milliseconds, seconds
from edgewright.jobs.kinds import JOBS, KINDS
from edgewright.jobs.rows import COLUMNS
from edgewright.jobs.views import LISTED

times = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(times)
def test_times_are_rounded_down(time: datetime) -> None:
    assert milliseconds(time) == seconds(time) * 1000 + time.microsecond // 1000
    assert seconds(time) == int(time.replace(microsecond=0).timestamp())


def test_a_time_of_another_zone_is_the_same_time() -> None:
    east = datetime(2026, 3, 4, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert seconds(east) == seconds(datetime(2026, 3, 4, 12, 0, tzinfo=UTC))


def test_every_member_has_its_column() -> None:
    for kind in KINDS:
        assert set(COLUMNS[kind]) <= set(JOBS[kind].columns.keys())
        assert set(COLUMNS[kind]) - set(LISTED[kind].names) <= {"model_signature"}
