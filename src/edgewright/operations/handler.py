"""What the service has for each operation: the function that answers it, and what its caller must be allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright.jobs.listing import SHORT

if TYPE_CHECKING:
    from edgewright.operations.access import Access, Accesses
    from edgewright.operations.caller import Caller
    from edgewright.operations.context import Context

PAGE = 100
"""Rows of a page, unless the request says otherwise."""

READS = ("Describe", "Get", "List")
"""How the names of operations begin that change nothing."""

Request = Mapping[str, Any]
Response = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handler:
    """One operation."""

    action: str
    """The service and the operation's name, such as `sagemaker:StopEdgePackagingJob`."""
    function: Callable[[Context, Request], Response | None]
    accesses: Accesses
    """What the request touches by the names in it."""
    is_quick: Callable[[Request], bool] = lambda _request: False
    """Whether a request takes no longer, on an embedded database, than to reach a thread that would answer it."""

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.action.partition(":")[2]

    @property
    def changes(self) -> bool:
        """Whether it changes anything, by AWS's naming of operations."""
        return not self.name.startswith(READS)

    def __call__(self, context: Context, request: Request) -> Response | None:
        """The response; the request has been validated."""
        return self.function(context, request)

    def touched(self, caller: Caller, request: Request) -> Sequence[Access]:
        """What a request touches by the names in it; it may take a while."""
        return self.accesses(self.action, caller, request)


def always(_request: Request) -> bool:
    """Of an operation that reads one row by its key."""
    return True


def small_page(request: Request) -> bool:
    """Of a List whose page is short, and found along an index."""
    scans = "NameContains" in request or "ModelNameContains" in request
    return not scans and 0 < request.get("MaxResults", PAGE) <= SHORT
