from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import orjson
import pytest

from edgewright.auth.principals import Principal
from edgewright.auth.sessions import Session, SessionSigner, new_nonce

PRINCIPAL = Principal("AKIAEXAMPLE", "s3cret", "123456789012")
SESSION = Session("AKIAEXAMPLE", "eu-west-1", "http://127.0.0.1:8181", 2000, "nonce")
KEY, OTHER = (1, b"k" * 32), (1, b"x" * 32)
SIGNER = SessionSigner(lambda: [KEY])


def find(key_id: str) -> Principal | None:
    return PRINCIPAL if key_id == PRINCIPAL.access_key_id else None


def test_a_sealed_session_opens_again_on_any_server_with_the_key() -> None:
    assert SessionSigner(lambda: [KEY]).read(SIGNER.sign(SESSION, PRINCIPAL), find, 1999.9) == (SESSION, PRINCIPAL)


def test_a_session_ends() -> None:
    assert SIGNER.read(SIGNER.sign(SESSION, PRINCIPAL), find, 2000) is None


def test_another_servers_session_does_not_open() -> None:
    assert SessionSigner(lambda: [OTHER]).read(SIGNER.sign(SESSION, PRINCIPAL), find, 0) is None


def test_a_key_that_is_gone_is_signed_out() -> None:
    assert SIGNER.read(SIGNER.sign(SESSION, PRINCIPAL), lambda _key: None, 0) is None


@pytest.mark.parametrize(
    "now", [replace(PRINCIPAL, secret_access_key="other"), replace(PRINCIPAL, session_token="new")]
)
def test_a_key_whose_secret_changed_is_signed_out(now: Principal) -> None:
    assert SIGNER.read(SIGNER.sign(SESSION, PRINCIPAL), lambda _key: now, 0) is None


def test_a_rotation_signs_nobody_out_and_a_second_one_everybody() -> None:
    keys = [KEY]
    signer = SessionSigner(lambda: keys)
    cookie, token = signer.sign(SESSION, PRINCIPAL), signer.form_token("nonce")
    keys[:] = [(2, b"j" * 32), KEY]
    assert signer.read(cookie, find, 0) == (SESSION, PRINCIPAL)
    assert signer.is_form_token(token, "nonce")
    assert signer.sign(SESSION, PRINCIPAL) != cookie
    assert signer.read(signer.sign(SESSION, PRINCIPAL), find, 0) == (SESSION, PRINCIPAL)
    keys[:] = [(3, b"i" * 32), (2, b"j" * 32)]
    assert signer.read(cookie, find, 0) is None
    assert not signer.is_form_token(token, "nonce")


def test_a_cookie_of_a_version_before_keys_had_numbers_is_read() -> None:
    key, body = KEY[1], orjson.dumps(SESSION)
    proof = hashlib.sha256(f"{PRINCIPAL.secret_access_key}\n".encode()).digest()
    tag = hmac.digest(key, b"session\n" + proof + body, "sha256")
    cookie = b".".join(map(base64.urlsafe_b64encode, (body, tag))).decode()
    assert SIGNER.read(cookie, find, 0) == (SESSION, PRINCIPAL)


def test_no_byte_of_a_cookie_can_be_changed() -> None:
    cookie = SIGNER.sign(SESSION, PRINCIPAL)
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        opened = SIGNER.read(cookie[:place] + other + cookie[place + 1 :], find, 0)
        assert opened is None or opened[0] == SESSION, "base64 has bits at its end that mean nothing"


@pytest.mark.parametrize(
    "cookie", ["", ".", "a", "é.é", "bm8.bm8=", "eyJ9.AAAA", "bnVsbA==.AAAA", "W10=.AAAA", "x" * 9999]
)
def test_what_is_no_cookie_of_ours_opens_nothing(cookie: str) -> None:
    assert SIGNER.read(cookie, find, 0) is None


def test_a_forms_token_fits_its_session_alone() -> None:
    token = SIGNER.form_token("nonce")
    assert SIGNER.is_form_token(token, "nonce")
    assert not SIGNER.is_form_token(token, "other")
    assert not SIGNER.is_form_token("", "nonce")
    assert not SIGNER.is_form_token(SIGNER.form_token(""), ""), "nobody is signed in without a nonce"
    assert not SIGNER.is_form_token("é", "nonce")
    assert not SessionSigner(lambda: [OTHER]).is_form_token(token, "nonce")


def test_a_cookie_is_secure_where_the_browser_came_over_https() -> None:
    assert not SESSION.secure
    assert replace(SESSION, origin="https://edge.example.com").secure


def test_nonces_differ() -> None:
    assert len({new_nonce() for _ in range(100)}) == 100
