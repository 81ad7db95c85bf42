"""Who is signed in to the console: a signed cookie, and the tokens that forms carry. Pure.

Nothing is stored: the signature is an HMAC under a key that every server of one database has, so any of them may answer
the next request. Keys have numbers, and a cookie names its own. The secret of the access key goes into it too, so that
a key whose secret changes is signed out.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgewright.auth.principals import Principal

COOKIE = "edgewright-session"
SIGN_IN_COOKIE = "edgewright-sign-in"
"""Holds the nonce of a sign-in form, before anybody is signed in."""
NONCE_BYTES = 16
LONGEST_COOKIE = 4096
FIRST_KEY = 1
"""Signs cookies that name no key: those of a version before keys had numbers."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the cookie holds.

    Attributes:
        access_key_id: who signed in.
        region: the region whose jobs are shown.
        origin: the server's address as the browser has it, such as `https://edge.example.com`.
        expires: seconds since the epoch.
        nonce: what the tokens of this session's forms are made of.
    """

    access_key_id: str
    region: str
    origin: str
    expires: int
    nonce: str

    @property
    def secure(self) -> bool:
        """Whether the cookie may only travel over https."""
        return self.origin.startswith("https://")

    def in_region(self, region: str) -> Session:
        """The same session, looking at another region."""
        return replace(self, region=region)


class SessionSigner:
    """Signs sessions and forms, and verifies what it signed."""

    def __init__(self, keys: Callable[[], Sequence[tuple[int, bytes]]]) -> None:
        """Keep what gives the keys.

        Args:
            keys: those that count now, by number: the first signs, all verify. Every server of a database has the same.
        """
        self._keys = keys

    def sign(self, session: Session, principal: Principal) -> str:
        """The cookie's value."""
        number, key = self._keys()[0]
        body = orjson.dumps(asdict(session) | {"key": number})
        return f"{_encoded(body)}.{_encoded(_tag(key, body, principal))}"

    def read(
        self, cookie: str, find: Callable[[str], Principal | None], now: float
    ) -> tuple[Session, Principal] | None:
        """The session in a cookie and who has it, or None where there is none that is valid.

        Args:
            cookie: as the browser sent it.
            find: the principal of an access key; None where the key is unknown or disabled.
            now: seconds since the epoch.
        """
        body, tag = _parts(cookie)
        said = _said(body)
        if said is None:
            return None
        session, number = said
        key, principal = dict(self._keys()).get(number), find(session.access_key_id)
        if key is None or principal is None or not hmac.compare_digest(tag, _tag(key, body, principal)):
            return None
        return None if now >= session.expires else (session, principal)

    def form_token(self, nonce: str) -> str:
        """What a form carries so that no other site can send it."""
        return _form_token(self._keys()[0][1], nonce)

    def is_form_token(self, token: str, nonce: str) -> bool:
        """Whether a form came from a page that was made for the holder of this nonce."""
        matches = [hmac.compare_digest(token.encode(), _form_token(key, nonce).encode()) for _, key in self._keys()]
        return bool(nonce) and any(matches)


def _tag(key: bytes, body: bytes, principal: Principal) -> bytes:
    proof = f"{principal.secret_access_key}\n{principal.session_token or ''}".encode()
    return hmac.digest(key, b"session\n" + hashlib.sha256(proof).digest() + body, "sha256")


def _form_token(key: bytes, nonce: str) -> str:
    return hmac.digest(key, f"form\n{nonce}".encode(), "sha256").hex()


def new_nonce() -> str:
    """A random name, as text that needs no quoting."""
    return secrets.token_urlsafe(NONCE_BYTES)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")


def _parts(cookie: str) -> tuple[bytes, bytes]:
    body, _, tag = cookie[:LONGEST_COOKIE].partition(".")
    try:
        return base64.b64decode(body, b"-_", validate=True), base64.b64decode(tag, b"-_", validate=True)
    except ValueError:
        return b"", b""


def _said(body: bytes) -> tuple[Session, int] | None:
    """What the body says, and its key's number; nothing in it is believed before its tag was checked."""
    try:
        members: Any = orjson.loads(body)
        session = Session(
            access_key_id=str(members["access_key_id"]),
            region=str(members["region"]),
            origin=str(members["origin"]),
            expires=int(members["expires"]),
            nonce=str(members["nonce"]),
        )
        return session, int(members.get("key", FIRST_KEY))
    except (orjson.JSONDecodeError, TypeError, KeyError, ValueError, OverflowError):
        return None
