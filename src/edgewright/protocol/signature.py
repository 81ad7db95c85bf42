"""What a request says of its own signature, in the Authorization header or pre-signed in the query. Pure.

What one client says over and over is read once: decision 0026.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from edgewright.errors import IncompleteSignature, MissingAuthentication
from edgewright.protocol.sigv4 import joined, query_pairs

LONGEST_LIFE = 7 * 24 * 3600
"""Seconds that a pre-signed request may live."""
LIFE_DIGITS = 9
"""Of a life at most, zeros ahead included."""
LONGEST_KEPT = 1024
"""Characters of a header whose reading is kept: longer ones fill no memory."""
MOST_SIGNED = 128
"""Headers that one signature may name."""
LONGEST_CREDENTIAL = 512
"""Characters of a credential: an access key and its scope."""

Headers = Mapping[bytes, bytes]


class Repeated(bytes):
    """The values of a header that came more than once, joined by commas."""

    times: int


class Request(NamedTuple):
    """A request as it came: path and query still percent-encoded, headers in their order, the whole body.

    Header names are in lower case, as ASGI has them.
    """

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Terms(NamedTuple):
    """What a signature says of itself, and what one client says over and over.

    Attributes:
        algorithm: as given.
        credential: as given: access key, date, region, service and terminator between slashes.
        signed_headers: lower-case names, in the order of the signature.
    """

    algorithm: str
    credential: str
    signed_headers: tuple[bytes, ...]


class Moment(NamedTuple):
    """When a request says that it was signed: as a time in UTC, and as SigV4 writes it."""

    time: datetime
    stamp: str


class Signature(NamedTuple):
    """What a request says of its own signature.

    Attributes:
        terms: algorithm, credential and signed headers.
        value: lower-case hexadecimal, if it is a good one.
        moment: when the request says that it was signed.
        life: seconds for which a pre-signed request holds; None in the header form.
        session_token: of temporary credentials.
        presigned: the signature stands in the query.
    """

    terms: Terms
    value: str
    moment: Moment
    life: int | None
    session_token: str | None
    presigned: bool


def by_name(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Headers by name; those that came more than once are `Repeated`."""
    found = dict(headers)
    if len(found) < len(headers):
        values: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            values.setdefault(name, []).append(value)
        found.update((name, _repeated(several)) for name, several in values.items() if len(several) > 1)
    return found


def _repeated(values: Sequence[bytes]) -> Repeated:
    repeated = Repeated(joined(values))
    repeated.times = len(values)
    return repeated


def read_signature(request: Request, headers: Headers) -> Signature:
    """What a request says of its own signature.

    Raises:
        MissingAuthentication: it is not signed.
        IncompleteSignature: the signature lacks a part, or cannot be read.
    """
    authorization = only(headers, b"authorization") or ""
    query = request.query
    in_query = bool(query) and (b"X-Amz-Signature" in query or b"X-Amz-Algorithm" in query)
    if authorization and in_query:
        raise IncompleteSignature(
            "The request is signed in its Authorization header and in its query. Sign it in one of the two."
        )
    if in_query:
        return _signature_in_query(query)
    if not authorization.startswith("AWS4-"):
        raise MissingAuthentication("Missing Authentication Token")
    return _signature_in_header(authorization, headers)


def _signature_in_header(authorization: str, headers: Headers) -> Signature:
    signed_at = only(headers, b"x-amz-date") or only(headers, b"date")
    begin, _, given_signature = authorization.rpartition(", Signature=")
    terms = _usual_terms(begin) if len(begin) < LONGEST_KEPT else None
    if terms is None or not signed_at or not given_signature or "," in given_signature:
        terms, given_signature, signed_at = _unusual(authorization, signed_at)
    token = only(headers, b"x-amz-security-token")
    return Signature(terms, given_signature, _moment(signed_at), None, token, presigned=False)


@lru_cache(maxsize=1024)
def _usual_terms(begin: str) -> Terms | None:
    """The terms of an Authorization header whose signature comes last; None where it needs a closer look."""
    algorithm, space, rest = begin.partition(" ")
    given = {name: value for name, equals, value in (part.strip().partition("=") for part in rest.split(",")) if equals}
    if not space or len(given) <= rest.count(",") or not (given.get("Credential") and given.get("SignedHeaders")):
        return None
    if "Signature" in given:
        return None  # and another one at the end
    return _terms(algorithm, given["Credential"], given["SignedHeaders"])


def _unusual(authorization: str, signed_at: str | None) -> tuple[Terms, str, str]:
    """Terms, signature and date of a header in any order, or a refusal that names all it lacks."""
    algorithm, _, rest = authorization.partition(" ")
    given = _parameters(rest, authorization)
    lacks = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not given.get(name)
    ]
    if not signed_at:
        lacks.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacks or not signed_at:
        raise IncompleteSignature(f"{' '.join(lacks)} Authorization={authorization}")
    return _terms(algorithm, given["Credential"], given["SignedHeaders"]), given["Signature"], signed_at


def _parameters(text: str, authorization: str) -> dict[str, str]:
    given = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name and not equals:
            raise IncompleteSignature(
                f"'{name}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
            )
        if name and name in given:
            raise IncompleteSignature(f"The Authorization header has '{name}' more than once. Give it once.")
        given[name] = value
    return given


def _signature_in_query(query: bytes) -> Signature:
    given = _query_parameters(query)
    lacks = [
        f"AWS query-string parameters must include '{name}'."
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
        if not given.get(name)
    ]
    if lacks:
        raise IncompleteSignature(f"{' '.join(lacks)} Re-examine the query-string parameters.")
    return Signature(
        terms=_terms(given["X-Amz-Algorithm"], given["X-Amz-Credential"], given["X-Amz-SignedHeaders"]),
        value=given["X-Amz-Signature"],
        moment=_moment(given["X-Amz-Date"]),
        life=_life(given.get("X-Amz-Expires")),
        session_token=given.get("X-Amz-Security-Token"),
        presigned=True,
    )


def _query_parameters(query: bytes) -> dict[str, str]:
    """The X-Amz parameters of a query. One that comes twice could be read in two ways, so it is refused."""
    given: dict[str, str] = {}
    for name, value in query_pairs(query):
        text = name.decode("latin-1")
        if text.startswith("X-Amz-") and text in given:
            raise IncompleteSignature(f"The query has '{text}' more than once. Give it once.")
        given[text] = value.decode("latin-1")
    return given


def only(headers: Headers, name: bytes) -> str | None:
    """The value of a header that may come once; two could be read in two ways."""
    value = headers.get(name)
    if value is None:
        return None
    if isinstance(value, Repeated):
        raise IncompleteSignature(f"The request has {value.times} {name.decode()} headers. Send one.")
    return value.decode("latin-1").strip()


def _terms(algorithm: str, credential: str, signed_headers: str) -> Terms:
    """Terms of a size that may be looked through, and kept: it is not known yet who sent them."""
    signed = signed_headers.encode("latin-1").lower().split(b";")
    if len(credential) > LONGEST_CREDENTIAL or len(signed) > MOST_SIGNED:
        raise IncompleteSignature(
            f"The signature has a Credential of {len(credential)} characters and {len(signed)} SignedHeaders. Send "
            f"{LONGEST_CREDENTIAL} and {MOST_SIGNED} at most."
        )
    return Terms(algorithm, credential, tuple(signed))


def _life(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= LIFE_DIGITS and 1 <= int(text) <= LONGEST_LIFE):
        raise IncompleteSignature(f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_LIFE}, got '{text}'.")
    return int(text)


@lru_cache(maxsize=64)
def _moment(text: str) -> Moment:
    """A time as SigV4 writes it, `20150830T123600Z`, or as the Date header does. Many are signed in one second."""
    try:
        time = _time(text)
    except (ValueError, OverflowError) as error:
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error
    return Moment(time, basic(time))


def _time(text: str) -> datetime:
    if text[8:9] == "T" and text[15:] == "Z" and text.isascii():
        return datetime.fromisoformat(text)
    time = parsedate_to_datetime(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def basic(time: datetime) -> str:
    """A time as SigV4 writes it."""
    return time.strftime("%Y%m%dT%H%M%SZ")
