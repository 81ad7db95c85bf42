"""How many requests a principal may send: a token bucket for each access key.

Only requests whose signature holds are counted, so there are never more buckets than principals.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgewright.errors import Throttled


@dataclass(slots=True)
class Bucket:
    """Requests that may still be sent at a moment, in seconds of a monotonic clock."""

    tokens: float
    moment: float


class Throttle:
    """Lets `rate` requests a second pass for each key, and `burst` at once. For one thread."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}

    def take(self, key: str, now: float) -> None:
        """Count one request.

        Args:
            key: whose request, such as the access key.
            now: seconds of a monotonic clock.

        Raises:
            Throttled: the bucket is empty; the request does not count then.
        """
        bucket = self._buckets.setdefault(key, Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.moment) * self._rate)
        bucket.moment = now
        if bucket.tokens < 1:
            raise Throttled("Rate exceeded")
        bucket.tokens -= 1
