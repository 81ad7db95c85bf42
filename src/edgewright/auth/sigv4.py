"""AWS Signature Version 4, verified.

`protocol.signature` reads what a request says of its signature, and `protocol.sigv4` has the arithmetic. Pure: a
request, the principals and a clock go in, who signed comes out. The checks and their sentences come in the order in
which AWS makes them; decision 0024 says which were seen and which are ours. Every signature is calculated anew.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Generic, NamedTuple, Protocol, TypeVar

from edgewright.errors import IncompleteSignature, InvalidSignature, UnknownAccessKey
from edgewright.protocol.signature import Headers, Request, Signature, basic, by_name, only, read_signature
from edgewright.protocol.sigv4 import (
    ALGORITHM,
    TERMINATOR,
    canonical_query,
    canonical_request,
    signature,
    signing_key,
)

UNSIGNED = b"UNSIGNED-PAYLOAD"
REGION_LENGTH = 32
REGION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")

SKEW = timedelta(minutes=5)
"""How far the caller's clock may be off."""
SIGNING_KEYS = 1024
"""Derived keys that are kept: one per access key, day, region."""

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."


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
        """The holder, or None where the key is unknown."""


class Signed(NamedTuple, Generic[H]):
    """Who signed a request, and for what: the region and service of the credential scope."""

    holder: H
    region: str
    service: str

    def __repr__(self) -> str:
        """Without the holder, who has secrets."""
        return f"Signed(region={self.region!r}, service={self.service!r})"


class Claim(NamedTuple, Generic[H]):
    """Who a request says that it is from, before its body has been seen: nothing is proved yet.

    Attributes:
        holder: of the access key that the signature names.
        request: as it came, but for its body.
        headers: of the request, by name.
        given: the signature.
        date: of the credential scope, as are region and service.
        region: whose resources are meant.
        service: that is called.
    """

    holder: H
    request: Request
    headers: Headers
    given: Signature
    date: str
    region: str
    service: str

    def __repr__(self) -> str:
        """Without the holder, who has secrets."""
        return f"Claim(region={self.region!r}, service={self.service!r})"


class Verifier(Generic[H]):
    """Checks signatures for one service. It caches the signing keys that it derives."""

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
            UnknownAccessKey: the access key or the session token is unknown.
        """
        return self.confirm(self.claim(request, now), request.body)

    def claim(self, request: Request, now: datetime) -> Claim[H]:
        """Who the request says that it is from; its body may be missing yet.

        Raises:
            CallerError: as `verify`, but for the signature's value, the body and the session token.
        """
        headers = by_name(request.headers)
        given = read_signature(request, headers)
        terms, stamp = given.terms, given.moment.stamp
        _check_time(given, now)
        _check_signed_headers(given, headers)
        key_id, date, region = _scope(terms.algorithm, terms.credential, stamp, self._service)
        holder = self._holders.get(key_id)
        if holder is None:
            raise UnknownAccessKey(UNKNOWN)
        return Claim(holder, request, headers, given, date, region, self._service)

    def confirm(self, claim: Claim[H], body: bytes) -> Signed[H]:
        """Who signed the request, with this body.

        Raises:
            InvalidSignature: the signature, or the header with the body's hash, does not match.
            UnknownAccessKey: the session token is unknown.
        """
        holder, given = claim.holder, claim.given
        text = canonical(claim.request._replace(body=body), claim.headers, given)
        key = self._signing_key(holder.secret_access_key, claim.date, claim.region, claim.service)
        expected = signature(key, given.moment.stamp, given.terms.credential.partition("/")[2], text)
        if not hmac.compare_digest(expected.encode(), given.value.encode()):
            raise InvalidSignature(MISMATCH)
        _check_session_token(given, holder.session_token)
        return Signed(holder, claim.region, claim.service)


def canonical(request: Request, headers: Headers, given: Signature) -> bytes:
    """The canonical request, as the signature would have it.

    Raises:
        InvalidSignature: the body is not what its own header says, or is not signed.
    """
    query = canonical_query(request.query, leaving_out=b"X-Amz-Signature" if given.presigned else None)
    first = (request.method, request.path, query)
    return canonical_request(first, headers, given.terms.signed_headers, _payload_hash(request, headers))


# --- the checks -----------------------------------------------------------------------------------------------


def _check_time(given: Signature, now: datetime) -> None:
    time, stamp = given.moment
    age = now - time
    life = SKEW if given.life is None else timedelta(seconds=given.life)
    if -SKEW <= age <= life:
        return
    if age < -SKEW:
        raise InvalidSignature(
            f"Signature not yet current: {stamp} is still later than {basic(now + SKEW)} ({basic(now)} + 5 min.)"
        )
    length = "5 min." if given.life is None else f"{given.life} s"
    raise InvalidSignature(
        f"Signature expired: {stamp} is now earlier than {basic(now - life)} ({basic(now)} - {length})"
    )


def _check_signed_headers(given: Signature, headers: Headers) -> None:
    fault = _uncovered(tuple(headers), given.terms.signed_headers, presigned=given.presigned)
    if fault:
        raise InvalidSignature(fault)


@lru_cache(maxsize=256)
def _uncovered(names: tuple[bytes, ...], signed: tuple[bytes, ...], *, presigned: bool) -> str:
    """What is wrong with a signature that covers these headers of all; empty where nothing is."""
    if not {b"host", b":authority"}.intersection(signed, names):
        return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    dated, covered = presigned or b"x-amz-date" in names, frozenset(signed)
    left_out = [
        name.decode("latin-1")
        for name in names
        if name not in covered and (_must_be_signed(name) or (name == b"date" and not dated))
    ]
    if not left_out:
        return ""
    return (
        f"There were headers present in the request which were not signed: {', '.join(left_out)}. Sign every header "
        "whose name begins with x-amz-."
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
    if len(parts) != 5:
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
    given = (only(headers, b"x-amz-content-sha256") or "").encode("latin-1")
    if given == UNSIGNED:
        if request.body:
            raise InvalidSignature(
                "The request's body is not signed: x-amz-content-sha256 is UNSIGNED-PAYLOAD. Sign the hash of the body."
            )
        return UNSIGNED
    if given and not hmac.compare_digest(given, computed):
        raise InvalidSignature("The provided 'x-amz-content-sha256' header does not match what was computed.")
    return computed


def _check_session_token(given: Signature, wanted: str | None) -> None:
    """A temporary access key comes with its token, a lasting one with none."""
    if given.session_token is None and wanted is None:
        return
    if not hmac.compare_digest((given.session_token or "").encode(), (wanted or "").encode()):
        raise UnknownAccessKey(UNKNOWN)
