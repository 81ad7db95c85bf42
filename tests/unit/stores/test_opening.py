from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import SecretStr, ValidationError

from edgewright.errors import SettingsRefused
from edgewright.sections import ObjectStoreName, S3Settings
from edgewright.settings import Settings
from edgewright.stores import DirectoryStore, MultipartStore, S3Uri, open_store
from edgewright.stores.opening import STORES, open_s3
from edgewright.stores.s3 import S3Store
from memory_store import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

STATIC = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": SecretStr("hidden")}


def client(**settings: Any) -> Any:
    """boto3's client of a store with these settings; nothing is reached."""
    return open_s3(S3Settings.model_validate(STATIC | settings))._client()


def address(**settings: Any) -> str:
    """Where a request for an object would go."""
    signed = client(**settings).generate_presigned_url("get_object", {"Bucket": "bucket", "Key": "k"})
    return str(signed).partition("?")[0]


def test_the_settings_pick_the_store(tmp_path: Path) -> None:
    assert isinstance(open_store(Settings(data_dir=tmp_path)), DirectoryStore)
    store = open_store(Settings(data_dir=tmp_path, object_store="s3"))
    assert isinstance(store, S3Store)
    assert isinstance(store, MultipartStore)
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_added_by_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    added = MemoryStore()
    monkeypatch.setitem(STORES, "memory", lambda _settings: added)
    store = open_store(Settings(data_dir=tmp_path).model_copy(update={"object_store": "memory"}))
    store.write(S3Uri("models", "digits"), [b"weights"])
    assert added.exists(S3Uri("models", "digits"))


def test_the_settings_accept_every_store_that_there_is() -> None:
    assert set(STORES) == set(get_args(ObjectStoreName))


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"region": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/bucket/k"),
        ({"region": "cn-north-1"}, "https://s3.cn-north-1.amazonaws.com.cn/bucket/k"),
        ({"region": "eu-west-1", "path_style": False}, "https://bucket.s3.eu-west-1.amazonaws.com/k"),
        ({"endpoint_url": "https://s3.example.org:9000"}, "https://s3.example.org:9000/bucket/k"),
        ({"endpoint_url": "https://s3.example.org", "path_style": False}, "https://bucket.s3.example.org/k"),
    ],
)
def test_the_address_is_as_set(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], wanted: str) -> None:
    # AWS_ENDPOINT_URL often names this very service, for the clients on the same machine.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8181")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8181")
    assert address(**settings) == wanted


def test_times_are_as_set() -> None:
    config = client(connect_seconds=1.5, read_seconds=2.5).meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.5, 2.5)
    assert config.retries["total_max_attempts"] == 1


def test_credentials_of_the_settings_are_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-other-credentials")
    taken = client()._request_signer._credentials.get_frozen_credentials()
    assert (taken.access_key, taken.secret_key, taken.token) == ("AKIAEXAMPLE", "hidden", None)


def test_credentials_of_a_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[models]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    opened = open_s3(S3Settings(profile="models"))._client()
    assert opened._request_signer._credentials.get_frozen_credentials().access_key == "AKIAPROFILE"


def test_a_profile_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsRefused, match="nobody"):
        open_s3(S3Settings(profile="nobody"))._client()


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"access_key_id": "AKIA"}, "access_key_id and secret_access_key go together"),
        ({"secret_access_key": "s"}, "access_key_id and secret_access_key go together"),
        ({"session_token": "t"}, "session_token goes with"),
        ({"access_key_id": "AKIA", "secret_access_key": "s", "profile": "p"}, "set the one that is to be used"),
        ({"checksum": "sha1"}, "checksum"),
        ({"retry_seconds": -1}, "retry_seconds"),
    ],
)
def test_settings_that_contradict_themselves(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        S3Settings.model_validate(settings)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="object store's settings"):
        client(endpoint_url="not an address")


def test_a_folder_needs_no_s3_client() -> None:
    code = (
        "import sys, json; from edgewright.settings import Settings; from edgewright.stores import open_store;"
        "open_store(Settings()); print(json.dumps([name for name in sys.modules if 'boto' in name]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
