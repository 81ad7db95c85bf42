"""Metrics: every family by its name, and the page that Prometheus scrapes.

`METRICS` is the one list of them; the documentation and the dashboard are checked against it. What is true of the
whole service (jobs, workers, events) comes from the database, so each process exports the same; what is true of a
process (requests, memory) comes from that process alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edgewright import __version__
from edgewright.jobs.job import Kind
from edgewright.jobs.states import ENDED
from edgewright.telemetry import counters
from edgewright.telemetry.requests import BUCKETS, RequestCounters

if TYPE_CHECKING:
    from edgewright.telemetry.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    Attributes:
        name: as a query writes it, but for a histogram's `_bucket`, `_sum` and `_count`.
        kind: `counter`, `gauge`, `histogram` or `info`.
        labels: the labels of its series.
        help: what it says, and in which unit.
        scope: `service` where every process exports the same, `process` where each exports its own.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    scope: str = "service"


_FAMILIES = (
    Family("edgewright_info", "info", ("version",), "The version that runs.", "process"),
    Family("edgewright_up", "gauge", (), "1 where the database could be read for this scrape, else 0.", "process"),
    Family(
        "edgewright_jobs",
        "gauge",
        ("kind", "status"),
        "Jobs by their present status; unfinished ones are counted up to 100000.",
    ),
    Family("edgewright_job_changes_total", "counter", ("kind", "status"), "Changes of jobs to a status."),
    Family("edgewright_job_bytes_total", "counter", ("kind",), "Bytes of the sources of jobs that completed."),
    Family("edgewright_job_wait_seconds", "histogram", ("kind",), "From a job's creation to its begin by a worker."),
    Family(
        "edgewright_job_duration_seconds",
        "histogram",
        ("kind", "status"),
        "From a job's creation to its end, by the status that it ended in.",
    ),
    Family("edgewright_queue_jobs", "gauge", ("kind",), "Jobs that wait for a worker."),
    Family(
        "edgewright_queue_oldest_seconds", "gauge", ("kind",), "How long the oldest waiting job has waited; else 0."
    ),
    Family(
        "edgewright_workers", "gauge", (), "Workers whose heartbeat is recent: see `worker.liveness_timeout_seconds`."
    ),
    Family("edgewright_worker_heartbeat_age_seconds", "gauge", ("worker", "host"), "Since a worker's last heartbeat."),
    Family("edgewright_worker_running_jobs", "gauge", ("worker", "host"), "Jobs that a worker ran at its last beat."),
    Family("edgewright_webhook_waiting_events", "gauge", (), "Events that the webhook has not taken yet."),
    Family("edgewright_webhook_dead_events", "gauge", (), "Events that were given up: dead letters."),
    Family(
        "edgewright_webhook_oldest_seconds",
        "gauge",
        (),
        "How long the oldest event has waited for the webhook; else 0.",
    ),
    Family(
        "edgewright_requests_total",
        "counter",
        ("operation", "code"),
        "Requests of the API by operation and AWS error code; `OK` where one succeeded.",
        "process",
    ),
    Family(
        "edgewright_request_duration_seconds",
        "histogram",
        ("operation",),
        "From a request's arrival to its answer.",
        "process",
    ),
)
METRICS: Mapping[str, Family] = {family.name: family for family in _FAMILIES}

Rows = Iterable[tuple[tuple[str, ...], float]]


def page(
    snapshot: Callable[[], Snapshot | None], requests: RequestCounters, accept: str, liveness_seconds: float
) -> tuple[bytes, str]:
    """The page that is scraped, and its content type; in Prometheus's text form, or OpenMetrics where it is asked for.

    Args:
        snapshot: how the service stands; None where its database cannot be read, which the page then says.
        requests: what this process has counted.
        accept: the Accept header.
        liveness_seconds: how old the heartbeat of a live worker is at most.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Own(snapshot(), requests, liveness_seconds))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Own(Collector):
    """edgewright's own families."""

    def __init__(self, snapshot: Snapshot | None, requests: RequestCounters, liveness_seconds: float) -> None:
        self._snapshot = snapshot
        self._requests = requests
        self._liveness_seconds = liveness_seconds

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("edgewright", METRICS["edgewright_info"].help, value={"version": __version__})
        yield _values("edgewright_up", [((), 0.0 if self._snapshot is None else 1.0)])
        if self._snapshot is not None:
            yield from _jobs(self._snapshot)
            yield from _workers(self._snapshot, self._liveness_seconds)
            yield from _webhook(self._snapshot)
        yield from _requests(self._requests)


def _jobs(snapshot: Snapshot) -> Iterator[Metric]:
    kept = snapshot.counters
    ended = [((kind, status), kept.get((counters.HELD, kind, status, ""), 0)) for kind in Kind for status in ENDED]
    unfinished = [
        ((kind, status), count) for kind, queue in snapshot.queues.items() for status, count in queue.unfinished.items()
    ]
    yield _values("edgewright_jobs", sorted(ended + unfinished))
    changes = [((key[1], key[2]), value) for key, value in sorted(kept.items()) if key[0] == counters.CHANGES]
    yield _values("edgewright_job_changes_total", changes)
    yield _values(
        "edgewright_job_bytes_total", [((kind,), kept.get((counters.BYTES, kind, "", ""), 0)) for kind in Kind]
    )
    yield _counted("edgewright_job_wait_seconds", snapshot, counters.WAIT, [(kind, "") for kind in Kind])
    lives = [(kind, str(status)) for kind in Kind for status in sorted(ENDED)]
    yield _counted("edgewright_job_duration_seconds", snapshot, counters.LIFE, lives)
    queues = snapshot.queues.items()
    yield _values("edgewright_queue_jobs", [((kind,), queue.waiting) for kind, queue in queues])
    yield _values("edgewright_queue_oldest_seconds", [((kind,), queue.oldest_seconds) for kind, queue in queues])


def _workers(snapshot: Snapshot, liveness_seconds: float) -> Iterator[Metric]:
    workers = snapshot.workers
    yield _values("edgewright_workers", [((), sum(worker.beat_seconds <= liveness_seconds for worker in workers))])
    ages = [((worker.id, worker.host), max(0.0, worker.beat_seconds)) for worker in workers]
    yield _values("edgewright_worker_heartbeat_age_seconds", ages)
    running = [((worker.id, worker.host), len(worker.running)) for worker in workers]
    yield _values("edgewright_worker_running_jobs", running)


def _webhook(snapshot: Snapshot) -> Iterator[Metric]:
    if snapshot.outbox is not None:
        yield _values("edgewright_webhook_waiting_events", [((), snapshot.outbox.waiting)])
        yield _values("edgewright_webhook_dead_events", [((), snapshot.outbox.dead)])
        yield _values("edgewright_webhook_oldest_seconds", [((), snapshot.outbox.oldest_seconds)])


def _requests(requests: RequestCounters) -> Iterator[Metric]:
    # Copied first: the event loop goes on counting while this runs in a thread.
    yield _values("edgewright_requests_total", sorted(dict(requests.counts).items()))
    metric = _histogram("edgewright_request_duration_seconds")
    for operation, counts in sorted(dict(requests.latencies).items()):
        _add_buckets(metric, (operation,), (BUCKETS, list(counts)), requests.seconds.get(operation, 0.0))
    yield metric


def _counted(name: str, snapshot: Snapshot, counter: str, series: Sequence[tuple[str, str]]) -> HistogramMetricFamily:
    """A histogram of those that are kept in the database."""
    metric, kept = _histogram(name), snapshot.counters
    for kind, status in series:
        counts = [kept.get((counter, kind, status, label), 0) for label in counters.LABELS]
        labels = (kind, status) if status else (kind,)
        total = kept.get((f"{counter}_ms", kind, status, ""), 0) / 1000
        _add_buckets(metric, labels, (counters.BUCKETS, counts), total)
    return metric


def _values(name: str, rows: Rows) -> Metric:
    """A gauge or a counter."""
    family = METRICS[name]
    metric = (GaugeMetricFamily if family.kind == "gauge" else CounterMetricFamily)(
        name, family.help, labels=family.labels
    )
    for labels, value in rows:
        metric.add_metric(labels, value)
    return metric


def _histogram(name: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(name, METRICS[name].help, labels=METRICS[name].labels)


def _add_buckets(
    metric: HistogramMetricFamily, labels: tuple[str, ...], counted: tuple[tuple[float, ...], list[int]], total: float
) -> None:
    """Add a series; Prometheus's buckets hold what the ones below them hold as well."""
    bounds, counts = counted
    names = [*(str(bound) for bound in bounds), "+Inf"]
    metric.add_metric(labels, list(zip(names, accumulate(counts), strict=True)), sum_value=total)
