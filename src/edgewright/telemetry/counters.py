"""Counters of jobs: counts, durations and bytes, folded from their events as these are numbered.

Counting rows would read a million of them at every look; a counter is a row each. They are folded in the transaction
that numbers the events, by one process at a time, so each event counts exactly once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from edgewright.database.dialects import insert_into
from edgewright.jobs.states import ENDED, Status
from edgewright.telemetry.tables import counters as table

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
"""Upper bounds of durations, in seconds; beyond the last there is one more, `+Inf`."""
LABELS = (*(str(bound) for bound in BUCKETS), "+Inf")

CHANGES = "changes"
"""Changes to a status, of a kind."""
HELD = "held"
"""Jobs that have ended in a status and were not deleted."""
BYTES = "bytes"
"""Bytes of the sources of jobs that COMPLETED."""
WAIT, LIFE = "wait", "life"
"""From a job's creation to its begin, and to its end: how many fell into a bucket. With `_ms`, the sum."""

Key = tuple[str, str, str, str]
"""Name, kind, status, bucket."""
Counters = Mapping[Key, int]


@dataclass(frozen=True, slots=True)
class Change:
    """What a counter sees of an event. Times in milliseconds."""

    kind: str
    status: str
    attempt: int
    created_at: int
    at: int
    bytes_done: int


def fold(changes: Iterable[Change]) -> Counter[Key]:
    """By how much each counter grows. Pure."""
    grown: Counter[Key] = Counter()
    for change in changes:
        kind, status = change.kind, change.status
        grown[CHANGES, kind, status, ""] += 1
        if status in ENDED:
            grown[HELD, kind, status, ""] += 1
        if status == Status.COMPLETED:
            grown[BYTES, kind, "", ""] += change.bytes_done
        if status == Status.INPROGRESS and change.attempt == 1:
            _observe(grown, (WAIT, kind, ""), change)
        if status in ENDED and change.attempt > 0:  # one that no worker began took no time
            _observe(grown, (LIFE, kind, status), change)
    return grown


def add(connection: Connection, grown: Mapping[Key, int]) -> None:
    """Add to the counters, in the caller's transaction."""
    if not grown:
        return
    upsert = insert_into(table, connection)
    upsert = upsert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={"value": table.c.value + upsert.excluded.value}
    )
    names = ("name", "kind", "status", "bucket")
    connection.execute(upsert, [dict(zip(names, key, strict=True)) | {"value": n} for key, n in sorted(grown.items())])


def read(connection: Connection) -> Counters:
    """Every counter: some hundred rows, however many jobs there are."""
    columns = (table.c.name, table.c.kind, table.c.status, table.c.bucket, table.c.value)
    return {(row[0], row[1], row[2], row[3]): row[4] for row in connection.execute(select(*columns))}


def _observe(grown: Counter[Key], named: tuple[str, str, str], change: Change) -> None:
    name, kind, status = named
    milliseconds = max(0, change.at - change.created_at)  # hosts' clocks differ
    grown[name, kind, status, LABELS[bisect_left(BUCKETS, milliseconds / 1000)]] += 1
    grown[f"{name}_ms", kind, status, ""] += milliseconds
