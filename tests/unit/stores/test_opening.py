from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from edgewright.settings import S3Settings, Settings
from edgewright.stores import DirectoryStore, open_store
from edgewright.stores.obstores import S3Store

if TYPE_CHECKING:
    from pathlib import Path


def bucket(settings: S3Settings, name: str = "bucket") -> dict[str, object]:
    """The configuration that obstore got for one bucket."""
    store = S3Store(settings)._bucket(name)
    return {"prefix": store.prefix, **store.config}  # type: ignore[union-attr]


def test_the_settings_pick_the_store(tmp_path: Path) -> None:
    assert isinstance(open_store(Settings(data_dir=tmp_path)), DirectoryStore)
    assert isinstance(open_store(Settings(data_dir=tmp_path, object_store="s3")), S3Store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("region", "endpoint"),
    [
        ("eu-west-1", "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_without_an_address_it_is_awss_own(monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str) -> None:
    # AWS_ENDPOINT_URL often names this very service, for the clients on the same machine.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8181")
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:8181")
    config = bucket(S3Settings(region=region))
    assert config["endpoint"] == endpoint
    assert config["region"] == region


def test_the_bucket_is_in_the_host_where_path_style_is_off() -> None:
    config = bucket(S3Settings(endpoint_url="https://s3.example.org", path_style=False))
    assert config["endpoint"] == "https://bucket.s3.example.org"
    assert config["virtual_hosted_style_request"] in {True, "true"}


def test_secrets_stay_out_of_the_configuration() -> None:
    config = bucket(S3Settings(access_key_id="AKIAEXAMPLE", secret_access_key=SecretStr("hidden")))
    assert "hidden" not in str(config)


def test_a_folder_needs_no_s3_client() -> None:
    code = (
        "import sys, json; from edgewright.settings import Settings; from edgewright.stores import open_store;"
        "open_store(Settings()); print(json.dumps([name for name in sys.modules if 'obstore' in name]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
