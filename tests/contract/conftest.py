"""Fixtures of the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contract.ceph_service import ceph_service
from contract.postgres import PostgresService, postgres_service
from contract.rclone_service import rclone_service
from contract.s3_servers import skip_without_programs
from contract.s3_service import S3Service, s3_service
from edgewright.database.connections import open_database
from migrated import open_migrated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Service]:
    """One S3 server for the whole session."""
    with s3_service() as service:
        yield service


@pytest.fixture(scope="session")
def rclone_server() -> Iterator[S3Service]:
    """One server of rclone's for the whole session."""
    with rclone_service() as service:
        yield service


@pytest.fixture(scope="session")
def ceph_server() -> Iterator[S3Service]:
    """One Ceph for the whole session."""
    skip_without_programs("ceph")
    with ceph_service() as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresService]:
    """One PostgreSQL server for the whole session; with hundreds of databases, its vacuums would never end."""
    with postgres_service("autovacuum=off", "full_page_writes=off") as service:
        yield service


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of each kind, without a row and nobody else's."""
    if request.param == "sqlite":
        engine = open_migrated(tmp_path / "jobs.sqlite")
    else:
        engine = open_database(request.getfixturevalue("postgres").migrated_database())
    yield engine
    engine.dispose()
