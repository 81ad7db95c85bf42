"""One event offered to the webhook: signed as Standard Webhooks says, so that its public libraries can check it.

Signed is `<id>.<timestamp>.<body>` with HMAC-SHA256; the headers `webhook-id`, `webhook-timestamp` and
`webhook-signature` hold the three. https://www.standardwebhooks.com
"""

from __future__ import annotations

import base64
import hmac
import time
from typing import TYPE_CHECKING

import orjson
import urllib3

from edgewright import __version__
from edgewright.events.deadlines import Deadline, HeldPool, SecurelyHeldPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.events.outbox import JobEvent
    from edgewright.sections import WebhookSettings

AT_ONCE = 8
"""Connections to the receiver."""
TAKEN = range(200, 300)
MOST_READ = 4096
"""Bytes of an answer that are read, so that its connection can be used again."""


class Refused(Exception):
    """The receiver did not take the event.

    Attributes:
        reason: what it answered, or why it could not be reached.
        away: it could not be reached at all.
        retry_seconds: when it asked to be offered the event again, if it did.
    """

    def __init__(self, reason: str, *, away: bool = False, retry_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.away = away
        self.retry_seconds = retry_seconds


def key_of(secret: str) -> bytes:
    """The bytes of a secret as `webhook.secret` has it."""
    return base64.b64decode(secret.removeprefix("whsec_"))


def signature(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` holds."""
    digest = hmac.digest(key, b".".join((event_id.encode(), str(timestamp).encode(), body)), "sha256")
    return f"v1,{base64.b64encode(digest).decode('ascii')}"


class Webhook:
    """The receiver. Safe to use from many threads."""

    def __init__(self, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        assert settings.url is not None
        assert settings.secret is not None
        self._url = settings.url
        self._key = key_of(settings.secret.get_secret_value())
        self._clock = clock
        self._seconds = settings.timeout_seconds
        timeout = urllib3.Timeout(total=self._seconds)
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, retries=False, timeout=timeout)
        self._pool.pool_classes_by_scheme = {"http": HeldPool, "https": SecurelyHeldPool}

    def offer(self, event: JobEvent) -> None:
        """Offer an event.

        Raises:
            Refused: it was not taken.
        """
        body, timestamp = orjson.dumps(event.document()), int(self._clock())
        headers = {
            "content-type": "application/json",
            "user-agent": f"edgewright/{__version__}",
            "webhook-id": event.event_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, event.event_id, timestamp, body),
        }
        with Deadline(self._seconds) as deadline:
            late = Refused(f"not reached: no answer in {self._seconds:g} seconds", away=True)
            try:
                answer = self._pool.request(
                    "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
                )
            except urllib3.exceptions.HTTPError as error:
                if deadline.passed or isinstance(error, urllib3.exceptions.TimeoutError):
                    raise late from error
                raise Refused(f"not reached: {type(error).__name__}", away=True) from error
            if deadline.passed:  # half a header looks like a whole one
                answer.close()
                raise late
            _let_go(answer)
        if answer.status not in TAKEN:
            raise Refused(f"answered {answer.status}", retry_seconds=_retry_after(answer.headers.get("retry-after")))

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _let_go(answer: urllib3.BaseHTTPResponse) -> None:
    """Use the connection again where the answer is short, else close it: only the answer's status counts."""
    try:
        answer.read(MOST_READ, decode_content=False)
        is_whole = not answer.read(1, decode_content=False)
    except urllib3.exceptions.HTTPError:
        is_whole = False
    if is_whole:
        answer.release_conn()
    else:
        answer.close()


def _retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header that holds seconds; its other form, a date, is passed over."""
    return float(value) if value is not None and value.isascii() and value.isdigit() else None
