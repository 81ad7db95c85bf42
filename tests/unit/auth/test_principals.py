"""The first access key: made once, kept private, replaced by the environment's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from edgewright.auth import principals as principals_module
from edgewright.auth.principals import Principal, Principals, read_principals
from edgewright.auth.rights import Rights, Rule
from edgewright.errors import SettingsRefused
from edgewright.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def settings(folder: Path, **chosen: Any) -> Settings:
    return Settings(data_dir=folder, **chosen)


def first(folder: Path, **chosen: Any) -> Principal:
    """The first principal, however it came to be."""
    return Principals(settings(folder, **chosen))._first


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "principals.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


ENTRY = """
[[principal]]
name = "ci"
access_key_id = "AKIDCI"
secret_access_key = "s3cret"
account = "210987654321"
"""


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    principal = first(tmp_path)
    assert first(tmp_path) == principal
    assert len(principal.access_key_id) == 20
    assert principal.access_key_id.startswith("AKIA")
    assert len(principal.secret_access_key) == 40
    assert principal.account == "123456789012"
    assert (tmp_path / "credentials").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


def test_two_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: first(tmp_path), range(8)))
    assert all(one == found[0] for one in found)


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    write(tmp_path, ENTRY + 'session_token = "t0ken"\n')
    principals = Principals(settings(tmp_path))
    for key in ("AKIDCI", principals._first.access_key_id):
        principal = principals.get(key)
        assert principal is not None
        assert principal.secret_access_key not in repr(principal)
        assert "t0ken" not in repr(principal)


def test_the_environment_replaces_the_file(tmp_path: Path) -> None:
    found = first(tmp_path, access_key_id="AKIDOWN", secret_access_key="s3cret", account_id="1" * 12)
    assert (found.access_key_id, found.secret_access_key, found.account) == ("AKIDOWN", "s3cret", "1" * 12)
    assert not (tmp_path / "credentials").exists()


def test_a_file_adds_principals_with_their_rights(tmp_path: Path) -> None:
    write(
        tmp_path,
        ENTRY + 'allow = ["sagemaker:List*"]\ndeny = [{ actions = ["sagemaker:*"], resources = ["prod-*"] }]\n',
    )
    principal = Principals(settings(tmp_path)).get("AKIDCI")
    assert principal is not None
    assert principal.arn == "arn:aws:iam::210987654321:user/ci"
    assert principal.rights == Rights((Rule(("sagemaker:List*",)),), (Rule(("sagemaker:*",), ("prod-*",)),))


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(principals_module, "LOOK_SECONDS", 0.0)
    principals = Principals(settings(tmp_path))
    assert principals.get("AKIDCI") is None
    write(tmp_path, ENTRY)
    assert principals.get("AKIDCI") is not None
    write(tmp_path, "nonsense")
    assert principals.get("AKIDCI") is not None
    write(tmp_path, ENTRY + "disabled = true\n")
    assert principals.get("AKIDCI") is None
    (tmp_path / "principals.toml").unlink()
    assert principals.get("AKIDCI") is None
    assert principals.get(principals._first.access_key_id) is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "is not TOML"),
        ("[other]\n", "nothing else"),
        ("principal = 3\n", "nothing else"),
        ("[[principal]]\nname = 'x'\n", "access_key_id"),
        (ENTRY.replace("210987654321", "12"), "twelve digits"),
        (ENTRY.replace('"ci"', '"a b"'), "'name' must match"),
        (ENTRY + "alow = []\n", "alow"),
        (ENTRY + "allow = 'x'\n", "lists of rules"),
        (ENTRY + "allow = [3]\n", "A rule must be"),
        (ENTRY + "disabled = 'yes'\n", "true or false"),
        (ENTRY + ENTRY, "twice"),
    ],
)
def test_a_wrong_file_is_refused_at_start(tmp_path: Path, text: str, words: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsRefused, match=words):
        Principals(settings(tmp_path))


def test_a_principals_file_open_to_others_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused, match="chmod 600"):
        read_principals(write(tmp_path, ENTRY, 0o644))


@pytest.mark.parametrize("half", [{"access_key_id": "AKIDOWN"}, {"secret_access_key": "s3cret"}])
def test_half_a_key_is_refused(tmp_path: Path, half: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="set both"):
        Principals(settings(tmp_path, **half))


@pytest.mark.parametrize("pair", [("", ""), ("AKIDOWN", ""), ("", "s3cret")])
def test_an_empty_key_is_refused(tmp_path: Path, pair: tuple[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="one of them is empty"):
        Principals(settings(tmp_path, access_key_id=pair[0], secret_access_key=pair[1]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[default]\naws_access_key_id =\naws_secret_access_key = s3cret\n", "no aws_access_key_id in"),
        ("[default]\naws_access_key_id = AKID\naws_secret_access_key =\n", "no aws_secret_access_key in"),
        ("[other]\n", "no aws_access_key_id and no aws_secret_access_key in"),
        ("aws_secret_access_key = s3cret\n", "not a credentials file"),
        ("[default]\naws_secret_access_key: s3cret\ns3cret\n", "not a credentials file"),
        ("[default]\n[default]\n", "not a credentials file"),
        ("\udcff", "not a credentials file"),
    ],
)
def test_a_wrong_credentials_file_is_refused_without_telling_what_is_in_it(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "credentials"
    path.write_bytes(text.encode(errors="surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(SettingsRefused, match=words) as refused:
        Principals(settings(tmp_path))
    assert "s3cret" not in refused.value.message


@pytest.mark.parametrize("name", ["credentials", "principals.toml"])
def test_a_folder_in_a_files_place_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(mode=0o700)
    with pytest.raises(SettingsRefused, match=rf"{name} cannot be"):
        Principals(settings(tmp_path))


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    Principals(settings(tmp_path))
    (tmp_path / "credentials").chmod(0o640)
    with pytest.raises(SettingsRefused, match="chmod 600"):
        Principals(settings(tmp_path))


@pytest.mark.parametrize("text", ["", "[default]\n", "[default]\naws_access_key_id = A\n", "[other]\nx = 1\n"])
def test_a_file_without_a_key_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SettingsRefused, match="credentials has no"):
        Principals(settings(tmp_path))


@pytest.mark.parametrize(
    ("known", "file", "several"),
    [
        (set(), "", False),
        ({"123456789012"}, "", False),
        ({"999999999999"}, "", False),  # a worker's host knows neither access keys nor the account of the first
        ({"123456789012", "210987654321"}, "", True),
        (set(), ENTRY, True),
        (set(), ENTRY.replace("210987654321", "123456789012"), False),
        (set(), ENTRY + "disabled = true\n", False),
        ({"210987654321"}, ENTRY.replace("210987654321", "123456789012"), True),
    ],
)
def test_who_shares_the_service(tmp_path: Path, known: set[str], file: str, several: bool) -> None:  # noqa: FBT001 - a case
    if file:
        write(tmp_path, file)
    assert principals_module.several_accounts(settings(tmp_path), known) is several
