"""Fixtures of the acceptance tests: one server for the tests that leave it whole."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from acceptance.running import RunningServer, register, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPILATION = "compiled-elsewhere"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a worker beside it."""
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def compilation(server: RunningServer) -> str:
    """The name of a COMPLETED compilation job with a small artifact."""
    register(server, COMPILATION, server.put("models", "compiled.tar.gz", archive({"model.so": b"x" * 100_000})))
    return COMPILATION


@pytest.fixture(scope="session")
def sagemaker(server: RunningServer) -> Any:
    """An unmodified boto3 client."""
    return server.client()


def archive(files: dict[str, bytes]) -> bytes:
    """A tar.gz of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
