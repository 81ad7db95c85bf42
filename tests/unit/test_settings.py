"""Where settings come from, and how a wrong one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewright.errors import SettingsRefused
from edgewright.limits import Limits
from edgewright.sections import RENAMED
from edgewright.settings import Settings, deprecated_names, load


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
        ("EDGEWRIGHT_PUBLIC_URL", "models.example.com", "public_url"),
        ("EDGEWRIGHT_PUBLIC_URL", "https://models.example.com/", "public_url"),
        ("EDGEWRIGHT_PUBLIC_URL", "https://models.example.com/edge", "public_url"),
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


@pytest.mark.parametrize(
    ("text", "words"),
    [(b"port = \n", "edgewright.toml is not TOML: .*line 1"), (b"\xff\xfe", "edgewright.toml is not TOML")],
)
def test_a_file_that_is_not_toml_is_refused(text: bytes, words: str) -> None:
    Path("edgewright.toml").write_bytes(text)
    with pytest.raises(SettingsRefused, match=words):
        load()


def test_a_folder_in_the_files_place_is_refused() -> None:
    Path("edgewright.toml").mkdir()
    with pytest.raises(SettingsRefused, match="cannot be read"):
        load()


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_CONFIG", "elsewhere.toml")
    with pytest.raises(SettingsRefused, match=r"EDGEWRIGHT_CONFIG names elsewhere.toml, which is not there"):
        load()
    monkeypatch.setenv("EDGEWRIGHT_CONFIG", "")  # as if it were not set
    assert load().port == 8181


@pytest.mark.parametrize("variable", ["EDGEWRIGHT_S3", "EDGEWRIGHT_ROLE_PROFILES"])
def test_a_variable_that_is_not_json_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, '{"secret_access_key": "hunter2')
    with pytest.raises(SettingsRefused, match=variable.removeprefix("EDGEWRIGHT_").lower()) as refused:
        load()
    assert "hunter2" not in refused.value.message


def test_an_unknown_field_in_the_file_is_refused() -> None:
    Path("edgewright.toml").write_text("prot = 8181\n")
    with pytest.raises(SettingsRefused, match="prot"):
        load()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_SECRET_ACCESS_KEY", "very-secret")
    monkeypatch.setenv("EDGEWRIGHT_S3__ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("EDGEWRIGHT_S3__SECRET_ACCESS_KEY", "as-secret")
    assert "very-secret" not in repr(load())
    assert "as-secret" not in repr(load())


WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"METRICS": "everybody"}, "metrics"),
        ({"METRICS": "token"}, "needs metrics_token: 16 characters"),
        ({"METRICS": "token", "METRICS_TOKEN": "hunter2"}, "needs metrics_token: 16 characters"),
        ({"WEBHOOK__URL": "https://hooks.example/edge"}, "webhook.url needs webhook.secret"),
        ({"WEBHOOK__URL": "ftp://hooks.example", "WEBHOOK__SECRET": WEBHOOK_SECRET}, "webhook.url"),
        ({"WEBHOOK__URL": "https://me:hunter2@hooks.example", "WEBHOOK__SECRET": WEBHOOK_SECRET}, "webhook.url"),
        ({"WEBHOOK__SECRET": "hunter2"}, "webhook.secret is not base64"),
        ({"WEBHOOK__SECRET": "aHVudGVyMg=="}, "7 bytes, and 24 to 64 are wanted"),
        ({"LOG_LEVEL": "loud"}, "log_level"),
    ],
)
def test_telemetry_and_webhooks_are_set_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"EDGEWRIGHT_{name}", value)
    with pytest.raises(SettingsRefused) as refused:
        load()
    assert words in refused.value.message
    assert "hunter2" not in refused.value.message


def test_a_webhook_has_an_address_and_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_WEBHOOK__URL", "https://hooks.example/edge?x=1")
    monkeypatch.setenv("EDGEWRIGHT_WEBHOOK__SECRET", WEBHOOK_SECRET)
    webhook = load().webhook
    assert webhook.url == "https://hooks.example/edge?x=1"
    assert WEBHOOK_SECRET not in repr(webhook)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"liveness_timeout_seconds": 5.9}, "less than three heartbeats of 2.0"),
        (
            {"heartbeat_seconds": 6, "liveness_timeout_seconds": 17},
            "raise liveness_timeout_seconds or lower heartbeat_seconds",
        ),
        ({"takeover_seconds": 6}, "lower takeover_seconds"),
        ({"grace_seconds": -1}, "greater than or equal to 0"),
        ({"poll_seconds": 0}, "greater than 0"),
    ],
)
def test_a_workers_times_must_fit_together(values: dict[str, float], words: str) -> None:
    with pytest.raises(SettingsRefused, match=r"^1 settings cannot be used: worker") as raised:
        load(worker=values)
    assert words in raised.value.message


def test_a_workers_times_have_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWRIGHT_WORKER__GRACE_SECONDS", "120")
    monkeypatch.setenv("EDGEWRIGHT_WORKER_CONCURRENCY", "4")
    settings = load()
    assert (settings.worker.grace_seconds, settings.worker_concurrency) == (120.0, 4)


@pytest.mark.parametrize("old", RENAMED)
def test_old_names_of_a_workers_settings_work_with_a_warning(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"EDGEWRIGHT_WORKER__{old.upper()}", "31")
    assert getattr(load().worker, RENAMED[old]) == 31
    assert deprecated_names() == [f"worker.{old}"]


def test_an_old_name_in_the_environment_counts_more_than_the_new_one_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "edgewright.toml"
    file.write_text("[worker]\nliveness_timeout_seconds = 15\nlook_seconds = 0.5\npoll_seconds = 0.25\n")
    monkeypatch.setenv("EDGEWRIGHT_CONFIG", str(file))
    monkeypatch.setenv("EDGEWRIGHT_WORKER__LAPSE_SECONDS", "30")
    worker = load().worker
    assert (worker.liveness_timeout_seconds, worker.poll_seconds) == (30, 0.25)
    assert deprecated_names() == ["worker.lapse_seconds", "worker.look_seconds"]


@pytest.mark.parametrize("value", ["5", "[1]", "true"])
def test_a_section_that_is_no_table_is_refused(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "edgewright.toml"
    file.write_text(f"worker = {value}\n")
    monkeypatch.setenv("EDGEWRIGHT_CONFIG", str(file))
    with pytest.raises(SettingsRefused, match="worker: "):
        load()
    file.unlink()
    monkeypatch.delenv("EDGEWRIGHT_CONFIG")
    monkeypatch.setenv("EDGEWRIGHT_WORKER", value)
    with pytest.raises(SettingsRefused, match="worker"):
        load()


def test_jobs_are_kept_at_least_as_long_as_their_events() -> None:
    assert Settings().jobs_days is None
    assert Settings(jobs_days=30, events_days=30).jobs_days == 30
    with pytest.raises(ValueError, match=r"jobs_days is 13, less than events_days \(14\)"):
        Settings(jobs_days=13)
