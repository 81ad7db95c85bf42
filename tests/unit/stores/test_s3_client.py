"""Sessions that share what botocore reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from edgewright.errors import SettingsRefused
from edgewright.sections import S3Settings
from edgewright.stores.s3_client import new_session, own_session

if TYPE_CHECKING:
    from pathlib import Path


def keys(access_key: str = "AKIAEXAMPLE") -> Any:
    return own_session(S3Settings(access_key_id=access_key, secret_access_key=SecretStr("hidden")))


def test_a_model_is_read_once_for_all_sessions() -> None:
    first, second = (keys().get_component("data_loader") for _ in range(2))
    model = first.load_service_model("s3", "service-2")
    assert second.load_service_model("s3", "service-2") is model


def test_no_session_lengthens_the_search_of_others() -> None:
    before = keys().get_component("data_loader").search_paths
    assert keys().get_component("data_loader").search_paths == before


def test_sessions_have_their_own_credentials() -> None:
    other = keys("AKIAOTHER")
    assert keys().get_credentials().access_key == "AKIAEXAMPLE"
    assert other.get_credentials().access_key == "AKIAOTHER"


def test_models_of_the_operators_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "2020-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"serviceId": "mine"}}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "mine" in keys().get_available_services()


def test_an_unknown_profile_is_refused_at_once() -> None:
    with pytest.raises(SettingsRefused):
        new_session("nobody-has-this")
