"""What a process counts of its requests."""

from __future__ import annotations

from edgewright.telemetry.requests import BUCKETS, MOST_CODES, UNKNOWN, RequestCounters


def test_requests_are_counted_by_operation_and_code() -> None:
    tally = RequestCounters()
    for code in ("OK", "OK", "ValidationException"):
        tally.count("CreateEdgePackagingJob", code, 0.002)
    tally.count("ListTags", "OK", 0.002)
    assert tally.counts == {
        ("CreateEdgePackagingJob", "OK"): 2,
        ("CreateEdgePackagingJob", "ValidationException"): 1,
        ("ListTags", "OK"): 1,
    }


def test_a_latency_falls_into_the_bucket_that_holds_it() -> None:
    tally = RequestCounters()
    for seconds in (0.0, BUCKETS[0], BUCKETS[0] * 1.01, BUCKETS[-1] + 1):
        tally.count("ListTags", "OK", seconds)
    counts = tally.latencies["ListTags"]
    assert (counts[0], counts[1], counts[-1], sum(counts)) == (2, 1, 1, 4)
    assert tally.seconds["ListTags"] == sum((0.0, BUCKETS[0], BUCKETS[0] * 1.01, BUCKETS[-1] + 1))


def test_what_is_told_apart_is_bounded() -> None:
    tally = RequestCounters()
    for number in range(MOST_CODES * 2):
        tally.count(UNKNOWN, f"code-{number}", 0.1)
    assert len(tally.counts) == MOST_CODES + 1
    assert sum(tally.counts.values()) == MOST_CODES * 2
    assert tally.counts[UNKNOWN, "other"] == MOST_CODES
