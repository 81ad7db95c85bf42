"""Two signing keys for all unit tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edgewright.signing.keys import load_or_create

if TYPE_CHECKING:
    from edgewright.signing.signers import Signer


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("other-keys"))
