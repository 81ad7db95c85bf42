"""Who calls is looked up before a body is read."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from edgewright import protocol
from edgewright.auth.authenticator import Authenticator
from edgewright.auth.principals import Principals
from edgewright.http.api import Api, RequestBounds
from edgewright.http.bodies import Bodies
from edgewright.http.service_protocols import AwsJson
from edgewright.operations import OPERATIONS
from edgewright.settings import load
from edgewright.telemetry.requests import RequestCounters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PIECE, PIECES = b"x" * 1000, 50


class Watched(Bodies):
    """Knows how many bytes were held at most."""

    most = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "_held":
            self.most = max(self.most, value)


@pytest.fixture
def principals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Principals:
    monkeypatch.chdir(tmp_path)
    return Principals(load(data_dir=tmp_path, access_key_id="AKIAFIRST", secret_access_key="a-secret"))


def authorization(key: str, more: str = "") -> list[tuple[bytes, bytes]]:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{key}/{now[:8]}/eu-west-1/sagemaker/aws4_request"
    header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, {more}Signature={'0' * 64}"
    return [(b"x-amz-date", now.encode()), (b"authorization", header.encode())]


@pytest.mark.parametrize(
    ("headers", "code", "held"),
    [
        (list, "MissingAuthenticationTokenException", 0),
        (lambda: authorization("AKIANOBODY"), "UnrecognizedClientException", 0),
        (lambda: authorization("AKIAFIRST", "Signature=0, "), "IncompleteSignatureException", 0),
        (lambda: authorization("AKIAFIRST")[1:], "IncompleteSignatureException", 0),
        (lambda: authorization("AKIAFIRST"), "InvalidSignatureException", len(PIECE) * PIECES),
    ],
    ids=["unsigned", "unknown key", "two signatures", "no date", "a known key, and a wrong signature"],
)
def test_nothing_is_kept_of_a_strangers_body(
    principals: Principals, headers: Callable[[], list[tuple[bytes, bytes]]], code: str, held: int
) -> None:
    service = protocol.load_service("sagemaker")
    bodies = Watched(100_000)
    api = Api(
        AwsJson(service, OPERATIONS),
        Authenticator(principals, ["sagemaker"]),
        lambda caller: pytest.fail(f"{caller} got a context"),
        RequestBounds(bodies, embedded=True),
        RequestCounters(),
    )
    left = PIECES
    answered: list[bytes] = []

    async def receive() -> Any:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": PIECE, "more_body": left > 0}

    async def send(message: Any) -> None:
        answered.append(message.get("body", b""))

    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b""}
    asyncio.run(api(scope | {"headers": [(b"host", b"edge"), *headers()]}, receive, send))
    assert json.loads(b"".join(answered))["__type"] == code
    assert left == 0  # read past, so that the client sees the answer
    assert (bodies.most, bodies._held) == (held, 0)
