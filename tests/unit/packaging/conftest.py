"""Packages signed with the tests' key."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

import packing

if TYPE_CHECKING:
    from edgewright.signing.signers import Signer


@pytest.fixture(scope="session")
def pack(signer: Signer) -> packing.Pack:
    """Package an archive in memory."""
    return partial(packing.pack, signer)
