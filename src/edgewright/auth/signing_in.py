"""Signing in with an access key and its secret.

Every refusal reads the same and takes the same steps, whether the key is unknown, disabled or has another secret.
Refusals are bounded for each address, and for the whole server: secrets have 240 random bits, so the bound is there
for the server's sake and not for theirs.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from typing import TYPE_CHECKING

from edgewright.auth.throttling import Bucket
from edgewright.errors import AccessDenied, Throttled

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.auth.principals import Principal

REFUSED = "No access key has this id and this secret. Look at both again: they are case-sensitive."
TOO_MANY = "Too many refused attempts. Wait half a minute, and try again."
NOBODY = "x" * 40
"""Compared where there is no such key, so that this takes as long."""
SERVER = ""
"""The name of the bucket that all refusals draw from."""


def identify(find: Callable[[str], Principal | None], key_id: str, secret: str, session_token: str) -> Principal:
    """Who has this key.

    Raises:
        AccessDenied: they are not; the message does not say which part was wrong.
    """
    principal = find(key_id)
    wanted = NOBODY if principal is None else principal.secret_access_key
    wanted_token = "" if principal is None else principal.session_token or ""
    right = hmac.compare_digest(secret.encode(), wanted.encode())
    right_token = hmac.compare_digest(session_token.encode(), wanted_token.encode())
    if principal is None or not right or not right_token:
        raise AccessDenied(REFUSED)
    return principal


class Attempts:
    """Counts refused attempts in token buckets, one for each address and one for all. For one thread."""

    def __init__(self, rate: float = 0.2, burst: int = 8, server: int = 20, most: int = 10_000) -> None:
        """Set the bounds.

        Args:
            rate: refusals a second that one address may have for long; the server has `server` times as many.
            burst: refusals that one address may have at once.
            server: how many addresses' worth of refusals the whole server takes.
            most: addresses that are remembered; the one that was longest not seen is forgotten first.
        """
        self._rate = rate
        self._burst = burst
        self._server = server
        self._most = most
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def check(self, address: str, now: float) -> None:
        """Let an attempt be made.

        Raises:
            Throttled: the address, or the whole server, has had too many refusals.
        """
        if min(self._filled(address, now).tokens, self._filled(SERVER, now).tokens) < 1:
            raise Throttled(TOO_MANY)

    def refuse(self, address: str, now: float) -> None:
        """Count a refusal."""
        for name in (address, SERVER):
            self._filled(name, now).tokens -= 1

    def _filled(self, name: str, now: float) -> Bucket:
        share = self._server if name == SERVER else 1
        bucket = self._buckets.setdefault(name, Bucket(self._burst * share, now))
        bucket.tokens = min(self._burst * share, bucket.tokens + (now - bucket.moment) * self._rate * share)
        bucket.moment = now
        self._buckets.move_to_end(name)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket
