"""The first access key: made once, kept private, replaced by the environment's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.errors import SettingsRefused
from edgewright.http.principals import principals
from edgewright.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def settings(folder: Path, **chosen: Any) -> Settings:
    return Settings(data_dir=folder, **chosen)


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = principals(settings(tmp_path))
    assert principals(settings(tmp_path)) == first
    ((key_id, principal),) = first.items()
    assert len(key_id) == 20
    assert key_id.startswith("AKIA")
    assert len(principal.secret_access_key) == 40
    assert principal.account == "123456789012"
    assert (tmp_path / "credentials").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


def test_two_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: principals(settings(tmp_path)), range(8)))
    assert all(one == found[0] for one in found)


def test_the_secret_is_not_in_the_repr(tmp_path: Path) -> None:
    (principal,) = principals(settings(tmp_path)).values()
    assert principal.secret_access_key not in repr(principal)


def test_the_environment_replaces_the_file(tmp_path: Path) -> None:
    found = principals(settings(tmp_path, access_key_id="AKIDOWN", secret_access_key="s3cret", account_id="1" * 12))
    assert found["AKIDOWN"].secret_access_key == "s3cret"
    assert found["AKIDOWN"].account == "1" * 12
    assert not (tmp_path / "credentials").exists()


@pytest.mark.parametrize("half", [{"access_key_id": "AKIDOWN"}, {"secret_access_key": "s3cret"}])
def test_half_a_key_is_refused(tmp_path: Path, half: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="set both"):
        principals(settings(tmp_path, **half))


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    principals(settings(tmp_path))
    (tmp_path / "credentials").chmod(0o640)
    with pytest.raises(SettingsRefused, match="chmod 600"):
        principals(settings(tmp_path))


@pytest.mark.parametrize("text", ["", "[default]\n", "[default]\naws_access_key_id = A\n", "[other]\nx = 1\n"])
def test_a_file_without_a_key_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsRefused, match="credentials has no"):
        principals(settings(tmp_path))
