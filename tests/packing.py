"""Packages made in memory, for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from typing_extensions import Buffer

from edgewright.limits import DEFAULT, Limits
from edgewright.packaging import Model, Package, package

if TYPE_CHECKING:
    from edgewright.signing.signers import Signer

MODEL = Model("digits", "1.0", compilation_job="compile-digits", source_sha256="5a" * 32, target="rasp4b")

Pack = Callable[..., tuple[Package, bytes]]
"""`pack` with the tests' key."""


def pack(
    signer: Signer, source: bytes, model: Model = MODEL, limits: Limits = DEFAULT, threads: int = 2
) -> tuple[Package, bytes]:
    """Package an archive: what was returned, and the package's bytes."""
    stored = bytearray()

    def write(pieces: Iterator[Buffer]) -> None:
        for piece in pieces:
            stored.extend(bytes(piece))

    return package([source], write, model, signer, limits, threads=threads), bytes(stored)
