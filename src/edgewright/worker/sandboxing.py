"""Whether a compilation may run without a sandbox, where this host can make none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from edgewright.compiling import sandbox
from edgewright.errors import SandboxMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.compiling.sandbox import Choice, Sandbox

log = structlog.get_logger(__name__)


def sandbox_for(choice: Choice, several_accounts: Callable[[], bool]) -> Sandbox | None:
    """The sandbox of a compilation, tried anew; None where there is none and the operator lets it do without.

    Raises:
        SandboxMissing: there is none, and `unconfined_compilation` refuses to do without.
    """
    try:
        return sandbox.find()
    except SandboxMissing as error:
        if not sandbox.refuses(choice, several_accounts):
            log.warning("compiling without a sandbox", reason=error.message, unconfined_compilation=choice)
            return None
        log.error("not compiling without a sandbox", reason=error.message, unconfined_compilation=choice)  # noqa: TRY400 - the reason is all
        raise SandboxMissing(
            "The worker's host can make no sandbox, and does not compile without one. Its operator finds the reason "
            "with `edgewright doctor`."
        ) from error
