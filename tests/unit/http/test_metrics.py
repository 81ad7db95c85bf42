"""Who may read the metrics, and how often the database is asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request
from structlog.testing import capture_logs

from edgewright.auth import audit
from edgewright.errors import DatabaseUnavailable
from edgewright.http.admin import AdminAccess
from edgewright.http.metrics import Metrics
from edgewright.jobs.workers import LiveWorker
from edgewright.settings import load
from edgewright.telemetry.requests import RequestCounters
from edgewright.telemetry.snapshot import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.responses import Response

TOKEN = "a-token-of-some-length"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def empty() -> Snapshot:
    return Snapshot({}, {}, [], None)


def asked(metrics: Metrics, host: str = "127.0.0.1", name: str = "localhost:8181", **headers: str) -> Response:
    raw = [(key.replace("_", "-").encode(), value.encode()) for key, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/metrics", "client": (host, 5)}
    found = scope | {"headers": [(b"host", name.encode()), *raw], "server": ("192.0.2.9", 8181)}
    return asyncio.run(metrics.page(Request(found)))


def metrics(**settings: Any) -> Metrics:
    return Metrics(AdminAccess(load(**settings)), empty, RequestCounters(), 15.0)


@pytest.mark.parametrize(("lapse", "alive"), [(15.0, b"edgewright_workers 0.0"), (60.0, b"edgewright_workers 1.0")])
def test_a_worker_is_alive_for_as_long_as_the_settings_say(lapse: float, alive: bytes) -> None:
    snapshot = Snapshot({}, {}, [LiveWorker("w-1", "host", 100.0, 20.0, 2, ())], None)
    page = Metrics(AdminAccess(load()), lambda: snapshot, RequestCounters(), lapse)
    assert alive in asked(page).body


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_host_may_read(host: str) -> None:
    assert asked(metrics(), host).status_code == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "", "localhost.example"])
def test_other_hosts_may_not(host: str) -> None:
    answer = asked(metrics(), host)
    assert (answer.status_code, b"this host alone" in answer.body) == (403, True)
    with capture_logs() as lines:
        asked(metrics(), "192.0.2.1")
    assert [(line["logger"], line["action"], line["result"]) for line in lines] == [
        (audit.NAME, "GET /metrics", "AccessDeniedException")
    ]


@pytest.mark.parametrize("header", ["forwarded", "x_forwarded_for", "x_real_ip", "via"])
def test_a_proxy_on_this_host_is_not_this_host(header: str) -> None:
    assert asked(metrics(), **{header: "192.0.2.1"}).status_code == 403


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer tökén"]
)
def test_a_wrong_token_is_refused_even_from_this_host(given: str) -> None:
    answer = asked(metrics(metrics="token", metrics_token=TOKEN), authorization=given)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="metrics"')


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_who_has_the_token_reads_from_anywhere(scheme: str) -> None:
    guarded = metrics(metrics="token", metrics_token=TOKEN)
    assert asked(guarded, "192.0.2.1", authorization=f"{scheme} {TOKEN}").status_code == 200


def test_off_is_off() -> None:
    assert asked(metrics(metrics="off")).status_code == 404


@pytest.mark.parametrize("settings", [{}, {"metrics": "token", "metrics_token": TOKEN}])
def test_another_name_that_leads_here_is_refused(settings: dict[str, str]) -> None:
    """As a page on the web does that has its own name resolve to this host, in this host's browser."""
    answer = asked(metrics(**settings), name="rebound.example:8181", authorization=f"Bearer {TOKEN}")
    assert (answer.status_code, b"admin.allowed_hosts" in answer.body) == (421, True)


def test_many_scrapes_ask_the_database_once() -> None:
    takes: list[int] = []

    def take() -> Snapshot:
        takes.append(1)
        return empty()

    page = Metrics(AdminAccess(load()), take, RequestCounters(), 15.0)
    for _ in range(5):
        asked(page)
    assert len(takes) == 1


def test_a_database_that_is_away_is_told_and_asked_again() -> None:
    found: list[Snapshot | DatabaseUnavailable] = [DatabaseUnavailable("gone"), empty()]

    def take() -> Snapshot:
        answer = found.pop(0)
        if isinstance(answer, DatabaseUnavailable):
            raise answer
        return answer

    page = Metrics(AdminAccess(load()), take, RequestCounters(), 15.0)
    assert b"edgewright_up 0.0" in asked(page).body
    assert b"edgewright_up 1.0" in asked(page).body
