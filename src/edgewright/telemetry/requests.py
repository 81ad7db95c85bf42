"""What one process counts of its requests. Plain dictionaries, because every request pays for it."""

from __future__ import annotations

from bisect import bisect_left

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of latencies, in seconds; beyond the last there is one more."""
MOST_CODES = 500
"""Pairs of operation and code that are counted apart: there are not so many, and a mistake must not fill the memory."""
UNKNOWN = "unknown"
"""The operation of a request that was refused before it was known what it wants."""


class RequestCounters:
    """Requests by operation and code, and how long each operation's took. For one thread: the event loop's."""

    __slots__ = ("counts", "latencies", "seconds")

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.latencies: dict[str, list[int]] = {}
        """By operation: how many fell into each bucket, and beyond the last."""
        self.seconds: dict[str, float] = {}

    def count(self, operation: str, code: str, seconds: float) -> None:
        """Count one request.

        Args:
            operation: its name, or `UNKNOWN`; never what a caller made up.
            code: `OK`, or the code of the AWS error.
            seconds: from its first byte to its answer.
        """
        key = (operation, code)
        if key not in self.counts and len(self.counts) >= MOST_CODES:
            key = (UNKNOWN, "other")
        self.counts[key] = self.counts.get(key, 0) + 1
        latencies = self.latencies.setdefault(operation, [0] * (len(BUCKETS) + 1))
        latencies[bisect_left(BUCKETS, seconds)] += 1
        self.seconds[operation] = self.seconds.get(operation, 0.0) + seconds
