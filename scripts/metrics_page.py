"""docs/reference/metrics.md from the program's own list of metrics."""

from __future__ import annotations

from edgewright.telemetry import counters, requests
from edgewright.telemetry.metrics import METRICS


def page() -> str:
    """The page's text."""
    lines = [
        "# Metrics",
        "",
        "The answer of `GET /metrics`, in Prometheus's text form or as OpenMetrics. Made by `make docs`.",
        "How to scrape it, who may, and what to do with it: [monitoring](../how-to/monitoring.md).",
        "",
        "Scope `service`: read from the database, so that every server reports the same; take `max` over servers,",
        "not `sum`. Scope `process`: of the one server that answers; these are summed.",
        "",
        "| metric | type | labels | scope | meaning |",
        "|---|---|---|---|---|",
        *(
            f"| `{family.name}` | {family.kind} | {', '.join(f'`{label}`' for label in family.labels) or 'none'} | "
            f"{family.scope} | {family.help} |"
            for family in METRICS.values()
        ),
        "",
        "A histogram has the series `_bucket`, `_sum` and `_count`. Those of jobs have buckets up to",
        f"{_shown(counters.BUCKETS)} seconds, those of requests up to {_shown(requests.BUCKETS)} seconds.",
        "",
        "`kind` is `edge-packaging-job` or `compilation-job`, `status` one of the API's statuses. Counters of jobs",
        "begin with the first start of a version that has them; `edgewright_jobs` counts every job that is kept.",
        "The `process_*` and `python_*` metrics of Prometheus's own client are there too.",
    ]
    return "\n".join(lines) + "\n"


def _shown(buckets: tuple[float, ...]) -> str:
    return ", ".join(f"{bound:g}" for bound in buckets)
