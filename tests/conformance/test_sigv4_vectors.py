"""The SigV4 test suite, run backwards: a signed request is verified, and any change to it is noticed."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from conformance import vectors
from edgewright.auth.sigv4 import Verifier, canonical
from edgewright.errors import InvalidSignature
from edgewright.protocol.signature import Request, by_name, read_signature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FOLDER = vectors.folder("sigv4")
CASES = sorted(path.with_suffix("") for path in FOLDER.rglob("*.req"))
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


@dataclasses.dataclass(frozen=True)
class Owner:
    session_token: str | None = None
    secret_access_key: str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def verifier(token: str | None) -> Verifier[Owner]:
    return Verifier({"AKIDEXAMPLE": Owner(token)}, "service")


def read(case: Path) -> tuple[Request, str | None]:
    """The signed request of a case, and the session token in it."""
    head, _, body = case.with_suffix(".req").read_bytes().partition(b"\n\n")
    first, *lines = head.split(b"\n")
    target, _, _ = first.partition(b" ")[2].rpartition(b" ")
    path, _, query = target.partition(b"?")
    headers = unfolded(lines)
    token = session_token(case)
    if token and b"x-amz-security-token" not in by_name(headers):
        headers.append((b"x-amz-security-token", token.encode()))
    headers.append((b"authorization", case.with_suffix(".authz").read_bytes().strip()))
    return Request(first.split(b" ")[0].decode(), path, query, headers, body), token


def unfolded(lines: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    headers: list[tuple[bytes, bytes]] = []
    for line in filter(None, lines):
        if line.startswith(b" "):
            name, value = headers.pop()
            headers.append((name, value + b"\n" + line))
        else:
            name, _, value = line.partition(b":")
            headers.append((name.lower(), value))
    return headers


def session_token(case: Path) -> str | None:
    lines = case.with_suffix(".sreq").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2] for line in lines if line.lower().startswith("x-amz-security-token:")), None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_canonical_request_is_the_suites(case: Path) -> None:
    request, _ = read(case)
    headers = by_name(request.headers)
    text = canonical(request, headers, read_signature(request, headers))
    assert text.decode() == case.with_suffix(".creq").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_suites_signature_is_accepted(case: Path) -> None:
    request, token = read(case)
    signed = verifier(token).verify(request, NOW)
    assert (signed.region, signed.service) == ("us-east-1", "service")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_change_is_noticed(case: Path) -> None:
    request, token = read(case)
    name, value = request.headers[0]
    for changed in (
        request._replace(method="PUT"),
        request._replace(path=request.path + b"x"),
        request._replace(query=request.query + b"&x=1"),
        request._replace(body=request.body + b"x"),
        request._replace(headers=[(name, value + b"x"), *request.headers[1:]]),
    ):
        with pytest.raises(InvalidSignature, match="does not match"):
            verifier(token).verify(changed, NOW)
