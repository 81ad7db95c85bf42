"""Health tells the truth, in bounded time, and no secret."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from edgewright.errors import DatabaseUnavailable
from edgewright.http import health, readiness
from edgewright.http.admin import AdminAccess
from edgewright.http.health import Check, Health
from edgewright.persistence import Persistence
from edgewright.settings import load
from edgewright.stores import open_store
from migrated import beside, open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from edgewright.jobs import JobStore

SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "path": "/health/ready", "client": ("127.0.0.1", 5)}
REQUEST = Request(SCOPE | {"headers": [(b"host", b"localhost:8181")]})


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def made(checks: Mapping[str, Check], advice: Mapping[str, Check]) -> Health:
    return Health(AdminAccess(load()), checks, advice)


def asked(page: Health, times: int = 1) -> list[tuple[int, dict[str, Any]]]:
    """The answers to requests that come together."""

    async def ask() -> list[tuple[int, dict[str, Any]]]:
        answers = await asyncio.gather(*(page.ready(REQUEST) for _ in range(times)))
        return [(answer.status_code, json.loads(bytes(answer.body))) for answer in answers]

    return asyncio.run(ask())


def failing(message: str) -> Check:
    def check() -> str:
        raise DatabaseUnavailable(message)

    return check


def test_all_is_well() -> None:
    ((status, body),) = asked(made({"database": lambda: "reachable"}, {"workers": lambda: "2 alive"}))
    assert (status, body["status"]) == (200, "ready")
    assert body["checks"]["workers"] == {"status": "ok", "detail": "2 alive"}


@pytest.mark.parametrize(
    ("client", "host"),
    [("192.0.2.1", b"localhost"), ("127.0.0.1", b"rebound.example"), ("192.0.2.1", b"10.0.0.7:8181")],
)
def test_others_learn_the_status_and_no_more(client: str, host: bytes) -> None:
    async def ask() -> list[Any]:
        page = made({"database": failing("gone")}, {})
        request = Request(SCOPE | {"headers": [(b"host", host)], "client": (client, 5)})
        answers = [await page.live(request), await page.ready(request)]
        return [(answer.status_code, json.loads(bytes(answer.body))) for answer in answers]

    assert asyncio.run(ask()) == [(200, {"status": "ok"}), (503, {"status": "not ready"})]


def test_what_has_failed_is_named_without_its_message() -> None:
    ((status, body),) = asked(made({"database": failing("postgresql://me:hunter2@db"), "store": lambda: "ok"}, {}))
    assert (status, body["status"]) == (503, "not ready")
    assert body["checks"]["database"] == {"status": "failed", "detail": "DatabaseUnavailable"}
    assert body["checks"]["store"]["status"] == "ok"
    assert "hunter2" not in str(body)


def test_advice_warns_and_no_more() -> None:
    ((status, body),) = asked(made({}, {"workers": failing("none")}))
    assert (status, body["checks"]["workers"]["status"]) == (200, "warning")


def test_a_check_that_breaks_down_has_failed() -> None:
    def broken() -> str:
        raise KeyError("hunter2")

    ((status, body),) = asked(made({"store": broken}, {}))
    assert (status, "hunter2" in str(body)) == (503, False)


def test_a_check_that_hangs_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "MOST_SECONDS", 0.2)
    freed = threading.Event()
    ((status, body),) = asked(made({"database": lambda: str(freed.wait(60)), "store": lambda: "reachable"}, {}))
    freed.set()
    assert status == 503
    assert body["checks"]["database"]["detail"] == "no answer within 0.2 seconds"
    assert body["checks"]["store"]["status"] == "ok"


def test_who_asks_together_shares_one_look() -> None:
    looks: list[int] = []

    def check() -> str:
        looks.append(1)
        return "reachable"

    answers = asked(made({"database": check}, {}), times=20)
    assert [status for status, _ in answers] == [200] * 20
    assert len(looks) == 1


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    engine = open_migrated(tmp_path / "edgewright.sqlite")
    yield Persistence.on(engine).jobs
    engine.dispose()


def test_a_server_is_ready_with_its_database_store_and_worker(store: JobStore, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    settings.objects_dir.mkdir()
    page = made(
        readiness.checks(settings, store._engine, open_store(settings)), readiness.advice(beside(store).workers, 15.0)
    )
    ((status, body),) = asked(page)
    assert status == 200
    assert {name: check["status"] for name, check in body["checks"].items()} == {
        "database": "ok",
        "migrations": "ok",
        "store": "ok",
        "workers": "warning",
    }
    beside(store).workers.beat("w-1", "host")
    assert readiness.advice(beside(store).workers, 15.0)["workers"]() == "1 alive"


def test_a_worker_is_alive_for_as_long_as_the_settings_say(store: JobStore) -> None:
    beside(store).workers.beat("w-1", "host")
    time.sleep(0.05)
    assert readiness.advice(beside(store).workers, 60.0)["workers"]() == "1 alive"
    with pytest.raises(readiness.NoWorker, match=r"in the last 0\.01 seconds"):
        readiness.advice(beside(store).workers, 0.01)["workers"]()


def test_a_store_that_is_gone_is_noticed(store: JobStore, tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path)
    ((status, body),) = asked(made(readiness.checks(settings, store._engine, open_store(settings)), {}))
    assert (status, body["checks"]["store"]) == (503, {"status": "failed", "detail": "StoreUnavailable"})
