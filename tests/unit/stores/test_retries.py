"""How long a store that fails is tried again."""

from __future__ import annotations

import time
from threading import Event, Timer

import pytest

from edgewright.errors import StoreUnavailable
from edgewright.stores import S3Uri
from edgewright.stores.retries import FIRST_PAUSE, LONGEST_PAUSE, Tries, Trouble

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
    tries = Tries("reading", URI, 60)
    for _ in range(10):
        tries.failed(Trouble("reset"), CAUSE)
    assert pauses[:4] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8]
    assert pauses[-1] == LONGEST_PAUSE


def test_progress_begins_anew(pauses: list[float]) -> None:
    tries = Tries("reading", URI, 60)
    tries.failed(Trouble("reset"), CAUSE)
    tries.failed(Trouble("reset"), CAUSE)
    before = tries.failed_before
    tries.progressed()
    assert (before, tries.failed_before) == (True, False)
    tries.failed(Trouble("reset"), CAUSE)
    assert pauses == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE]


def test_the_end_names_what_was_tried_where_and_for_how_long() -> None:
    tries = Tries("reading bytes 0 to 9", URI, 0)
    with pytest.raises(StoreUnavailable) as raised:
        tries.failed(Trouble("SlowDown (503): Please reduce your request rate"), CAUSE)
    assert raised.value.message == (
        "The object store failed while reading bytes 0 to 9: SlowDown (503): Please reduce your request rate. Tried 1 "
        "times in 0.0 s, and s3.retry_seconds allows 0 s. Bucket: bucket, Key: k"
    )
    assert raised.value.__cause__ is CAUSE


def test_a_pause_that_the_store_asks_for_counts() -> None:
    with pytest.raises(StoreUnavailable, match="Tried 1 times"):
        Tries("reading", URI, 30).failed(Trouble("busy", pause=31), CAUSE)


def test_giving_up_ends_a_pause() -> None:
    given_up = Event()
    Timer(0.1, given_up.set).start()
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        Tries("reading", URI, 120, given_up).failed(Trouble("busy", pause=60), CAUSE)
    assert time.monotonic() - begun < 30
    with pytest.raises(StoreUnavailable, match=r"reading was given up\. Bucket: bucket, Key: k"):
        Tries("reading", URI, 120, given_up).check()


def test_what_is_about_no_object_names_none() -> None:
    with pytest.raises(StoreUnavailable, match=r"allows 0 s\.$"):
        Tries("asking STS", None, 0).failed(Trouble("reset"), CAUSE)
