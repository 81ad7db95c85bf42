"""How long a store that fails is tried again: with backoff and jitter, within a set time."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.errors import StoreUnavailable

if TYPE_CHECKING:
    from threading import Event

    from edgewright.stores.uri import S3Uri

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds. Each pause is a random part of one that doubles from the first to the longest ("full jitter")."""


@dataclass(frozen=True, slots=True)
class TransientFailure:
    """A failure after which another try may succeed.

    Attributes:
        reason: what failed, in one line.
        pause: seconds that the store asked to be left alone for.
    """

    reason: str
    pause: float = 0.0


class Retries:
    """The retries of one piece of work. Progress in between restarts the time.

    Args:
        what: what is tried, as "reading" or "sending part 3".
        uri: of which object; None where it is about none.
        seconds: how long it may fail.
        given_up: set once the work is not wanted any more; ends a pause at once.
    """

    def __init__(self, what: str, uri: S3Uri | None, seconds: float, given_up: Event | None = None) -> None:
        self._what = what
        self._uri = uri
        self._seconds = seconds
        self._given_up = given_up
        self._begun = time.monotonic()
        self._failures = 0

    @property
    def failed_before(self) -> bool:
        """Whether there was a failure since the begin, or since the last progress."""
        return self._failures > 0

    def progressed(self) -> None:
        """Some of the work is done: what follows has the whole time again."""
        self._begun = time.monotonic()
        self._failures = 0

    def failed(self, failure: TransientFailure, cause: Exception) -> None:
        """Take note of a failure, and wait before the next try.

        Raises:
            StoreUnavailable: there is no time for another, or the work was given up.
        """
        if not self.wait(failure.pause):
            raise self._unavailable(failure) from cause

    def wait(self, least: float = 0.0) -> bool:
        """Wait before the next try; False, at once, where there is no time for another, or the work was given up.

        Args:
            least: seconds that the pause is to last at least.
        """
        self._failures += 1
        ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 16))
        pause = max(random.uniform(0, ceiling), least)  # noqa: S311 - spreads load, hides nothing
        if self._is_given_up() or time.monotonic() - self._begun + pause > self._seconds:
            return False
        if self._given_up is None:
            time.sleep(pause)
            return True
        return not self._given_up.wait(pause)

    def check(self) -> None:
        """Raise StoreUnavailable where the work was given up."""
        if self._is_given_up():
            raise StoreUnavailable(f"{self._what} was given up. {self._where()}")

    def _is_given_up(self) -> bool:
        return self._given_up is not None and self._given_up.is_set()

    def _unavailable(self, failure: TransientFailure) -> StoreUnavailable:
        spent = time.monotonic() - self._begun
        return StoreUnavailable(
            f"The object store failed while {self._what}: {failure.reason}. Tried {self._failures} times in "
            f"{spent:.1f} s, and s3.retry_seconds allows {self._seconds:g} s. {self._where()}".rstrip()
        )

    def _where(self) -> str:
        return f"Bucket: {self._uri.bucket}, Key: {self._uri.key}" if self._uri else ""
