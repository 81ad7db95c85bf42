"""The audit log: one line for each call that changes something, or that is refused.

A line says who (an ARN and an access key, or nobody), what (an action, or a method and a path), on which resources,
from which address, with which result: `OK`, or the code of AWS JSON. `logs` adds the request's id. All lines have the
name `edgewright.audit` as their `logger`, so that they can be kept apart; they are written whatever `log_level` says.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import structlog

from edgewright import protocol
from edgewright.errors import CallerError
from edgewright.logs import ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgewright.auth.principals import Principal
    from edgewright.operations import Access

NAME: Final = "edgewright.audit"
OK: Final = "OK"
LONGEST: Final = 512
"""Characters of each text that a caller chose."""
MOST: Final = 64
"""Resources of a line."""

log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))


def done(who: Principal, action: str, resources: Iterable[Access] = ()) -> None:
    """Log a call that changed something."""
    _write(who, action, resources, {"result": OK})


def failed(error: Exception, who: Principal | None, action: str, resources: Iterable[Access] = ()) -> None:
    """Log a call that should have changed something, and ended with an error."""
    reply, reason = protocol.error_reply(error), {}
    if isinstance(error, CallerError):
        error.audited = True
    if not (isinstance(error, CallerError) and error.quotes_proof):
        reason = {"reason": reply.message[:LONGEST]}
    _write(who, action, resources, {"result": reply.code, **reason})


def refused(error: Exception, who: Principal | None, action: str, resources: Iterable[Access] = ()) -> None:
    """Log a call that was refused, unless it has been already, or the error is not the caller's."""
    if isinstance(error, CallerError) and not error.audited:
        failed(error, who, action, resources)


def _write(who: Principal | None, action: str, resources: Iterable[Access], result: dict[str, str]) -> None:
    named = dict.fromkeys(access.arn[:LONGEST] for access in resources if access.arn != "*")
    log.info(
        "call",
        logger=NAME,
        who=who and who.arn,
        access_key=who and who.access_key_id,
        action=action[:LONGEST],
        resources=list(named)[:MOST],
        address=ADDRESS.get(),
        **result,
    )
