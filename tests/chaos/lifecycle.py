"""A job's transitions by the service's public description alone, and what observations contradict them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# STARTING -> INPROGRESS -> COMPLETED | FAILED; a Stop moves STARTING or INPROGRESS to STOPPING, a worker to STOPPED.
# Written here a second time on purpose: the program's own table is what is tested.
MOVES: dict[str, frozenset[str]] = {
    "STARTING": frozenset({"INPROGRESS", "STOPPING", "FAILED"}),
    "INPROGRESS": frozenset({"COMPLETED", "FAILED", "STOPPING"}),
    "STOPPING": frozenset({"STOPPED"}),
    "COMPLETED": frozenset(),
    "FAILED": frozenset(),
    "STOPPED": frozenset(),
}
ENDS = frozenset(status for status, moves in MOVES.items() if not moves)


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of a job through the API.

    Attributes:
        sent, received: seconds by a monotonic clock; the observation lies between.
        status: as answered.
        modified: LastModifiedTime, in seconds since the epoch.
        by: the operation and the server that answered.
        details: what else an ended job says: artifact, signature, message and component. Empty in listings.
    """

    sent: float
    received: float
    status: str
    modified: float
    by: str
    details: tuple[tuple[str, str], ...] = ()


def reachable(status: str) -> frozenset[str]:
    """The statuses that a job in this one may be seen in later, this one included."""
    found, new = {status}, {status}
    while new:
        new = {after for each in new for after in MOVES[each]} - found
        found |= new
    return frozenset(found)


_REACHABLE = {status: reachable(status) for status in MOVES}


def contradictions(observations: Iterable[Observation]) -> list[str]:
    """What cannot be true of one job: a step backwards, or an end that changed. Overlapping ones prove nothing."""
    seen = sorted(observations, key=lambda look: look.received)
    first_of_each = {(look.status, look.modified, look.details): look for look in reversed(seen)}
    earlier = sorted(first_of_each.values(), key=lambda look: look.received)
    return [fault for later in seen if (fault := _against(earlier, later))]


def _against(earlier: Sequence[Observation], later: Observation) -> str | None:
    """How the observations that had ended before this one began contradict it."""
    if later.status not in MOVES:
        return f"status {later.status!r} is none that there is ({later.by})"
    for before in earlier:
        if before.received < later.sent and (fault := _fault(before, later)):
            return f"{fault} ({before.by}, then {later.by} {later.sent - before.received:.3f} s later)"
    return None


def _fault(earlier: Observation, later: Observation) -> str | None:
    if earlier.status in MOVES and later.status not in _REACHABLE[earlier.status]:
        return f"{earlier.status} became {later.status}"
    if later.modified < earlier.modified:
        return f"LastModifiedTime went back from {earlier.modified} to {later.modified}"
    if earlier.status in ENDS and later.modified != earlier.modified:
        return f"LastModifiedTime of a {earlier.status} job moved from {earlier.modified} to {later.modified}"
    if earlier.status in ENDS and earlier.details and later.details and earlier.details != later.details:
        return f"a {earlier.status} job changed from {earlier.details} to {later.details}"
    return None
