"""One signing key for all."""

from __future__ import annotations

from functools import partial

import pytest

import packing
from edgewright.signing.keys import Signer, load_or_create


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("other-keys"))


@pytest.fixture(scope="session")
def pack(signer: Signer) -> packing.Pack:
    """Package an archive in memory."""
    return partial(packing.pack, signer)
