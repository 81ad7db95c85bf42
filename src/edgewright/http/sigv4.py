"""AWS Signature Version 4, verified: in the Authorization header, or pre-signed in the query.

Pure: a request, the principals and a clock go in, who signed comes out. The checks and their sentences come in the
order in which AWS makes them; decision 0024 says which were seen and which are ours.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from edgewright.errors import IncompleteSignature, InvalidSignature, MissingAuthentication, UnknownAccessKey

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED = b"UNSIGNED-PAYLOAD"
UNRESERVED = "-_.~"
REGION_LENGTH = 32
REGION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")

SKEW = timedelta(minutes=5)
"""How far the caller's clock may be off."""
LONGEST_LIFE = 7 * 24 * 3600
"""Seconds that a pre-signed request may live."""
SIGNING_KEYS = 1024
"""Derived keys that are kept: one per access key, day, region."""

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."

Headers = Mapping[bytes, Sequence[bytes]]


class Holder(Protocol):
    """Who has an access key, as far as a signature goes."""

    @property
    def secret_access_key(self) -> str:
        """The secret that its requests are signed with."""

    @property
    def session_token(self) -> str | None:
        """What each request of temporary credentials must bring; None for lasting ones."""


H = TypeVar("H", bound=Holder)
H_co = TypeVar("H_co", bound=Holder, covariant=True)


class Holders(Protocol[H_co]):
    """Finds the holder of an access key; a mapping does."""

    def get(self, access_key_id: str, /) -> H_co | None:
        """The holder, or None where nobody has the key."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: path and query still percent-encoded, headers in their order, the whole body."""

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Signed(Generic[H]):
    """Who signed a request, and for what: the region and service of the credential scope."""

    holder: H = field(repr=False)
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of its own signature.

    Attributes:
        algorithm: as given.
        credential: as given: access key, date, region, service and terminator between slashes.
        signed_headers: lower-case names, in the order of the signature.
        signature: lower-case hexadecimal.
        moment: when the request says that it was signed.
        life: seconds for which a pre-signed request holds; None in the header form.
        session_token: of temporary credentials.
        presigned: the signature stands in the query.
    """

    algorithm: str
    credential: str
    signed_headers: tuple[bytes, ...]
    signature: str
    moment: datetime
    life: int | None
    session_token: str | None
    presigned: bool


class Verifier(Generic[H]):
    """Checks signatures for one service. It keeps the signing keys derived of late."""

    def __init__(self, holders: Holders[H], service: str) -> None:
        """Keep the parts.

        Args:
            holders: by access key.
            service: what the credential scope must name, such as `sagemaker`.
        """
        self._holders = holders
        self._service = service
        self._signing_key = lru_cache(maxsize=SIGNING_KEYS)(signing_key)

    def verify(self, request: Request, now: datetime) -> Signed[H]:
        """Who signed the request.

        Args:
            request: as it came.
            now: the server's clock, aware.

        Raises:
            MissingAuthentication: it is not signed.
            IncompleteSignature: the signature lacks a part, or cannot be read.
            InvalidSignature: it is out of time or scope, leaves out what must be signed, or does not match.
            UnknownAccessKey: nobody has the access key or the session token.
        """
        headers = _by_name(request.headers)
        claim = _claim(request, headers)
        _check_time(claim, now)
        _check_signed_headers(claim, headers)
        key_id, date, region = _scope(claim.algorithm, claim.credential, _basic(claim.moment), self._service)
        holder = self._holders.get(key_id)
        if holder is None:
            raise UnknownAccessKey(UNKNOWN)
        key = self._signing_key(holder.secret_access_key, date, region, self._service)
        payload = _payload_hash(request, headers)
        expected = _signature(key, claim, canonical_request(request, headers, claim, payload))
        if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
            raise InvalidSignature(MISMATCH)
        _check_session_token(claim, holder.session_token)
        return Signed(holder, region, self._service)


# --- what the request says ------------------------------------------------------------------------------------


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def _claim(request: Request, headers: Headers) -> Claim:
    authorization = _only(headers, b"authorization") or ""
    in_query = b"X-Amz-Signature" in request.query or b"X-Amz-Algorithm" in request.query
    if authorization and in_query:
        raise IncompleteSignature(
            "The request is signed in its Authorization header and in its query. Sign it in one of the two."
        )
    if in_query:
        return _claim_in_query(request)
    if not authorization.startswith("AWS4-"):
        raise MissingAuthentication("Missing Authentication Token")
    return _claim_in_header(authorization, headers)


def _claim_in_header(authorization: str, headers: Headers) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    given = _parameters(rest, authorization)
    signed_at = _only(headers, b"x-amz-date") or _only(headers, b"date")
    lacks = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not given.get(name)
    ]
    if not signed_at:
        lacks.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacks or signed_at is None:
        raise IncompleteSignature(f"{' '.join(lacks)} Authorization={authorization}")
    return Claim(
        algorithm=algorithm,
        credential=given["Credential"],
        signed_headers=_names(given["SignedHeaders"]),
        signature=given["Signature"],
        moment=_moment(signed_at),
        life=None,
        session_token=_only(headers, b"x-amz-security-token"),
        presigned=False,
    )


def _parameters(text: str, authorization: str) -> dict[str, str]:
    given = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        if name and not equals:
            raise IncompleteSignature(
                f"'{name}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'."
            )
        given[name] = value
    return given


def _claim_in_query(request: Request) -> Claim:
    given = _query_parameters(request.query)
    lacks = [
        f"AWS query-string parameters must include '{name}'."
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
        if not given.get(name)
    ]
    if lacks:
        raise IncompleteSignature(f"{' '.join(lacks)} Re-examine the query-string parameters.")
    return Claim(
        algorithm=given["X-Amz-Algorithm"],
        credential=given["X-Amz-Credential"],
        signed_headers=_names(given["X-Amz-SignedHeaders"]),
        signature=given["X-Amz-Signature"],
        moment=_moment(given["X-Amz-Date"]),
        life=_life(given.get("X-Amz-Expires")),
        session_token=given.get("X-Amz-Security-Token"),
        presigned=True,
    )


def _query_parameters(query: bytes) -> dict[str, str]:
    """The X-Amz parameters of a query. One that comes twice could be read in two ways, so it is refused."""
    given: dict[str, str] = {}
    for name, value in _pairs(query):
        text = name.decode("latin-1")
        if text.startswith("X-Amz-") and text in given:
            raise IncompleteSignature(f"The query has '{text}' more than once. Give it once.")
        given[text] = value.decode("latin-1")
    return given


def _only(headers: Headers, name: bytes) -> str | None:
    """The value of a header that may come once; two could be read in two ways."""
    values = headers.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise IncompleteSignature(f"The request has {len(values)} {name.decode()} headers. Send one.")
    return values[0].decode("latin-1").strip()


@lru_cache(maxsize=256)
def _names(text: str) -> tuple[bytes, ...]:
    return tuple(name.encode("latin-1").lower() for name in text.split(";"))


def _life(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_LIFE):
        raise IncompleteSignature(f"X-Amz-Expires must be a number of seconds from 1 to {LONGEST_LIFE}, got '{text}'.")
    return int(text)


def _moment(text: str) -> datetime:
    """A time as SigV4 writes it, `20150830T123600Z`, or as the Date header does."""
    try:
        if text[8:9] == "T" and text[15:] == "Z" and text.isascii():
            return datetime.fromisoformat(text)
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error


# --- the checks -----------------------------------------------------------------------------------------------


def _check_time(claim: Claim, now: datetime) -> None:
    if claim.moment > now + SKEW:
        raise InvalidSignature(
            f"Signature not yet current: {_basic(claim.moment)} is still later than {_basic(now + SKEW)} "
            f"({_basic(now)} + 5 min.)"
        )
    life = SKEW if claim.life is None else timedelta(seconds=claim.life)
    if claim.moment < now - life:
        length = "5 min." if claim.life is None else f"{claim.life} s"
        raise InvalidSignature(
            f"Signature expired: {_basic(claim.moment)} is now earlier than {_basic(now - life)} "
            f"({_basic(now)} - {length})"
        )


def _check_signed_headers(claim: Claim, headers: Headers) -> None:
    signed = claim.signed_headers
    if b"host" not in signed and b":authority" not in signed:
        raise InvalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    dated = claim.presigned or b"x-amz-date" in headers
    left_out = [
        name.decode("latin-1")
        for name in headers
        if name not in signed and (_must_be_signed(name) or (name == b"date" and not dated))
    ]
    if left_out:
        raise InvalidSignature(
            f"There were headers present in the request which were not signed: {', '.join(left_out)}. Sign every "
            "header whose name begins with x-amz-."
        )


def _must_be_signed(name: bytes) -> bool:
    """The session token may be added after signing: it is compared with the one that the access key has."""
    return name.startswith(b"x-amz-") and name != b"x-amz-security-token"


@lru_cache(maxsize=1024)
def _scope(algorithm: str, credential: str, signed_at: str, service: str) -> tuple[str, str, str]:
    """Access key, date and region of the credential, once algorithm and scope are as they must be."""
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm}' (only {ALGORITHM} for now). ")
    parts = credential.split("/")
    if len(parts) != 5:  # noqa: PLR2004 - as the sentence says
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{credential}'"
        )
    key_id, date, region, scoped_service, terminator = parts
    faults = []
    if not region or len(region) > REGION_LENGTH or not REGION_CHARACTERS.issuperset(region):
        faults.append(f"Credential should be scoped to a valid region, not '{region}'.")
    if scoped_service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if terminator != TERMINATOR:
        faults.append(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'.")
    if date != signed_at[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{signed_at[:8]}', from '{signed_at}'."
        )
    if faults:
        raise InvalidSignature(" ".join(faults))
    return key_id, date, region


def _payload_hash(request: Request, headers: Headers) -> bytes:
    """The hash of the body as it came, or the word that stands for it where there is no body to protect."""
    computed = hashlib.sha256(request.body).hexdigest().encode()
    given = (_only(headers, b"x-amz-content-sha256") or "").encode("latin-1")
    if given == UNSIGNED:
        if request.body:
            raise InvalidSignature(
                "The request's body is not signed: x-amz-content-sha256 is UNSIGNED-PAYLOAD. Sign the hash of the body."
            )
        return UNSIGNED
    if given and not hmac.compare_digest(given, computed):
        raise InvalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
    return computed


def _check_session_token(claim: Claim, wanted: str | None) -> None:
    """A temporary access key comes with its token, a lasting one with none."""
    if claim.session_token is None and wanted is None:
        return
    if not hmac.compare_digest((claim.session_token or "").encode(), (wanted or "").encode()):
        raise UnknownAccessKey(UNKNOWN)


# --- the arithmetic -------------------------------------------------------------------------------------------


def canonical_request(request: Request, headers: Headers, claim: Claim, payload: bytes) -> bytes:
    """The text that both sides hash."""
    lines = [
        request.method.encode(),
        _canonical_path(request.path),
        _canonical_query(request.query, presigned=claim.presigned),
        *(name + b":" + _canonical_value(headers.get(name, ())) for name in claim.signed_headers),
        b"",
        b";".join(claim.signed_headers),
        payload,
    ]
    return b"\n".join(lines)


def _canonical_value(values: Sequence[bytes]) -> bytes:
    return b",".join(b" ".join(value.split()) for value in values)


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


def _canonical_query(query: bytes, *, presigned: bool) -> bytes:
    if not query:
        return b""
    encoded = [
        (quote_from_bytes(name, safe=UNRESERVED), quote_from_bytes(value, safe=UNRESERVED))
        for name, value in _pairs(query)
        if not (presigned and name == b"X-Amz-Signature")
    ]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded)).encode()


def _pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    parts = [part.partition(b"=") for part in query.split(b"&") if part]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parts]


def _signature(key: bytes, claim: Claim, canonical: bytes) -> str:
    scope = claim.credential.partition("/")[2]
    text = f"{ALGORITHM}\n{_basic(claim.moment)}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key for one day, region and service, derived of a secret."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


@lru_cache(maxsize=1024)
def _basic(moment: datetime) -> str:
    """A time as SigV4 writes it; many requests are signed in the same second."""
    return moment.strftime("%Y%m%dT%H%M%SZ")
