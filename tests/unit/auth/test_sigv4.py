"""Signatures: who is let in, and how each of the others is refused.

The arithmetic is shown on the public test suite in tests/conformance/test_sigv4_vectors.py.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import time
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from edgewright.auth.sigv4 import SIGNING_KEYS, Signed, Verifier
from edgewright.errors import (
    CallerError,
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    UnknownAccessKey,
)
from edgewright.protocol.signature import LONGEST_KEPT, Request
from edgewright.protocol.sigv4 import query_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a-session-token"
BODY = b'{"EdgePackagingJobName": "a"}'
NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
STAMP = "20260131T120000Z"
SCOPE = "20260131/eu-west-1/sagemaker/aws4_request"
TARGET = (b"x-amz-target", b"SageMaker.DescribeEdgePackagingJob")
HOST = (b"host", b"127.0.0.1:8181")
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."


@dataclasses.dataclass(frozen=True)
class Owner:
    secret_access_key: str = SECRET
    session_token: str | None = None


VERIFIER = Verifier({KEY: Owner()}, "sagemaker")
TEMPORARY = Verifier({KEY: Owner(session_token=TOKEN)}, "sagemaker")
SIGNED = Signed(Owner(), "eu-west-1", "sagemaker")
SIGNED_BRIEFLY = Signed(Owner(session_token=TOKEN), "eu-west-1", "sagemaker")


# --- a signer of our own, so that a request can be wrong in any one place ---------------------------------------


@dataclasses.dataclass(frozen=True)
class Signer:
    """Signs in the header form. Every part can be another than it should be."""

    secret: str = SECRET
    credential: str = f"{KEY}/{SCOPE}"
    stamp: str = STAMP
    algorithm: str = "AWS4-HMAC-SHA256"
    date_header: tuple[bytes, bytes] = (b"x-amz-date", STAMP.encode())
    extra: tuple[tuple[bytes, bytes], ...] = ()
    unsigned: tuple[tuple[bytes, bytes], ...] = ((b"user-agent", b"test"), (b"content-length", b"29"))
    leave_out: frozenset[bytes] = frozenset()
    payload: str | None = None
    body: bytes = BODY

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [HOST, TARGET, self.date_header, *self.extra]

    def authorization(self) -> str:
        signed = sorted((name, value) for name, value in self.headers() if name not in self.leave_out)
        names = ";".join(name.decode() for name, _ in signed)
        lines = "".join(f"{name.decode()}:{value.decode()}\n" for name, value in signed)
        payload = self.payload or hashlib.sha256(self.body).hexdigest()
        canonical = f"POST\n/\n\n{lines}\n{names}\n{payload}"
        scope = self.credential.partition("/")[2]
        text = f"AWS4-HMAC-SHA256\n{self.stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        return f"{self.algorithm} Credential={self.credential}, SignedHeaders={names}, Signature={signature}"

    def request(self) -> Request:
        headers = [*self.headers(), *self.unsigned, (b"authorization", self.authorization().encode())]
        return Request("POST", b"/", b"", headers, self.body)


def with_authorization(value: str, *others: tuple[bytes, bytes]) -> Request:
    return Request("POST", b"/", b"", [HOST, TARGET, *others, (b"authorization", value.encode("latin-1"))], BODY)


def refusal(
    kind: type[CallerError], request: Request, verifier: Verifier[Owner] = VERIFIER, now: datetime = NOW
) -> str:
    with pytest.raises(kind) as refused:
        verifier.verify(request, now)
    assert type(refused.value) is kind
    return refused.value.message


# --- who is let in --------------------------------------------------------------------------------------------


def test_a_signed_request_tells_who_signed() -> None:
    assert VERIFIER.verify(Signer().request(), NOW) == SIGNED


def test_the_region_is_that_of_the_scope() -> None:
    signer = Signer(credential=f"{KEY}/20260131/us-gov-west-1/sagemaker/aws4_request")
    assert VERIFIER.verify(signer.request(), NOW).region == "us-gov-west-1"


def test_the_date_header_serves_where_it_is_signed() -> None:
    for value in (STAMP, "Sat, 31 Jan 2026 12:00:00 GMT"):
        assert VERIFIER.verify(Signer(date_header=(b"date", value.encode())).request(), NOW) == SIGNED


@pytest.mark.parametrize("form", ["{2},{1},{0}", "{0}, {2}, {1}", "{2},\t{0} , {1}", "Nothing=here, {0},{1} ,{2}"])
def test_the_parts_may_stand_in_any_order(form: str) -> None:
    request = Signer().request()
    algorithm, _, parts = Signer().authorization().partition(" ")
    value = f"{algorithm} {form.format(*parts.split(', '))}".encode()
    assert VERIFIER.verify(request._replace(headers=[*request.headers[:-1], (b"authorization", value)]), NOW) == SIGNED


def test_a_header_too_long_to_be_kept_is_read_all_the_same() -> None:
    extra = tuple((f"x-amz-meta-{number}".encode(), b"1") for number in range(LONGEST_KEPT // 10))
    request = Signer(extra=extra).request()
    assert VERIFIER.verify(request, NOW) == VERIFIER.verify(request, NOW) == SIGNED


@pytest.mark.parametrize("name", ["x-per%cent", "x-%s", "x-%25"])
def test_a_header_name_is_signed_as_it_is(name: str) -> None:
    assert VERIFIER.verify(Signer(extra=((name.encode(), b"100 %"),)).request(), NOW) == SIGNED


def test_a_date_without_a_zone_is_utc_wherever_the_server_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        signer = Signer(date_header=(b"date", b"Sat, 31 Jan 2026 12:00:00 -0000"))
        assert VERIFIER.verify(signer.request(), NOW) == SIGNED
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_hashed_body_is_let_in_and_so_is_no_body_unsigned() -> None:
    computed = hashlib.sha256(BODY).hexdigest().encode()
    assert VERIFIER.verify(Signer(extra=((b"x-amz-content-sha256", computed),)).request(), NOW) == SIGNED
    unsigned = Signer(extra=((b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),), payload="UNSIGNED-PAYLOAD", body=b"")
    assert VERIFIER.verify(unsigned.request(), NOW) == SIGNED


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_clock_may_be_five_minutes_off(seconds: int) -> None:
    assert VERIFIER.verify(Signer().request(), NOW + timedelta(seconds=seconds)) == SIGNED


@pytest.mark.parametrize("token", [None, TOKEN])
def test_what_botocore_signs_is_let_in(token: str | None) -> None:
    request = AWSRequest("POST", "http://127.0.0.1:8181/", headers={"X-Amz-Target": "SageMaker.ListTags"}, data=BODY)
    SigV4Auth(Credentials(KEY, SECRET, token), "sagemaker", "eu-west-1").add_auth(request)
    verifier, signed = (TEMPORARY, SIGNED_BRIEFLY) if token else (VERIFIER, SIGNED)
    assert verifier.verify(sent(request), datetime.now(UTC)) == signed


@pytest.mark.parametrize("token", [None, TOKEN])
def test_what_botocore_signs_beforehand_is_let_in(token: str | None) -> None:
    request = AWSRequest("POST", "http://127.0.0.1:8181/?a=b%20c&a=%C3%A9", headers={"X-Amz-Target": "SageMaker.X"})
    SigV4QueryAuth(Credentials(KEY, SECRET, token), "sagemaker", "eu-west-1", expires=60).add_auth(request)
    verifier, signed = (TEMPORARY, SIGNED_BRIEFLY) if token else (VERIFIER, SIGNED)
    assert verifier.verify(sent(request), datetime.now(UTC)) == signed


def sent(request: AWSRequest) -> Request:
    """A request of botocore's as a server sees it."""
    prepared = request.prepare()
    url = urlsplit(prepared.url)
    texts = {name: value if isinstance(value, str) else value.decode() for name, value in prepared.headers.items()}
    headers = [(name.lower().encode(), value.encode()) for name, value in {"Host": url.netloc, **texts}.items()]
    return Request(prepared.method, url.path.encode(), url.query.encode(), headers, prepared.body or b"")


# --- not signed, or not so that it can be read ----------------------------------------------------------------


@pytest.mark.parametrize("value", ["", "Basic dXNlcjpwYXNz", "Bearer x.y.z", "AWS AKID:signature"])
def test_other_schemes_are_no_signature(value: str) -> None:
    assert refusal(MissingAuthentication, with_authorization(value)) == "Missing Authentication Token"


def test_no_authorization_is_no_signature() -> None:
    request = Request("POST", b"/", b"a=b", [HOST, TARGET], BODY)
    assert refusal(MissingAuthentication, request) == "Missing Authentication Token"


def test_all_missing_parts_are_named() -> None:
    given_value = "AWS4-HMAC-SHA256 Nothing=here"
    assert refusal(IncompleteSignature, with_authorization(given_value)) == (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
        f"'X-Amz-Date' or a 'Date' header. Authorization={given_value}"
    )


@pytest.mark.parametrize("part", ["Credential", "Signature", "SignedHeaders"])
def test_each_part_is_required(part: str) -> None:
    parts = {"Credential": "a/b/c/d/e", "Signature": "f", "SignedHeaders": "host"}
    value = "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={text}" for name, text in parts.items() if name != part)
    told = refusal(IncompleteSignature, with_authorization(value, (b"x-amz-date", STAMP.encode())))
    assert told == f"Authorization header requires '{part}' parameter. Authorization={value}"


def test_a_part_without_equal_sign_is_named() -> None:
    value = "AWS4-HMAC-SHA256 Credential= a/b/c/d/e, Signature"
    assert refusal(IncompleteSignature, with_authorization(value)) == (
        "'Signature' not a valid key=value pair (missing equal-sign) in Authorization header: "
        "'AWS4-HMAC-SHA256 Credential= a/b/c/d/e, Signature'."
    )


@pytest.mark.parametrize("date", ["201", "20260131T120000", "2026-01-31T12:00:00Z", "20261331T120000Z", "yesterday"])
def test_a_date_that_cannot_be_read_is_shown(date: str) -> None:
    request = with_authorization(Signer().authorization(), (b"x-amz-date", date.encode()))
    assert refusal(IncompleteSignature, request) == (
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def test_another_algorithm_is_refused() -> None:
    assert refusal(IncompleteSignature, Signer(algorithm="AWS4-ECDSA-P256-SHA256").request()) == (
        "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "
    )


def test_a_credential_has_five_parts() -> None:
    assert refusal(IncompleteSignature, Signer(credential="a/b/c/d").request()) == (
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b/c/d'"
    )


@pytest.mark.parametrize("name", [b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"])
def test_a_header_that_could_be_read_in_two_ways_is_refused(name: bytes) -> None:
    request = Signer(extra=((b"x-amz-security-token", b"t"), (b"x-amz-content-sha256", b"h"))).request()
    twice = request._replace(headers=[*request.headers, (name, b"another")])
    assert refusal(IncompleteSignature, twice) == f"The request has 2 {name.decode()} headers. Send one."


@pytest.mark.parametrize("name", ["Credential", "SignedHeaders", "Signature"])
@pytest.mark.parametrize("form", ["{0}, {1}, {2}, {again}", "{again}, {0}, {1}, {2}", "{0},{again},{1},{2}"])
def test_a_part_that_could_be_read_in_two_ways_is_refused(name: str, form: str) -> None:
    request = Signer().request()
    algorithm, _, text = Signer().authorization().partition(" ")
    parts = text.split(", ")
    for again in (f"{name}=x", next(part for part in parts if part.startswith(f"{name}="))):
        value = f"{algorithm} {form.format(*parts, again=again)}".encode()
        message = refusal(
            IncompleteSignature, request._replace(headers=[*request.headers[:-1], (b"authorization", value)])
        )
        assert message == f"The Authorization header has '{name}' more than once. Give it once."


def test_a_host_that_is_signed_must_be_there() -> None:
    request = Signer().request()
    without = request._replace(headers=[header for header in request.headers if header != HOST])
    assert "'Host'" in refusal(InvalidSignature, without)


def test_who_calls_is_known_before_the_body_is() -> None:
    request = Signer().request()
    claim = VERIFIER.claim(request._replace(body=b""), NOW)
    assert VERIFIER.confirm(claim, BODY) == SIGNED
    assert SECRET not in repr(claim)
    with pytest.raises(InvalidSignature):
        VERIFIER.confirm(claim, b"")
    with pytest.raises(UnknownAccessKey):
        VERIFIER.claim(Signer(credential=f"AKIANOBODY/{SCOPE}").request(), NOW)


def test_signed_in_both_places_is_refused() -> None:
    request = Signer().request()._replace(query=presigned().query)
    assert "in its Authorization header and in its query" in refusal(IncompleteSignature, request)


# --- out of time or scope -------------------------------------------------------------------------------------


def test_an_old_signature_has_expired() -> None:
    now = NOW + timedelta(minutes=10)
    assert refusal(InvalidSignature, Signer().request(), now=now) == (
        "Signature expired: 20260131T120000Z is now earlier than 20260131T120500Z (20260131T121000Z - 5 min.)"
    )


def test_a_signature_of_the_future_is_not_yet_current() -> None:
    now = NOW - timedelta(minutes=10)
    assert refusal(InvalidSignature, Signer().request(), now=now) == (
        "Signature not yet current: 20260131T120000Z is still later than 20260131T115500Z (20260131T115000Z + 5 min.)"
    )


@pytest.mark.parametrize("seconds", [-301, 301])
def test_five_minutes_and_a_second_are_too_much(seconds: int) -> None:
    assert "Signature" in refusal(InvalidSignature, Signer().request(), now=NOW + timedelta(seconds=seconds))


def test_every_wrong_part_of_the_scope_is_named() -> None:
    request = Signer(credential=f"{KEY}/20260130/EU!/s3/aws5_request").request()
    assert refusal(InvalidSignature, request) == (
        "Credential should be scoped to a valid region, not 'EU!'. Credential should be scoped to correct service: "
        "'sagemaker'. Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'. Date in "
        "Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260130' != '20260131', "
        "from '20260131T120000Z'."
    )


@pytest.mark.parametrize("region", ["", "eu/west", "../x", "a" * 33, "eu-west-1\n"])
def test_a_region_must_fit_an_arn(region: str) -> None:
    with pytest.raises((InvalidSignature, IncompleteSignature)):
        VERIFIER.verify(with_credential(f"{KEY}/20260131/{region}/sagemaker/aws4_request"), NOW)


def with_credential(credential: str) -> Request:
    text = Signer().authorization().replace(f"{KEY}/{SCOPE}", credential)
    return with_authorization(text, (b"x-amz-date", STAMP.encode()))


# --- not who they say, or not what they signed ----------------------------------------------------------------


def test_an_access_key_that_nobody_has() -> None:
    assert refusal(UnknownAccessKey, Signer(credential=f"AKIDNOBODY/{SCOPE}").request()) == UNKNOWN


def test_another_secret_does_not_match() -> None:
    assert refusal(InvalidSignature, Signer(secret="another").request()) == MISMATCH


def test_a_replaced_secret_counts_at_once() -> None:
    owners = {KEY: Owner()}
    verifier = Verifier(owners, "sagemaker")
    verifier.verify(Signer().request(), NOW)
    owners[KEY] = Owner(secret_access_key="new")
    assert refusal(InvalidSignature, Signer().request(), verifier) == MISMATCH
    assert verifier.verify(Signer(secret="new").request(), NOW).holder == owners[KEY]


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": b"/other"},
        {"query": b"a=b"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
)
def test_a_change_on_the_way_is_noticed(change: dict[str, Any]) -> None:
    assert refusal(InvalidSignature, Signer().request()._replace(**change)) == MISMATCH


def test_another_operation_than_the_signed_one_is_noticed() -> None:
    request = Signer().request()
    headers = [(name, b"SageMaker.DeleteTags" if name == TARGET[0] else value) for name, value in request.headers]
    assert refusal(InvalidSignature, request._replace(headers=headers)) == MISMATCH


def test_the_host_must_be_signed() -> None:
    assert refusal(InvalidSignature, Signer(leave_out=frozenset({b"host"})).request()) == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )


@pytest.mark.parametrize("name", [b"x-amz-target", b"x-amz-date", b"x-amz-content-sha256", b"x-amz-anything"])
def test_an_amz_header_must_be_signed(name: bytes) -> None:
    extra = ((b"x-amz-content-sha256", hashlib.sha256(BODY).hexdigest().encode()), (b"x-amz-anything", b"1"))
    told = refusal(InvalidSignature, Signer(extra=extra, leave_out=frozenset({name})).request())
    assert told == (
        f"There were headers present in the request which were not signed: {name.decode()}. Sign every header whose "
        "name begins with x-amz-."
    )


def test_an_amz_header_added_on_the_way_is_noticed() -> None:
    request = Signer(unsigned=((b"x-amz-meta", b"1"),)).request()
    assert "not signed: x-amz-meta" in refusal(InvalidSignature, request)


def test_a_date_header_that_counts_must_be_signed() -> None:
    signer = Signer(date_header=(b"date", STAMP.encode()), leave_out=frozenset({b"date"}))
    assert "not signed: date" in refusal(InvalidSignature, signer.request())


def test_a_header_said_to_be_signed_must_be_there() -> None:
    request = Signer(extra=((b"x-other", b"1"),)).request()
    without = [(name, value) for name, value in request.headers if name != b"x-other"]
    assert refusal(InvalidSignature, request._replace(headers=without)) == MISMATCH


def test_an_unsigned_body_is_refused() -> None:
    unsigned = Signer(extra=((b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),), payload="UNSIGNED-PAYLOAD")
    assert "UNSIGNED-PAYLOAD. Sign the hash of the body." in refusal(InvalidSignature, unsigned.request())


@pytest.mark.parametrize("given_hash", [b"0" * 64, b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "é".encode("latin-1")])
def test_another_hash_than_the_bodys_is_refused(given_hash: bytes) -> None:
    request = Signer(extra=((b"x-amz-content-sha256", b"?"),)).request()
    headers = [(name, given_hash if value == b"?" else value) for name, value in request.headers]
    assert refusal(InvalidSignature, request._replace(headers=headers)) == (
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    )


def test_session_tokens_are_compared() -> None:
    good = ((b"x-amz-security-token", TOKEN.encode()),)
    bad = ((b"x-amz-security-token", b"another"),)
    assert TEMPORARY.verify(Signer(extra=good).request(), NOW) == SIGNED_BRIEFLY
    assert TEMPORARY.verify(Signer(unsigned=good).request(), NOW) == SIGNED_BRIEFLY
    assert refusal(UnknownAccessKey, Signer(extra=bad).request(), TEMPORARY) == UNKNOWN
    assert refusal(UnknownAccessKey, Signer().request(), TEMPORARY) == UNKNOWN
    assert refusal(UnknownAccessKey, Signer(extra=good).request(), VERIFIER) == UNKNOWN


# --- pre-signed -----------------------------------------------------------------------------------------------


def presigned(
    changes: Mapping[str, str | None] = MappingProxyType({}),
    headers: tuple[tuple[bytes, bytes], ...] = (HOST, TARGET),
    again: tuple[tuple[str, str], ...] = (),
) -> Request:
    """A pre-signed request with a body; a change of None leaves a parameter out, and all are signed as they are.

    Args:
        changes: of the parameters, by their names behind `X-Amz-`.
        headers: what comes beside.
        again: further parameters, which may be there already.
    """
    given_parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{KEY}/{SCOPE}",
        "X-Amz-Date": STAMP,
        "X-Amz-Expires": "60",
        "X-Amz-SignedHeaders": "host;x-amz-target",
        **{f"X-Amz-{name}": value for name, value in changes.items()},
    }
    all_parameters = [*((name, value) for name, value in given_parameters.items() if value is not None), *again]
    pairs = sorted((name, quote(value, safe="-_.~", encoding="latin-1")) for name, value in all_parameters)
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = f"host:{HOST[1].decode()}\nx-amz-target:{TARGET[1].decode()}\n"
    canonical = f"POST\n/\n{query}\n{lines}\nhost;x-amz-target\n{hashlib.sha256(BODY).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{STAMP}\n{SCOPE}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4" + SECRET.encode()
    for part in SCOPE.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return Request("POST", b"/", f"{query}&X-Amz-Signature={signature}".encode(), headers, BODY)


def test_a_presigned_request_is_let_in_while_it_lives() -> None:
    assert VERIFIER.verify(presigned(), NOW) == SIGNED
    assert VERIFIER.verify(presigned(), NOW + timedelta(seconds=60)) == SIGNED
    week = timedelta(days=7)
    assert VERIFIER.verify(presigned({"Expires": "604800"}), NOW + week) == SIGNED


def test_a_presigned_request_expires() -> None:
    assert refusal(InvalidSignature, presigned(), now=NOW + timedelta(seconds=61)) == (
        "Signature expired: 20260131T120000Z is now earlier than 20260131T120001Z (20260131T120101Z - 60 s)"
    )


def test_a_presigned_request_of_the_future_is_not_yet_current() -> None:
    assert "not yet current" in refusal(InvalidSignature, presigned(), now=NOW - timedelta(minutes=6))


def test_a_presigned_request_without_a_life_has_five_minutes() -> None:
    assert VERIFIER.verify(presigned({"Expires": None}), NOW + timedelta(minutes=5)) == SIGNED
    assert "expired" in refusal(InvalidSignature, presigned({"Expires": None}), now=NOW + timedelta(seconds=301))


@pytest.mark.parametrize("life", ["0", "-1", "604801", "x", "1.5", "²", "9" * 5000, "000000001" + "9" * 20])
def test_a_life_out_of_range_is_refused(life: str) -> None:
    assert "X-Amz-Expires must be a number of seconds" in refusal(IncompleteSignature, presigned({"Expires": life}))


@pytest.mark.parametrize("part", ["Algorithm", "Credential", "SignedHeaders", "Date"])
def test_each_parameter_is_required(part: str) -> None:
    assert refusal(IncompleteSignature, presigned({part: None})) == (
        f"AWS query-string parameters must include 'X-Amz-{part}'. Re-examine the query-string parameters."
    )


@pytest.mark.parametrize("value", ["as before", "another"])
@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Security-Token"])
def test_a_parameter_that_could_be_read_in_two_ways_is_refused(name: str, value: str) -> None:
    """Though it is signed both times, and would be let in if the first or the last counted."""
    full = f"X-Amz-{name}"
    token = {"Security-Token": TOKEN}
    (first,) = [held for at, held in query_pairs(presigned(token).query) if at.decode() == full]
    second = first.decode() if value == "as before" else "another"
    assert refusal(IncompleteSignature, presigned(token, again=((full, second),))) == (
        f"The query has '{full}' more than once. Give it once."
    )


def test_a_second_signature_in_the_query_is_refused() -> None:
    request = presigned()
    twice = request._replace(query=request.query + b"&" + request.query.rpartition(b"&")[2])
    assert refusal(IncompleteSignature, twice) == "The query has 'X-Amz-Signature' more than once. Give it once."


def test_another_parameter_may_come_more_than_once() -> None:
    assert VERIFIER.verify(presigned(again=(("tag", "a"), ("tag", "b"))), NOW) == SIGNED


@pytest.mark.parametrize(
    "change", [{"body": b"{}"}, {"method": "GET"}, {"path": b"/x"}, {"headers": [HOST, (TARGET[0], b"SageMaker.X")]}]
)
def test_a_change_of_a_presigned_request_is_noticed(change: dict[str, Any]) -> None:
    assert refusal(InvalidSignature, presigned()._replace(**change)) == MISMATCH


def test_a_date_header_beside_a_presigned_request_counts_for_nothing() -> None:
    request = presigned(headers=(HOST, TARGET, (b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")))
    assert VERIFIER.verify(request, NOW) == SIGNED


def test_a_longer_life_than_the_signed_one_is_noticed() -> None:
    request = presigned()
    longer = request.query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=600")
    assert refusal(InvalidSignature, request._replace(query=longer)) == MISMATCH


def test_an_amz_header_beside_a_presigned_request_must_be_signed() -> None:
    request = presigned(headers=(HOST, TARGET, (b"x-amz-anything", b"1")))
    assert "not signed: x-amz-anything" in refusal(InvalidSignature, request)


def test_the_session_token_of_a_presigned_request_is_compared() -> None:
    request = presigned({"Security-Token": TOKEN})
    assert TEMPORARY.verify(request, NOW) == SIGNED_BRIEFLY
    assert refusal(UnknownAccessKey, presigned(), TEMPORARY) == UNKNOWN
    assert refusal(UnknownAccessKey, request, VERIFIER) == UNKNOWN


# --- whatever else comes --------------------------------------------------------------------------------------


def test_derived_keys_are_kept_but_not_without_end() -> None:
    verifier = Verifier({KEY: Owner()}, "sagemaker")
    for _ in range(2):
        verifier.verify(Signer().request(), NOW)
    assert verifier._signing_key.cache_info()[:2] == (1, 1)
    for number in range(SIGNING_KEYS + 10):
        request = with_credential(f"{KEY}/20260131/eu-north-{number}/sagemaker/aws4_request")
        assert refusal(InvalidSignature, request, verifier) == MISMATCH
    assert verifier._signing_key.cache_info().currsize == SIGNING_KEYS


def test_a_principal_does_not_show_in_what_is_told() -> None:
    assert SECRET not in repr(VERIFIER)
    assert SECRET not in repr(VERIFIER.verify(Signer().request(), NOW))


@given(st.integers(0, 63), st.sampled_from("0123456789abcdefABCDEF"))
def test_another_signature_is_refused(place: int, digit: str) -> None:
    head, _, signature = Signer().authorization().rpartition("=")
    changed = signature[:place] + digit + signature[place + 1 :]
    request = with_authorization(f"{head}={changed}", (b"x-amz-date", STAMP.encode()))
    if changed == signature:
        assert VERIFIER.verify(request, NOW) == SIGNED
    else:
        assert refusal(InvalidSignature, request) == MISMATCH


PIECES = st.lists(
    st.sampled_from(
        ["AWS4-HMAC-SHA256 ", "Credential=", f"{KEY}/{SCOPE}", ", ", "SignedHeaders=host", "Signature=", "é"]
    )
    | st.text(st.characters(max_codepoint=255), max_size=5),
    max_size=10,
).map("".join)
DATES = st.sampled_from([STAMP, "Sat, 31 Jan 2026 12:00:00 GMT"]) | st.text(st.characters(max_codepoint=255))


@given(PIECES, DATES)
def test_no_authorization_header_does_more_than_be_refused(value: str, date: str) -> None:
    request = with_authorization(value, (b"x-amz-date", date.encode("latin-1")))
    with pytest.raises((MissingAuthentication, IncompleteSignature, InvalidSignature, UnknownAccessKey)):
        VERIFIER.verify(request, NOW)


@given(
    st.lists(st.sampled_from(["X-Amz-Signature=", "X-Amz-Date=", "&", "%", "=", "é", "X-Amz-Expires=1"]) | st.text())
)
def test_no_query_does_more_than_be_refused(pieces: list[str]) -> None:
    request = presigned()._replace(query="".join(pieces).encode("utf-8", "replace"))
    with pytest.raises((MissingAuthentication, IncompleteSignature, InvalidSignature, UnknownAccessKey)):
        VERIFIER.verify(request, NOW)


# --- what anybody may send is of a bounded size, and looked at in time that grows with it -----------------------


def test_a_signature_names_so_many_headers_at_most() -> None:
    """Each header used to be sought among all signed names, before anybody was identified: this took an hour."""
    many = 100_000
    headers = [(b"x-amz-%d" % number, b"") for number in range(many)]
    signed = ";".join(f"x-{number}" for number in range(many))
    value = f"AWS4-HMAC-SHA256 Credential={KEY}/{SCOPE}, SignedHeaders=host;{signed}, Signature=0".encode()
    request = Request(
        "POST", b"/", b"", [*headers, HOST, (b"x-amz-date", STAMP.encode()), (b"authorization", value)], b""
    )
    assert "100001 SignedHeaders. Send 512 and 128 at most" in refusal(IncompleteSignature, request)


def test_an_access_key_of_any_length_is_not_kept() -> None:
    signer = Signer(credential=f"{'A' * 30_000}/{SCOPE}")
    assert "a Credential of 30042 characters" in refusal(IncompleteSignature, signer.request())
