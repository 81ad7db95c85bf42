"""A stream cut into the parts of a multipart upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.stores.protocols import PART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer


def parts_of(pieces: Iterable[Buffer]) -> Iterator[bytearray]:
    """The pieces' bytes in parts of `PART`; the last is shorter, and empty only where it is the first."""
    part = bytearray()
    full = False
    for piece in pieces:
        with memoryview(piece) as view, view.cast("B") as rest:
            done = 0
            while done < len(rest):
                taken = rest[done : done + PART - len(part)]
                part += taken
                done += len(taken)
                if len(part) == PART:
                    yield part
                    part, full = bytearray(), True
    if part or not full:
        yield part
