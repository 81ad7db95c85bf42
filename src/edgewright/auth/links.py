"""Signed links to objects: who has one may read the object, for `LIFE`. Pure.

A link has no signature of AWS's: an HMAC over the object's name and the link's end is in its query.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from edgewright.errors import AccessDenied

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edgewright.stores import S3Uri

LIFE = timedelta(minutes=15)
SKEW = timedelta(minutes=5)
"""How far the clocks of two servers may be apart: a link that ends later than after both was made by none of them."""
FIRST_KEY = "1"
"""Signs links that name no key: those of a version before keys had numbers."""
OUTDATED = "The link does not hold: it has expired, or is not one of this server's. Ask for a new one."


class LinkSigner:
    """Signs links, and verifies them."""

    def __init__(self, keys: Callable[[], Sequence[tuple[int, bytes]]], now: Callable[[], datetime]) -> None:
        """Keep the parts.

        Args:
            keys: those that count now, by number: the first signs, all verify. Every server of a database has the same.
            now: the clock, aware.
        """
        self._keys = keys
        self._now = now

    def query(self, uri: S3Uri, sha256: str = "") -> str:
        """The query of a link to an object that holds for `LIFE`, while the object has that SHA-256 if one is given."""
        expires = int((self._now() + LIFE).timestamp())
        number, key = self._keys()[0]
        digest = f"&sha256={sha256}" if sha256 else ""
        return f"expires={expires}{digest}&key={number}&signature={_signature(key, uri, expires, sha256)}"

    def verify(self, uri: S3Uri, query: str) -> str:
        """Let the holder of a link read the object, if it has the SHA-256 that is returned; any, if that is empty.

        Raises:
            AccessDenied: the signature is not ours, its key does not count any more, or the link has expired, or would
                live longer than any that is made.
        """
        given = {name: values[0] for name, values in parse_qs(query).items()}
        expires, sha256, signature = (given.get(name, "") for name in ("expires", "sha256", "signature"))
        key = {str(number): key for number, key in self._keys()}.get(given.get("key", FIRST_KEY))
        if key is None or not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            raise AccessDenied(OUTDATED)
        if not hmac.compare_digest(signature.encode(), _signature(key, uri, int(expires), sha256).encode()):
            raise AccessDenied(OUTDATED)
        now, end = self._now(), datetime.fromtimestamp(int(expires), UTC)
        if not now < end <= now + LIFE + SKEW:
            raise AccessDenied(OUTDATED)
        return sha256


def _signature(key: bytes, uri: S3Uri, expires: int, sha256: str) -> str:
    digest = f" {sha256}" if sha256 else ""  # without one, as earlier versions signed
    return hmac.digest(key, f"{expires}{digest}\n{uri.bucket}/{uri.key}".encode(), "sha256").hex()
