"""Sessions of boto3's that share what botocore reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ProfileNotFound

from edgewright.stores.service_models import session_with

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "hidden"}


def test_a_model_is_read_once_for_all_sessions() -> None:
    first, second = (session_with(**KEYS)._session.get_component("data_loader") for _ in range(2))
    model = first.load_service_model("s3", "service-2")
    assert second.load_service_model("s3", "service-2") is model


def test_no_session_lengthens_the_search_of_others() -> None:
    before = session_with(**KEYS)._session.get_component("data_loader").search_paths
    assert session_with(**KEYS)._session.get_component("data_loader").search_paths == before


def test_sessions_have_their_own_credentials() -> None:
    other = session_with(**KEYS | {"aws_access_key_id": "AKIAOTHER"})
    assert session_with(**KEYS).get_credentials().access_key == "AKIAEXAMPLE"
    assert other.get_credentials().access_key == "AKIAOTHER"


def test_models_of_the_operators_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "2020-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"serviceId": "mine"}}))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "mine" in session_with(**KEYS).get_available_services()


def test_an_unknown_profile_is_refused_at_once() -> None:
    with pytest.raises(ProfileNotFound):
        session_with(profile_name="nobody-has-this")
