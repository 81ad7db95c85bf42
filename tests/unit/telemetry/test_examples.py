"""The dashboard, the scrape and the alerts name only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgewright.jobs import Kind, Status
from edgewright.protocol.errors import error_reply
from edgewright.telemetry.metrics import METRICS

EXAMPLES = Path(__file__).parents[3] / "examples" / "monitoring"
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
"""Prometheus's own, and those of its client for a process."""
METRIC = re.compile(r"\b(?:edgewright|process|python)_[a-z_]+")
SELECTOR = re.compile(r"\b(?P<name>edgewright_[a-z_]+)\{(?P<matchers>[^}]*)\}")
GROUPING = re.compile(r"\bby \((?P<labels>[^)]*)\) \((?P<rest>.*)")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / "dashboard.json").read_text(encoding="utf-8"))
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((EXAMPLES / "alerts.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return panels + [rule["expr"] for rule in rules()]


def family(name: str) -> str:
    """A histogram's series by its family's name."""
    return name if name in METRICS else re.sub(r"_(bucket|sum|count)$", "", name)


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_and_label_that_is_named_exists(expression: str) -> None:
    names = set(METRIC.findall(expression)) - FOREIGN
    assert {family(name) for name in names} <= set(METRICS)
    for found in SELECTOR.finditer(expression):
        labels = {matcher.partition("=")[0].rstrip("!") for matcher in re.split(r",\s*", found["matchers"])}
        assert labels <= set(METRICS[family(found["name"])].labels)
    for grouping in GROUPING.finditer(expression):
        wanted = {label.strip() for label in grouping["labels"].split(",")} - {"le"}
        of_metrics = [set(METRICS[family(name)].labels) for name in METRIC.findall(grouping["rest"])[:1]]
        assert all(wanted <= labels for labels in of_metrics)


def test_what_every_process_tells_is_never_summed_over_processes() -> None:
    for expression in expressions():
        for found in re.finditer(r"\bsum(?: by \([^)]*\))? \((?:rate\()?(?P<name>edgewright_[a-z_]+)", expression):
            assert METRICS[family(found["name"])].scope == "process", expression


def test_every_metric_is_watched_somewhere() -> None:
    watched = {family(name) for expression in expressions() for name in METRIC.findall(expression)}
    assert set(METRICS) - watched == {"edgewright_info"}


def test_values_that_are_asked_for_exist() -> None:
    text = " ".join(expressions())
    for values in re.findall(r'status=~?"([^"]+)"', text):
        assert set(values.split("|")) <= set(Status)
    for values in re.findall(r'kind=~?"([^"]+)"', text):
        assert set(values.split("|")) <= set(Kind)
    assert error_reply(RuntimeError()).code in text


def test_panels_have_places_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


def test_the_scrape_reads_the_alerts() -> None:
    scrape = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text(encoding="utf-8"))
    assert scrape["rule_files"] == ["alerts.yml"]
    assert [job["job_name"] for job in scrape["scrape_configs"]] == ["edgewright"]
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] for rule in rules())
