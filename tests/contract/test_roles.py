"""What a job's RoleArn means, by each value of the setting `roles`."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from contract.s3_stand_in import StandIn, passed_on, stand_in
from contract.sts_stand_in import refusal, sts_service
from edgewright.errors import RoleRefused, SettingsRefused, StoreUnavailable
from edgewright.roles import Roles, open_roles
from edgewright.roles.roles import session_name
from edgewright.settings import Settings, load
from edgewright.stores import DirectoryStore, S3Uri, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from contract.s3_service import S3Service
    from edgewright.stores import ObjectStore

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/edge"
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/path/other"
FOREIGN = "arn:aws:iam::999999999999:role/edge"


def sentence(role: str) -> str:
    return (
        f"Could not assume role {role}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


@dataclass(frozen=True)
class Bucket:
    """S3 behind something that keeps what came, and a bucket in it."""

    service: StandIn
    bucket: str
    folder: Path

    def settings(self, **more: Any) -> Settings:
        s3 = {"endpoint_url": self.service.url, "access_key_id": "AKIASERVICE", "secret_access_key": "s"}
        return Settings.model_validate({"data_dir": self.folder, "object_store": "s3", "s3": s3} | more)

    @property
    def uri(self) -> S3Uri:
        return S3Uri(self.bucket, "k")

    def keys_used(self) -> list[str]:
        """The access keys that requests were signed with, in order, each once in a row."""
        used: list[str] = []
        for asked in self.service.asked:
            if not used or used[-1] != asked.credential[0]:
                used.append(asked.credential[0])
        return used


def opened(settings: Settings) -> Roles:
    return open_roles(settings, open_store(settings))


@pytest.fixture
def s3_bucket(s3_server: S3Service, tmp_path: Path) -> Iterator[Bucket]:
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    with stand_in(lambda asked: passed_on(s3_server.url, asked)) as service:
        yield Bucket(service, bucket, tmp_path)


def with_sts(s3_bucket: Bucket, url: str, **sts: Any) -> Roles:
    s3 = {"endpoint_url": s3_bucket.service.url, "access_key_id": "AKIASERVICE", "secret_access_key": "s"}
    s3["retry_seconds"] = "5"
    return opened(s3_bucket.settings(roles="sts", sts={"endpoint_url": url} | sts, s3=s3))


@pytest.mark.parametrize("roles", ["account", "map", "sts"])
def test_a_role_of_another_account_is_refused_whatever_is_set(s3_bucket: Bucket, roles: str) -> None:
    with sts_service(ROLE, FOREIGN) as sts:
        profiles = {"role_profiles": {ROLE: "p", FOREIGN: "p"}} if roles == "map" else {}
        job_roles = opened(s3_bucket.settings(roles=roles, sts={"endpoint_url": sts.server.url}, **profiles))
        job_roles.check(ROLE, ACCOUNT, "job")
        with pytest.raises(RoleRefused) as raised:
            job_roles.check(FOREIGN, ACCOUNT, "job")
        assert raised.value.message == sentence(FOREIGN)
        assert FOREIGN not in [asked["RoleArn"] for asked in sts.asked]


@pytest.mark.parametrize(
    "role", [f"arn:aws:iam::{ACCOUNT}:user/edge", f"x:{ROLE}", "", f"arn:aws:iam::{ACCOUNT}:role/"]
)
def test_what_is_no_role_is_refused(s3_bucket: Bucket, role: str) -> None:
    with pytest.raises(RoleRefused):
        opened(s3_bucket.settings()).check(role, ACCOUNT, "job")


def test_account_uses_the_services_own_rights(s3_bucket: Bucket) -> None:
    job_roles = opened(s3_bucket.settings())
    job_roles.objects(ROLE, "job").write(s3_bucket.uri, [b"x"])
    assert s3_bucket.keys_used() == ["AKIASERVICE"]


def test_map_uses_the_roles_profile(s3_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = "".join(
        f"[{name}]\naws_access_key_id = AKIA{name.upper()}\naws_secret_access_key = s\n" for name in "ab"
    )
    (tmp_path / "profiles").write_text(profiles)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "profiles"))
    s3 = {"endpoint_url": s3_bucket.service.url}
    job_roles = opened(s3_bucket.settings(roles="map", role_profiles={ROLE: "a", OTHER_ROLE: "b"}, s3=s3))
    job_roles.objects(ROLE, "job").write(s3_bucket.uri, [b"x"])
    assert b"".join(job_roles.objects(OTHER_ROLE, "job").read(s3_bucket.uri)) == b"x"
    assert s3_bucket.keys_used() == ["AKIAA", "AKIAB"]


def test_map_refuses_a_role_that_is_not_in_the_table(s3_bucket: Bucket) -> None:
    job_roles = opened(s3_bucket.settings(roles="map", role_profiles={ROLE: "a"}))
    job_roles.check(ROLE, ACCOUNT, "job")
    with pytest.raises(RoleRefused, match="role_profiles") as raised:
        job_roles.check(OTHER_ROLE, ACCOUNT, "job")
    assert raised.value.message.startswith(sentence(OTHER_ROLE))
    with pytest.raises(RoleRefused):
        job_roles.objects(OTHER_ROLE, "job")


def test_sts_uses_the_roles_temporary_rights(s3_bucket: Bucket) -> None:
    with sts_service(ROLE, external_id="tenant-1") as sts:
        job_roles = with_sts(s3_bucket, sts.server.url, external_id="tenant-1", duration=1234)
        job_roles.objects(ROLE, "job-1").write(s3_bucket.uri, [b"x"])
        assert s3_bucket.keys_used() == ["ASIA0000000000000001"]
        assert {asked.headers["X-Amz-Security-Token"] for asked in s3_bucket.service.asked} == {"token-1"}
        (asked,) = sts.asked
        assert (asked["RoleArn"], asked["RoleSessionName"]) == (ROLE, "edgewright-job-1")
        assert (asked["ExternalId"], asked["DurationSeconds"]) == ("tenant-1", "1234")
        assert sts.server.asked[0].credential[0] == "AKIASERVICE"


def test_sts_is_asked_once_for_a_job(s3_bucket: Bucket) -> None:
    with sts_service(ROLE) as sts:
        job_roles = with_sts(s3_bucket, sts.server.url)
        for _ in range(3):
            job_roles.objects(ROLE, "job-1").write(s3_bucket.uri, [b"x"])
        assert len(sts.asked) == 1
        job_roles.objects(ROLE, "job-2").write(s3_bucket.uri, [b"x"])
        assert [asked["RoleSessionName"] for asked in sts.asked] == ["edgewright-job-1", "edgewright-job-2"]


def test_a_check_is_not_repeated_at_once(s3_bucket: Bucket) -> None:
    with sts_service(ROLE) as sts:
        job_roles = with_sts(s3_bucket, sts.server.url)
        job_roles.check(ROLE, ACCOUNT, "job-1")
        job_roles.check(ROLE, ACCOUNT, "job-2")
        assert len(sts.asked) == 1


def write_until(s3_bucket: Bucket, objects: ObjectStore, done: Callable[[], bool]) -> None:
    """What a long job does."""
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until
        objects.write(s3_bucket.uri, [b"x"])


def test_what_expires_is_fetched_anew_while_a_job_runs(s3_bucket: Bucket) -> None:
    with sts_service(ROLE, life=timedelta(seconds=3)) as sts:
        objects = with_sts(s3_bucket, sts.server.url).objects(ROLE, "job")
        write_until(s3_bucket, objects, lambda: len(sts.asked) == 3)
        assert s3_bucket.keys_used()[:2] == ["ASIA0000000000000001", "ASIA0000000000000002"]
        assert {asked["RoleSessionName"] for asked in sts.asked} == {"edgewright-job"}


def test_a_role_that_is_taken_away_ends_its_rights(s3_bucket: Bucket) -> None:
    with sts_service(ROLE, life=timedelta(seconds=2)) as sts:
        objects = with_sts(s3_bucket, sts.server.url).objects(ROLE, "job")
        objects.write(s3_bucket.uri, [b"x"])
        sts.roles.clear()
        with pytest.raises(RoleRefused):
            write_until(s3_bucket, objects, lambda: False)


def test_rights_that_have_expired_when_they_come_are_a_clock_that_is_wrong(s3_bucket: Bucket) -> None:
    with sts_service(ROLE, life=timedelta(hours=-2)) as sts:
        objects = with_sts(s3_bucket, sts.server.url).objects(ROLE, "job")
        with pytest.raises(StoreUnavailable, match=r"expired 7[0-9]+ s before it came; is this host's clock right\?"):
            objects.size(s3_bucket.uri)


def test_sts_denies_in_the_real_services_words(s3_bucket: Bucket) -> None:
    with sts_service() as sts:
        job_roles = with_sts(s3_bucket, sts.server.url)
        for _ in range(2):  # a denial is not kept
            with pytest.raises(RoleRefused) as raised:
                job_roles.check(ROLE, ACCOUNT, "job")
            assert raised.value.message == sentence(ROLE)
        with pytest.raises(RoleRefused):
            job_roles.objects(ROLE, "job").size(s3_bucket.uri)
        sts.roles.add(ROLE)
        job_roles.check(ROLE, ACCOUNT, "job")


def test_an_sts_that_fails_for_a_while_is_asked_again(s3_bucket: Bucket) -> None:
    with sts_service(ROLE) as sts:
        sts.down = [refusal(503, "ServiceUnavailable"), refusal(400, "Throttling")]
        with_sts(s3_bucket, sts.server.url).check(ROLE, ACCOUNT, "job")
        assert len(sts.asked) == 3


def test_an_sts_that_cannot_be_reached_is_not_a_denial(s3_bucket: Bucket) -> None:
    job_roles = with_sts(s3_bucket, "http://127.0.0.1:1")
    with pytest.raises(StoreUnavailable, match=f"asking STS for the role {ROLE}"):
        job_roles.check(ROLE, ACCOUNT, "job")


def test_own_credentials_that_sts_refuses_are_not_the_callers_fault(s3_bucket: Bucket) -> None:
    with sts_service(ROLE) as sts:
        sts.down = [refusal(403, "InvalidClientTokenId")]
        with pytest.raises(StoreUnavailable, match="the service's own credentials"):
            with_sts(s3_bucket, sts.server.url).check(ROLE, ACCOUNT, "job")


def test_jobs_of_several_roles_at_once_have_each_their_own(s3_bucket: Bucket) -> None:
    with sts_service(ROLE, OTHER_ROLE) as sts:
        job_roles = with_sts(s3_bucket, sts.server.url)

        def run(role: str, name: str) -> None:
            job_roles.objects(role, name).write(S3Uri(s3_bucket.bucket, name), [b"x"])

        threads = [
            Thread(target=run, args=(role, f"job-{number}")) for number in range(4) for role in (ROLE, OTHER_ROLE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        given = {asked["RoleSessionName"]: asked["RoleArn"] for asked in sts.asked}
        assert len(sts.asked) == 8
        assert set(given) == {f"edgewright-job-{number}" for number in range(4)}


@pytest.mark.parametrize("roles", ["account", "map", "sts"])
def test_a_folder_has_one_set_of_rights(tmp_path: Path, roles: str) -> None:
    profiles = {"role_profiles": {ROLE: "p"}} if roles == "map" else {}
    job_roles = opened(Settings.model_validate({"data_dir": tmp_path, "roles": roles} | profiles))
    job_roles.check(ROLE, ACCOUNT, "job")
    assert isinstance(job_roles.objects(ROLE, "job"), DirectoryStore)
    with pytest.raises(RoleRefused):
        job_roles.check(FOREIGN, ACCOUNT, "job")
    if roles == "map":
        with pytest.raises(RoleRefused, match="role_profiles"):
            job_roles.check(OTHER_ROLE, ACCOUNT, "job")


def test_a_real_sts_gives_what_a_real_s3_takes(s3_server: S3Service, tmp_path: Path) -> None:
    """Moto in both parts."""
    bucket = f"bucket-{secrets.token_hex(6)}"
    s3_server.client().create_bucket(Bucket=bucket)
    s3 = {"endpoint_url": s3_server.url, "access_key_id": s3_server.key, "secret_access_key": s3_server.secret}
    settings = {"data_dir": tmp_path, "object_store": "s3", "s3": s3, "roles": "sts"}
    job_roles = opened(Settings.model_validate(settings | {"sts": {"endpoint_url": s3_server.url}}))
    job_roles.check(ROLE, ACCOUNT, "job")
    job_roles.objects(ROLE, "job").write(S3Uri(bucket, "k"), [b"x"])
    assert job_roles.objects(ROLE, "job").exists(S3Uri(bucket, "k"))


def test_a_table_without_its_setting_and_a_setting_without_its_table_are_refused() -> None:
    with pytest.raises(SettingsRefused, match="role_profiles"):
        load(roles="map")
    with pytest.raises(SettingsRefused, match="role_profiles"):
        load(role_profiles={ROLE: "p"})
    with pytest.raises(SettingsRefused, match=r"sts\.duration"):
        load(roles="sts", sts={"duration": 60})


@pytest.mark.parametrize(
    ("job", "session"),
    [("a", "edgewright-a"), ("x" * 63, "edgewright-" + "x" * 53), ("a b/ü", "edgewright-a-b--")],
)
def test_a_sessions_name_is_one_that_sts_takes(job: str, session: str) -> None:
    assert session_name(job) == session
