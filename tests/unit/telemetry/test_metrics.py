"""The page that Prometheus scrapes, read back by Prometheus's own parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from edgewright.jobs import Kind, Status
from edgewright.jobs.workers import LiveWorker
from edgewright.telemetry import counters
from edgewright.telemetry.metrics import METRICS, page
from edgewright.telemetry.requests import RequestCounters
from edgewright.telemetry.snapshot import Outbox, Queue, Snapshot

if TYPE_CHECKING:
    from prometheus_client import Metric

PACKAGING, COMPILATION = str(Kind.PACKAGING), str(Kind.COMPILATION)


def snapshot() -> Snapshot:
    """Three jobs packaged, one that waits, two workers of which one is silent."""
    kept = {
        (counters.HELD, PACKAGING, "COMPLETED", ""): 3,
        (counters.CHANGES, PACKAGING, "STARTING", ""): 4,
        (counters.BYTES, PACKAGING, "", ""): 12_345,
        (counters.WAIT, PACKAGING, "", "0.1"): 2,
        (counters.WAIT, PACKAGING, "", "5.0"): 1,
        (counters.WAIT, PACKAGING, "", "+Inf"): 1,
        ("wait_ms", PACKAGING, "", ""): 4_000_100,
    }
    waits = Queue({Status.STARTING: 1, Status.INPROGRESS: 2, Status.STOPPING: 0}, 7.5)
    idle = Queue(dict.fromkeys((Status.STARTING, Status.INPROGRESS, Status.STOPPING), 0), 0.0)
    workers = [
        LiveWorker("w-1", 'a"host\n', 100.0, 1.5, 2, ("arn:1", "arn:2")),
        LiveWorker("w-2", "b", 100.0, 99.0, 2, ()),
    ]
    return Snapshot({Kind.PACKAGING: waits, Kind.COMPILATION: idle}, kept, workers, Outbox(5, 1, 60.0))


def told(accept: str = "", found: Snapshot | None = None) -> tuple[dict[str, Metric], str]:
    requests = RequestCounters()
    requests.count("ListTags", "OK", 0.004)
    requests.count("ListTags", "ValidationException", 99.0)
    body, content_type = page(lambda: found or snapshot(), requests, accept, 15.0)
    read = openmetrics if "openmetrics" in content_type else plain
    return {metric.name: metric for metric in read(body.decode())}, content_type


def samples(metrics: dict[str, Metric], name: str) -> dict[tuple[str, ...], float]:
    found = next(metric for metric in metrics.values() if any(sample.name == name for sample in metric.samples))
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in found.samples
        if sample.name == name
    }


def test_jobs_queues_workers_and_deliveries_are_told() -> None:
    metrics, _ = told()
    assert samples(metrics, "edgewright_jobs")[PACKAGING, "COMPLETED"] == 3
    assert samples(metrics, "edgewright_jobs")[PACKAGING, "STARTING"] == 1
    assert len(samples(metrics, "edgewright_jobs")) == 2 * len(Status)
    assert samples(metrics, "edgewright_job_changes_total") == {(PACKAGING, "STARTING"): 4}
    assert samples(metrics, "edgewright_job_bytes_total")[PACKAGING,] == 12_345
    assert samples(metrics, "edgewright_queue_jobs") == {(PACKAGING,): 1, (COMPILATION,): 0}
    assert samples(metrics, "edgewright_queue_oldest_seconds")[PACKAGING,] == 7.5
    assert samples(metrics, "edgewright_workers") == {(): 1}
    assert samples(metrics, "edgewright_worker_heartbeat_age_seconds") == {('a"host\n', "w-1"): 1.5, ("b", "w-2"): 99.0}
    assert samples(metrics, "edgewright_worker_running_jobs")['a"host\n', "w-1"] == 2
    assert samples(metrics, "edgewright_webhook_waiting_events") == {(): 5}
    assert samples(metrics, "edgewright_webhook_dead_events") == {(): 1}
    assert samples(metrics, "edgewright_webhook_oldest_seconds") == {(): 60.0}


def test_buckets_hold_what_is_below_them() -> None:
    metrics, _ = told()
    buckets = samples(metrics, "edgewright_job_wait_seconds_bucket")
    assert [buckets[PACKAGING, label] for label in ("0.1", "2.5", "5.0", "3600.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert samples(metrics, "edgewright_job_wait_seconds_count")[PACKAGING,] == 4
    assert samples(metrics, "edgewright_job_wait_seconds_sum")[PACKAGING,] == 4000.1


def test_requests_of_this_process_are_told() -> None:
    metrics, _ = told()
    assert samples(metrics, "edgewright_requests_total") == {
        ("OK", "ListTags"): 1,
        ("ValidationException", "ListTags"): 1,
    }
    buckets = samples(metrics, "edgewright_request_duration_seconds_bucket")
    assert (buckets["0.0025", "ListTags"], buckets["0.005", "ListTags"], buckets["+Inf", "ListTags"]) == (0, 1, 2)
    assert samples(metrics, "edgewright_request_duration_seconds_sum")["ListTags",] == 99.004


def test_openmetrics_is_answered_where_it_is_asked_for() -> None:
    metrics, content_type = told("application/openmetrics-text;version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert samples(metrics, "edgewright_workers") == {(): 1}


def test_every_family_is_in_the_list_and_the_other_way_round() -> None:
    metrics, _ = told()
    mine = {name: metric for name, metric in metrics.items() if name.startswith("edgewright")}
    names = {
        name + {"counter": "_total", "info": "_info"}.get(metric.type, "") if metric.type != "gauge" else name
        for name, metric in mine.items()
    }
    assert {name.replace("_info_info", "_info") for name in names} == set(METRICS)
    for name, family in METRICS.items():
        plain_name = name.removesuffix("_total")
        metric = mine[plain_name if plain_name in mine else name]
        labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
        assert labels <= set(family.labels), name
        assert metric.documentation == family.help


def test_without_the_database_the_page_says_so_and_goes_on() -> None:
    body, _ = page(lambda: None, RequestCounters(), "", 15.0)
    metrics = {metric.name: metric for metric in plain(body.decode())}
    assert samples(metrics, "edgewright_up") == {(): 0}
    assert "edgewright_jobs" not in metrics
    assert "process_cpu_seconds" in metrics
