"""What a service keeps is for its own user alone, whatever the umask, and whatever was there."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acceptance.conftest import archive
from acceptance.running import packaging_request, register, serving, wait_for
from edgewright import service
from edgewright.errors import SettingsRefused
from edgewright.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@pytest.fixture
def open_umask() -> Iterator[None]:
    mask = os.umask(0)
    yield
    os.umask(mask)


def open_to_others(folder: Path) -> dict[str, str]:
    """Everything below that others may read, or do more with, but for public keys."""
    found = [folder, *(path for path in folder.rglob("*") if not path.name.endswith(".pub.pem"))]
    modes = {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in found}
    return {name: f"{mode:04o}" for name, mode in modes.items() if mode & 0o077}


@pytest.mark.usefixtures("open_umask")
def test_everything_in_a_data_folder_is_private(tmp_path: Path) -> None:
    """A folder that was there, with a database in it, was used as it was: others could read the keys of links."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "edgewright.sqlite").touch(mode=0o644)
    with serving(data) as server:
        register(server, "c", server.put("models", "m.tar.gz", archive({"model.so": b"x"})))
        for folder in (data / "objects" / "models", data / "objects" / "models" / "m.tar.gz"):  # which the test made
            folder.chmod(0o700)
        client = server.client()
        client.create_edge_packaging_job(**packaging_request("j", "c"))
        assert wait_for(client, "j")["EdgePackagingJobStatus"] == "COMPLETED"
        assert open_to_others(data) == {}
    log = server.log.read_text()
    assert "the data folder was open to others, and was closed" in log
    assert "the database was open to others, and was closed" in log
    assert stat.S_IMODE((data / "edgewright-engine.sqlite").stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a folder of another user's")
def test_an_open_folder_of_another_users_is_refused() -> None:
    with tempfile.TemporaryDirectory() as above:
        data = Path(above) / "data"
        data.mkdir()
        for folder in (Path(above), data):
            folder.chmod(0o777)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(SettingsRefused, match="holds secrets, is open to others and cannot be closed to them"):
                service.prepare(Settings(data_dir=data))
        finally:
            os.seteuid(0)
        assert list(data.iterdir()) == []
