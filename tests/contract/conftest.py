"""Fixtures of the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.postgres import PostgresService, postgres_service
from contract.s3_service import S3Service, s3_service

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Service]:
    """One S3 server for the whole session."""
    with s3_service() as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresService]:
    """One PostgreSQL server for the whole session."""
    with postgres_service() as service:
        yield service
