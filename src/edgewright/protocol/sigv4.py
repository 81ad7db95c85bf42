"""The arithmetic of AWS Signature Version 4: the canonical request, the text that is signed, and its signature. Pure.

Decision 0024 says what a signature covers; AWS's test suite runs against this in tests/conformance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNRESERVED = "-_.~"
FORMS = 256
"""Lists of signed headers whose form is kept: one for each client library, more or less."""


def canonical_request(
    first: tuple[str, bytes, bytes], headers: Mapping[bytes, bytes], signed: tuple[bytes, ...], payload: bytes
) -> bytes:
    """The text that both sides hash.

    Args:
        first: the method, the path as it came, and the canonical query.
        headers: by lower-case name; those that came more than once joined by commas.
        signed: names of the signed headers, in their order.
        payload: the hash of the body in hexadecimal, or the word that stands for it.
    """
    method, path, query = first
    values = [_collapsed(headers.get(name, b"")) for name in signed]
    return _form(signed) % (method.encode(), _canonical_path(path), query, *values, payload)


@lru_cache(maxsize=FORMS)
def _form(signed: tuple[bytes, ...]) -> bytes:
    """A canonical request with these signed headers, `%b` wherever requests differ."""
    names = [name.replace(b"%", b"%%") for name in signed]
    return b"\n".join([b"%b\n%b\n%b", *(name + b":%b" for name in names), b"", b";".join(names), b"%b"])


def _collapsed(value: bytes) -> bytes:
    """A header's value without spaces around it, each run inside as one."""
    return b" ".join(value.split())


def joined(values: Sequence[bytes]) -> bytes:
    """The one value of a header that came more than once."""
    return b",".join(map(_collapsed, values))


def _canonical_path(path: bytes) -> bytes:
    """Dots and doubled slashes resolved, then encoded; what is encoded already is encoded again, as signers do."""
    if path == b"/":
        return b"/"
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in {b"", b"."}:
            parts.append(part)
    folder = b"/" if parts and path.endswith((b"/", b"/.", b"/..")) else b""
    return quote_from_bytes(b"/" + b"/".join(parts) + folder, safe="/" + UNRESERVED).encode()


def canonical_query(query: bytes, *, leaving_out: bytes | None = None) -> bytes:
    """The query's parameters sorted and encoded, without the one that holds a pre-signed request's signature."""
    if not query:
        return b""
    encoded = [
        (quote_from_bytes(name, safe=UNRESERVED), quote_from_bytes(value, safe=UNRESERVED))
        for name, value in query_pairs(query)
        if name != leaving_out
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded)).encode()


def query_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Names and values of a query's parameters, decoded, in their order."""
    parts = [part.partition(b"=") for part in query.split(b"&") if part]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def signature(key: hmac.HMAC, stamp: str, scope: str, canonical: bytes) -> str:
    """The signature of a canonical request, in lower-case hexadecimal.

    Args:
        key: from `signing_key`.
        stamp: when it was signed, as SigV4 writes times.
        scope: date, region, service and terminator of the credential, between slashes.
        canonical: from `canonical_request`.
    """
    keyed = key.copy()
    keyed.update(f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}".encode())
    return keyed.hexdigest()


def signing_key(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """The key for one day, region and service, derived of a secret.

    It comes as a hash that has taken the key in, to be copied for each text: that takes half the time of a new one.
    """
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")
