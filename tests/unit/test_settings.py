"""Where settings come from, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewright.errors import SettingsRefused
from edgewright.settings import Limits, load


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing() -> None:
    settings = load()
    assert settings.port == 8181
    assert settings.host == "127.0.0.1"
    assert settings.sqlalchemy_url == f"sqlite:///{Path('edgewright-data/edgewright.sqlite').absolute()}"


def test_flags_beat_the_environment_and_the_environment_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("edgewright.toml").write_text('port = 1\nhost = "::1"\naccount_id = "111111111111"\n[limits]\nmembers = 7\n')
    monkeypatch.setenv("EDGEWRIGHT_PORT", "2")
    monkeypatch.setenv("EDGEWRIGHT_HOST", "localhost")
    settings = load(port=3, data_dir=None)
    assert (settings.port, settings.host, settings.account_id) == (3, "localhost", "111111111111")
    assert settings.limits == Limits(members=7)


def test_nested_fields_have_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_LIMITS__MEMBERS", "5")
    monkeypatch.setenv("EDGEWRIGHT_S3__ENDPOINT_URL", "http://127.0.0.1:9000")
    assert load().limits.members == 5
    assert load().s3.endpoint_url == "http://127.0.0.1:9000"


def test_components_go_to_aws_where_a_bucket_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load().greengrass, load().aws.bucket) == ("local", None)
    Path("edgewright.toml").write_text('greengrass = "aws"\n[aws]\nbucket = "components"\nprefix = "edge"\n')
    monkeypatch.setenv("EDGEWRIGHT_AWS__REGION", "eu-central-1")
    settings = load()
    assert settings.greengrass == "aws"
    assert (settings.aws.bucket, settings.aws.prefix, settings.aws.region) == ("components", "edge", "eu-central-1")


def test_the_file_has_a_place_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("port = 99\n")
    monkeypatch.setenv("EDGEWRIGHT_CONFIG", str(tmp_path / "other.toml"))
    assert load().port == 99


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("EDGEWRIGHT_PORT", "many", "port"),
        ("EDGEWRIGHT_PORT", "70000", "port"),
        ("EDGEWRIGHT_ACCOUNT_ID", "12", "account_id"),
        ("EDGEWRIGHT_OBJECT_STORE", "tape", "object_store"),
        ("EDGEWRIGHT_LIMITS__MEMBERS", "0", "limits.members"),
        ("EDGEWRIGHT_GREENGRASS", "cloud", "greengrass"),
        ("EDGEWRIGHT_GREENGRASS", "aws", "aws: .*needs aws.bucket"),
        ("EDGEWRIGHT_AWS__BUCKET", "my.bucket", "aws.bucket"),
        ("EDGEWRIGHT_AWS__PREFIX", "my models", "aws.prefix"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsRefused, match=words):
        load()


def test_an_unknown_field_in_the_file_is_refused() -> None:
    Path("edgewright.toml").write_text("prot = 8181\n")
    with pytest.raises(SettingsRefused, match="prot"):
        load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("EDGEWRIGHT_S3__SECRET_ACCESS_KEY", "as-secret")
    assert "very-secret" not in repr(load())
    assert "as-secret" not in repr(load())
