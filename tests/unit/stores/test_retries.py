"""How long a store that fails is tried again."""

from __future__ import annotations

import time
from threading import Event, Timer

import pytest

from edgewright.errors import StoreUnavailable
from edgewright.stores import S3Uri
from edgewright.stores.retries import FIRST_PAUSE, LONGEST_PAUSE, Retries, TransientFailure

URI = S3Uri("bucket", "k")
CAUSE = ConnectionError("reset")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest that each pause may be; the pauses themselves are left out."""
    ceilings: list[float] = []

    def least(_low: float, high: float) -> float:
        ceilings.append(high)
        return 0.0

    monkeypatch.setattr("edgewright.stores.retries.random.uniform", least)
    return ceilings


def test_pauses_double_up_to_the_longest(pauses: list[float]) -> None:
    retries = Retries("reading", URI, 60)
    for _ in range(10):
        retries.failed(TransientFailure("reset"), CAUSE)
    assert pauses[:4] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8]
    assert pauses[-1] == LONGEST_PAUSE


def test_progress_begins_anew(pauses: list[float]) -> None:
    retries = Retries("reading", URI, 60)
    retries.failed(TransientFailure("reset"), CAUSE)
    retries.failed(TransientFailure("reset"), CAUSE)
    before = retries.failed_before
    retries.progressed()
    assert (before, retries.failed_before) == (True, False)
    retries.failed(TransientFailure("reset"), CAUSE)
    assert pauses == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE]


def test_the_end_names_what_was_tried_where_and_for_how_long() -> None:
    retries = Retries("reading bytes 0 to 9", URI, 0)
    with pytest.raises(StoreUnavailable) as raised:
        retries.failed(TransientFailure("SlowDown (503): Please reduce your request rate"), CAUSE)
    assert raised.value.message == (
        "The object store failed while reading bytes 0 to 9: SlowDown (503): Please reduce your request rate. Tried 1 "
        "times in 0.0 s, and s3.retry_seconds allows 0 s. Bucket: bucket, Key: k"
    )
    assert raised.value.__cause__ is CAUSE


def test_a_pause_that_the_store_asks_for_counts() -> None:
    with pytest.raises(StoreUnavailable, match="Tried 1 times"):
        Retries("reading", URI, 30).failed(TransientFailure("busy", pause=31), CAUSE)


def test_giving_up_ends_a_pause() -> None:
    given_up = Event()
    Timer(0.1, given_up.set).start()
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        Retries("reading", URI, 120, given_up).failed(TransientFailure("busy", pause=60), CAUSE)
    assert time.monotonic() - begun < 30
    with pytest.raises(StoreUnavailable, match=r"reading was given up\. Bucket: bucket, Key: k"):
        Retries("reading", URI, 120, given_up).check()


def test_what_is_about_no_object_names_none() -> None:
    with pytest.raises(StoreUnavailable, match=r"allows 0 s\.$"):
        Retries("asking STS", None, 0).failed(TransientFailure("reset"), CAUSE)
