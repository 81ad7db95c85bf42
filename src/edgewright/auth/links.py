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
    from collections.abc import Callable

    from edgewright.stores import S3Uri

LIFE = timedelta(minutes=15)
OUTDATED = "The link does not hold: it has expired, or is not one of this server's. Ask for a new one."


class LinkSigner:
    """Signs links, and verifies them."""

    def __init__(self, key: bytes, now: Callable[[], datetime]) -> None:
        """Keep the parts.

        Args:
            key: signs links; the same on every server of one database.
            now: the clock, aware.
        """
        self._key = key
        self._now = now

    def query(self, uri: S3Uri) -> str:
        """The query of a link to an object that holds for `LIFE`."""
        expires = int((self._now() + LIFE).timestamp())
        return f"expires={expires}&signature={self._signature(uri, expires)}"

    def verify(self, uri: S3Uri, query: str) -> None:
        """Let the holder of a link read the object.

        Raises:
            AccessDenied: the signature is not ours, or the link has expired.
        """
        given = parse_qs(query)
        expires, signature = given.get("expires", [""])[0], given.get("signature", [""])[0]
        if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            raise AccessDenied(OUTDATED)
        if not hmac.compare_digest(signature.encode(), self._signature(uri, int(expires)).encode()):
            raise AccessDenied(OUTDATED)
        if self._now() >= datetime.fromtimestamp(int(expires), UTC):
            raise AccessDenied(OUTDATED)

    def _signature(self, uri: S3Uri, expires: int) -> str:
        return hmac.digest(self._key, f"{expires}\n{uri.bucket}/{uri.key}".encode(), "sha256").hex()
