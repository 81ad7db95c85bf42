"""Who sends a request: by its signature, or by the cookie of a console session. Each request counts for the rate limit.

Links to objects name no principal: see `auth.links`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgewright.auth.identity import Identity
from edgewright.auth.sigv4 import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgewright.auth.principals import Principal, Principals
    from edgewright.auth.sessions import Session, SessionSigner
    from edgewright.auth.sigv4 import Claim
    from edgewright.auth.throttling import Throttle
    from edgewright.protocol.signature import Request


class Authenticator:
    """Identifies callers for all services of a server."""

    def __init__(
        self,
        principals: Principals,
        services: Iterable[str],
        throttle: Throttle | None = None,
        sessions: SessionSigner | None = None,
    ) -> None:
        """Keep the parts.

        Args:
            principals: who has which access key now.
            services: the signing names of the services, such as `sagemaker`.
            throttle: bounds each principal's requests; None for no bound.
            sessions: reads the console's sessions; None where there is no console.
        """
        self._principals = principals
        self._verifiers = {service: Verifier(principals, service) for service in services}
        self._throttle = throttle
        self._sessions = sessions

    def claim(self, request: Request, service: str) -> Claim[Principal]:
        """Who a request to a service says that it is from: checked as far as that needs no body.

        Raises:
            CallerError: the request is not signed, not in time, or its access key is unknown.
        """
        return self._verifiers[service].claim(request, datetime.now(UTC))

    def by_signature(self, claim: Claim[Principal], body: bytes) -> Identity:
        """Who signed a request with this body.

        Raises:
            CallerError: the signature does not match, or the request is one too many.
        """
        signed = self._verifiers[claim.service].confirm(claim, body)
        return self._counted(Identity(signed.holder, signed.region))

    def by_session(self, cookie: str) -> tuple[Session, Identity] | None:
        """The session in a cookie and who has it; None where there is none that is valid.

        Raises:
            Throttled: more requests than the access key may send.
        """
        found = None if self._sessions is None else self._sessions.read(cookie, self._principals.get, time.time())
        if found is None:
            return None
        session, principal = found
        return session, self._counted(Identity(principal, session.region))

    def is_current(self, identity: Identity) -> bool:
        """Whether the principal's access key is what it was when they were identified."""
        return self._principals.get(identity.principal.access_key_id) == identity.principal

    def _counted(self, identity: Identity) -> Identity:
        if self._throttle is not None:
            self._throttle.take(identity.principal.access_key_id, time.monotonic())
        return identity
