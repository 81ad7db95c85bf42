"""The dispatcher of events, a thread in every worker: it numbers them, delivers them and deletes the old.

All dispatchers number; one at a time delivers, which the database decides by a lease. A job's events are delivered in
their order, each once the one before it was taken or given up; those of different jobs side by side.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from edgewright.errors import DatabaseUnavailable
from edgewright.events.deliveries import Deliveries, Delivery, Failure
from edgewright.events.webhook import AT_ONCE, Refused, Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from edgewright.events.outbox import JobEvents
    from edgewright.settings import Settings

LOOK_SECONDS = 1.0
"""Between two looks for new events; half as long costs an idle worker a twelfth of its time."""
CLEANUP_SECONDS = 60.0
LEASE_SECONDS = 5.0
"""Half of how long a dispatcher that says nothing keeps the lease, beyond what rounds may take."""
BATCH = AT_ONCE * 2
"""Events that are offered before the outcomes are written down; so many may come twice after a crash."""
DELETED_AT_ONCE = 1000
BACKOFF = (1.0, 600.0)
"""Seconds before a second try, doubled with each further one, and at most."""
AWAY = (1.0, 60.0)
"""The same for a receiver that cannot be reached at all: then everything waits."""
MOST_RETRY_SECONDS = 3600.0

log = structlog.get_logger(__name__)


class Dispatcher:
    """Dispatches the events of one database."""

    def __init__(self, settings: Settings, events: JobEvents, deliveries: Deliveries) -> None:
        self._settings = settings
        self._events, self._deliveries = events, deliveries
        self._webhook = Webhook(settings.webhook) if settings.webhook.url else None
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._cleanup_at = 0.0
        self._away, self._away_until = 0, 0.0
        self._holds_lease, self._lease_due = False, 0.0
        self._failing = False

    def run(self, ending: threading.Event) -> None:
        """Dispatch events until the end; what goes wrong is logged, and tried again."""
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="edgewright-webhook") as pool:
            pause = 0.0
            while not ending.wait(pause):
                try:
                    pause = self._round(pool)
                    self._failing = False
                except DatabaseUnavailable as error:
                    if not self._failing:  # once for each time that it begins to fail
                        log.warning("events are not dispatched; trying again", reason=error.message)
                    self._failing, pause = True, CLEANUP_SECONDS / 12
                except Exception:  # the dispatcher's boundary: it must not end
                    log.exception("events are not dispatched: an internal error; trying again")
                    pause = CLEANUP_SECONDS / 12
        self._leave()

    def _round(self, pool: ThreadPoolExecutor) -> float:
        """Do what there is to do; seconds until the next look."""
        self._events.number()
        if time.monotonic() >= self._cleanup_at:
            self._cleanup_at = time.monotonic() + CLEANUP_SECONDS
            self._clean_up()
        if self._webhook is None or not self._may_deliver():
            return LOOK_SECONDS
        self._deliveries.queue()
        due = self._deliveries.due(BATCH) if time.monotonic() >= self._away_until else ()
        if not due:
            return LOOK_SECONDS
        self._deliver(pool, self._webhook, due)
        return 0.0

    def _deliver(self, pool: ThreadPoolExecutor, webhook: Webhook, due: Sequence[Delivery]) -> None:
        events = self._events.of(delivery.seq for delivery in due)
        offers = [
            (delivery, pool.submit(webhook.offer, events[delivery.seq])) for delivery in due if delivery.seq in events
        ]
        taken, failed, away = [delivery.seq for delivery in due if delivery.seq not in events], [], 0
        for delivery, offer in offers:
            try:
                offer.result()
            except Refused as refused:
                failed.append(self._failure(delivery, refused))
                away += refused.away
            except Exception as error:  # an internal error holds up one job's events, and no other's
                log.exception("event not offered: an internal error", job=delivery.key.arn, number=delivery.seq)
                failed.append(self._failure(delivery, Refused(type(error).__name__)))
            else:
                taken.append(delivery.seq)
        self._deliveries.record_outcomes(taken, failed)
        self._note_receiver(reached=not offers or away < len(offers))

    def _failure(self, delivery: Delivery, refused: Refused) -> Failure:
        first, longest = BACKOFF
        seconds = min(first * 2 ** min(delivery.tries, 20), longest) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        seconds = max(seconds, min(refused.retry_seconds or 0.0, MOST_RETRY_SECONDS))
        context = {
            "job": delivery.key.arn,
            "number": delivery.seq,
            "reason": refused.reason,
            "tries": delivery.tries + 1,
        }
        if delivery.waited_seconds + seconds > self._settings.webhook.give_up_seconds:
            log.error("event given up: it is a dead letter now", **context)
            return Failure(delivery.seq, refused.reason, None)
        log.warning("event not taken; offering it again", **context, seconds=round(seconds, 1))
        return Failure(delivery.seq, refused.reason, seconds)

    def _note_receiver(self, *, reached: bool) -> None:
        """Where the receiver is away, everything waits, longer each time."""
        if reached:
            self._away = 0
            return
        first, longest = AWAY
        self._away_until = time.monotonic() + min(first * 2 ** min(self._away, 20), longest)
        self._away += 1

    def _may_deliver(self) -> bool:
        """Whether this dispatcher has the lease: asked for again when half of it has passed, or now and then."""
        if time.monotonic() >= self._lease_due:
            begun = time.monotonic()
            seconds = LEASE_SECONDS + self._settings.webhook.timeout_seconds * BATCH / AT_ONCE
            # A round may begin when half the lease has passed, and must end within it.
            self._holds_lease = self._deliveries.lease(self._holder, 2 * seconds)
            self._lease_due = begun + (seconds if self._holds_lease else LEASE_SECONDS / 5)
        return self._holds_lease

    def _clean_up(self) -> None:
        """Delete old events, but for those that are still to be delivered."""
        upto = self._deliveries.kept() if self._webhook is not None else None
        before = self._events.now() - timedelta(days=self._settings.events_days)
        while self._events.delete(before, DELETED_AT_ONCE, upto=upto) == DELETED_AT_ONCE:
            pass
        self._deliveries.remove_expired()

    def _leave(self) -> None:
        if self._webhook is None:
            return
        try:
            self._deliveries.release(self._holder)
        except DatabaseUnavailable as error:
            log.warning("the lease of the webhook was not given back; it lapses", reason=error.message)
        self._webhook.close()


@contextmanager
def dispatching(settings: Settings, events: JobEvents, deliveries: Deliveries) -> Iterator[None]:
    """Dispatch events while the block runs."""
    ending = threading.Event()
    thread = threading.Thread(
        target=Dispatcher(settings, events, deliveries).run, args=(ending,), name="edgewright-events", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(settings.webhook.timeout_seconds + LOOK_SECONDS)
