"""Signed links: what they open, what they do not, and how the object is sent."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from edgewright.auth.links import LIFE, SKEW, LinkSigner
from edgewright.errors import StoreUnavailable
from edgewright.http.artifacts import Artifacts
from edgewright.stores import DirectoryStore, S3Uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

KEY = b"k" * 32
NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
URI = S3Uri("packages", "a folder/\u00fc+%?#&.tar.gz")
CONTENT = b"0123456789" * 250_000


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def objects(tmp_path: Path) -> DirectoryStore:
    store = DirectoryStore(tmp_path)
    store.write(URI, [CONTENT])
    store.write(S3Uri("packages", "other"), [b"other"])
    return store


@pytest.fixture
def artifacts(objects: DirectoryStore, clock: Clock) -> Artifacts:
    return Artifacts(objects, LinkSigner(lambda: [(1, KEY)], clock))


async def get(artifacts: Artifacts, url: str, method: str = "GET") -> tuple[int, dict[str, str], list[bytes]]:
    """Status, headers and pieces of what the page answers."""
    app = Starlette(routes=[Route("/artifacts/{place:path}", artifacts.page)])
    address = urlsplit(url)
    scope = {
        "type": "http", "asgi": {"spec_version": "2.4"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": "/artifacts/x", "raw_path": address.path.encode(), "query_string": address.query.encode(),
        "root_path": "", "headers": [(b"host", b"h")], "server": ("h", 80),
    }  # fmt: skip
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type] # plain dictionaries, as servers send
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}  # type: ignore[attr-defined]
    return int(str(sent[0]["status"])), headers, [bytes(message["body"]) for message in sent[1:] if message["body"]]  # type: ignore[call-overload]


def fetch(artifacts: Artifacts, url: str, method: str = "GET") -> tuple[int, dict[str, str], list[bytes]]:
    return asyncio.run(get(artifacts, url, method))


def test_an_address_opens_its_object_in_pieces(artifacts: Artifacts) -> None:
    url = artifacts.link(URI, "http://edge.example:8181")
    assert url.startswith("http://edge.example:8181/artifacts/packages/a%20folder/%C3%BC%2B%25%3F%23%26.tar.gz?")
    status, headers, pieces = fetch(artifacts, url)
    assert status == 200
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= 1024 * 1024
    assert headers["content-length"] == str(len(CONTENT))


def test_a_head_has_the_length_alone(artifacts: Artifacts) -> None:
    status, headers, pieces = fetch(artifacts, artifacts.link(URI, ""), "HEAD")
    assert (status, headers["content-length"], pieces) == (200, str(len(CONTENT)), [])


def test_an_address_holds_for_its_time(artifacts: Artifacts, clock: Clock) -> None:
    url = artifacts.link(URI, "")
    clock.time = NOW + LIFE - timedelta(seconds=1)
    assert fetch(artifacts, url)[0] == 200
    clock.time = NOW + LIFE
    assert fetch(artifacts, url)[0] == 403


def test_every_server_of_a_database_opens_it_and_no_other(objects: DirectoryStore, clock: Clock) -> None:
    url = Artifacts(objects, LinkSigner(lambda: [(1, KEY)], clock)).link(URI, "")
    assert fetch(Artifacts(objects, LinkSigner(lambda: [(1, KEY)], clock)), url)[0] == 200
    assert fetch(Artifacts(objects, LinkSigner(lambda: [(1, b"j" * 32)], clock)), url)[0] == 403


def test_a_rotation_breaks_no_link_that_is_in_use_and_a_second_one_does(objects: DirectoryStore, clock: Clock) -> None:
    keys = [(1, KEY)]
    artifacts = Artifacts(objects, LinkSigner(lambda: keys, clock))
    url = artifacts.link(URI, "")
    keys[:] = [(2, b"j" * 32), (1, KEY)]
    assert fetch(artifacts, url)[0] == 200
    assert "&key=2&" in artifacts.link(URI, "")
    assert fetch(artifacts, artifacts.link(URI, ""))[0] == 200
    assert fetch(artifacts, url.replace("&key=1", ""))[0] == 200, "as a version before keys had numbers makes them"
    assert fetch(artifacts, url.replace("&key=1", "&key=2"))[0] == 403
    keys[:] = [(3, b"i" * 32), (2, b"j" * 32)]
    for refused in (url, url.replace("&key=1", ""), url.replace("&key=1", "&key=3"), url.replace("&key=1", "&key=é")):
        assert fetch(artifacts, refused)[0] == 403


def test_no_link_lives_longer_than_any_that_is_made(objects: DirectoryStore, clock: Clock) -> None:
    """Whatever made it: a server whose clock is far ahead, or somebody who has seen a key."""
    artifacts = Artifacts(objects, LinkSigner(lambda: [(1, KEY)], clock))
    for ahead, status in ((SKEW, 200), (SKEW + timedelta(seconds=1), 403), (timedelta(days=365), 403)):
        made = Artifacts(objects, LinkSigner(lambda: [(1, KEY)], lambda ahead=ahead: NOW + ahead))  # type: ignore[misc]
        assert fetch(artifacts, made.link(URI, ""))[0] == status


@pytest.mark.parametrize(
    "change",
    [
        lambda url: "/artifacts/packages/other?" + url.partition("?")[2],
        lambda url: url.replace("expires=1", "expires=2"),
        lambda url: url.replace("signature=", "signature=0"),
        lambda url: url.partition("&")[0],
        lambda url: url.partition("?")[0],
        lambda url: url.replace("expires=", "expires=\u0661"),
        lambda url: url.partition("?")[0] + "?expires=99999999999999&signature=x",
        lambda url: url.partition("?")[0] + "?expires=1&signature=%FF",
    ],
)
def test_a_changed_address_opens_nothing(artifacts: Artifacts, change: object) -> None:
    status, headers, pieces = fetch(artifacts, change(artifacts.link(URI, "")))  # type: ignore[operator]
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDenied")
    assert b"other" not in b"".join(pieces)


@pytest.mark.parametrize("path", ["/artifacts/packages/../../etc/passwd", "/artifacts/", "/artifacts/packages/%FF"])
def test_what_names_no_object_opens_nothing(artifacts: Artifacts, path: str) -> None:
    assert fetch(artifacts, f"{path}?expires=1&signature=x")[0] in {400, 403, 404}


def test_an_object_that_went_away_is_not_found(artifacts: Artifacts, objects: DirectoryStore) -> None:
    url = artifacts.link(URI, "")
    objects.delete(URI)
    assert fetch(artifacts, url)[0] == 404


class Unreachable(DirectoryStore):
    def size(self, uri: S3Uri) -> int:
        raise StoreUnavailable(f"secret detail of {uri}")

    def read(self, uri: S3Uri) -> Iterator[Buffer]:
        raise AssertionError(uri)


def test_a_store_that_fails_is_told_without_its_inside(tmp_path: Path, clock: Clock) -> None:
    artifacts = Artifacts(Unreachable(tmp_path), LinkSigner(lambda: [(1, KEY)], clock))
    status, _, pieces = fetch(artifacts, artifacts.link(URI, ""))
    assert status == 503
    assert b"secret" not in b"".join(pieces)
