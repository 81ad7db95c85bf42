"""How an archive's members are refused: a sentence for people, and values for the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.errors import ArchiveFault, ArchiveRefused, LimitExceeded

if TYPE_CHECKING:
    from edgewright.limits import Limits


def refused(member: str, reason: str, fault: ArchiveFault = "damaged") -> ArchiveRefused:
    """The refusal of one member; `reason` is a clause such as `its name is empty`."""
    return ArchiveRefused(f"Member {member!r} is refused: {reason}.", member, fault)


def exceeded(member: str, reason: str, limits: Limits, limit: str, found: int) -> LimitExceeded:
    """The refusal of one member that is over a limit; `reason` says how much was found."""
    message = f"Member {member[:200]!r} is refused: {reason}, and limits.{limit} allows {getattr(limits, limit)}."
    return LimitExceeded(message, member, limit=limit, found=found)
