"""The token bucket, by a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.auth.throttling import Throttle
from edgewright.errors import Throttled


def passed(throttle: Throttle, moments: list[float], key: str = "a") -> int:
    """How many requests at these moments pass."""
    count = 0
    for moment in moments:
        try:
            throttle.take(key, moment)
            count += 1
        except Throttled:
            pass
    return count


def test_a_burst_passes_and_then_the_rate() -> None:
    throttle = Throttle(rate=10, burst=5)
    assert passed(throttle, [0.0] * 20) == 5
    assert passed(throttle, [0.05]) == 0
    assert passed(throttle, [0.1, 0.1]) == 1
    assert passed(throttle, [100.0] * 20) == 5


def test_keys_do_not_share_a_bucket() -> None:
    throttle = Throttle(rate=1, burst=1)
    assert passed(throttle, [0.0], "a") == 1
    assert passed(throttle, [0.0], "b") == 1
    with pytest.raises(Throttled, match="Rate exceeded"):
        throttle.take("a", 0.0)


@given(st.lists(st.floats(0, 100), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_never_more_than_the_burst_and_the_rate_allow(moments: list[float], rate: int, burst: int) -> None:
    ordered = sorted(moments)
    count = passed(Throttle(rate, burst), ordered)
    span = ordered[-1] - ordered[0] if ordered else 0.0
    assert count <= burst + rate * span + 1e-6
    assert count >= min(len(ordered), burst)
