"""What an archive may hold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Final

MIB, GIB = 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold, enforced while it is read. Sizes in bytes.

    The defaults are far above real compiled models: they stop accidents and attacks, not users.

    Raises:
        ValueError: a limit that is not above 0.
    """

    archive_size: Annotated[int, "Bytes of the compressed archive."] = 10 * GIB
    unpacked_size: Annotated[int, "Bytes of the archive once inflated."] = 20 * GIB
    expansion_ratio: Annotated[int, "Inflated bytes per compressed byte, beyond the bytes that are free of it."] = 200
    expansion_free: Annotated[int, "Bytes that may be inflated before the ratio counts: small models may be zeros."] = (
        64 * MIB
    )
    members: Annotated[int, "Members of the archive, folders included."] = 100_000
    member_size: Annotated[int, "Bytes of one member."] = 20 * GIB
    path_length: Annotated[int, "Bytes of one member's name in UTF-8."] = 1024
    path_depth: Annotated[int, "Parts of one member's name."] = 32
    name_bytes: Annotated[int, "Bytes of all members' names together."] = 16 * MIB

    def __post_init__(self) -> None:
        for field in fields(self):
            if (value := getattr(self, field.name)) <= 0:
                raise ValueError(f"limits.{field.name} is {value}, and has to be above 0")


DEFAULT: Final = Limits()
