"""Two signing keys for all unit tests."""

from __future__ import annotations

import pytest

from edgewright.signing.keys import Signer, load_or_create


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create(tmp_path_factory.mktemp("other-keys"))
