"""The pages at /keys, which anybody may ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from starlette.requests import Request
from starlette.routing import Match

from edgewright.http.keys import KeyPages
from edgewright.keys.store import KeyStore
from edgewright.signing.keys import new_signer
from migrated import open_migrated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from starlette.responses import Response


def getting(store: KeyStore) -> Callable[[str], Response]:
    """What answers `GET` of a path."""
    routes = KeyPages(store).routes()

    def get(path: str) -> Response:
        scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": []}
        for route in routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                answer: Response = child["endpoint"](Request({**scope, **child}))
                return answer
        raise AssertionError(path)

    return get


def test_however_many_ask_the_database_is_read_now_and_then(tmp_path: Path) -> None:
    engine, key = open_migrated(tmp_path / "jobs.sqlite"), new_signer().public_key
    read: list[str] = []
    store = KeyStore(engine)
    store.adopt(key)
    get = getting(store)
    event.listen(engine, "before_cursor_execute", lambda *arguments: read.append(arguments[2]))
    for _ in range(30):
        for path, status in (("/keys", 200), (f"/keys/{key.key_id}.pem", 200), ("/keys/list", 404)):
            assert get(path).status_code == status
    assert len([statement for statement in read if "signing_keys" in statement]) < 30
    engine.dispose()


def test_a_database_that_cannot_be_used_is_no_fault_of_ours(tmp_path: Path) -> None:
    get = getting(KeyStore(create_engine(f"sqlite:///{tmp_path / 'none' / 'jobs.sqlite'}")))
    answer = get("/keys")
    assert (answer.status_code, "none" in bytes(answer.body).decode()) == (503, False)
