"""The local keyring: whose keys are found by which names, and that no key is lost or shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import uuid
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import KeyRefused, KeyUnusable, ObjectDamaged, ObjectForbidden
from edgewright.stores import DirectoryStore, S3Uri, encryption
from edgewright.stores.keyring import Key, Keyring, Owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = Owner("123456789012", "eu-west-1")
UNKNOWN = "1234abcd-12ab-34cd-56ef-1234567890ab"
URI = S3Uri("bucket", "a/model.tar.gz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "kms"


@pytest.fixture
def ring(folder: Path) -> Keyring:
    return Keyring(folder)


@pytest.fixture
def key(ring: Keyring) -> Key:
    return ring.create(HERE, "edge")


@pytest.fixture
def store(ring: Keyring, tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "data" / "objects", ring)


def names(key: Key) -> list[str]:
    return [key.key_id, key.arn, "alias/edge", key.owner.arn("alias/edge")]


class TestNames:
    def test_a_key_is_found_by_each_of_its_names(self, ring: Keyring, key: Key) -> None:
        assert key.arn == f"arn:aws:kms:eu-west-1:123456789012:key/{key.key_id}"
        assert [ring.find(name, HERE) for name in names(key)] == [key] * 4

    def test_the_service_itself_finds_it_by_those_that_say_whose_it_is(self, ring: Keyring, key: Key) -> None:
        assert [ring.find(name) for name in (key.key_id, key.arn, HERE.arn("alias/edge"))] == [key] * 3
        with pytest.raises(KeyRefused, match="does not say of which account and region"):
            ring.find("alias/edge")

    @pytest.mark.parametrize("other", [Owner("999999999999", "eu-west-1"), Owner("123456789012", "us-east-1")])
    def test_nobody_else_finds_it(self, ring: Keyring, key: Key, other: Owner) -> None:
        for name in (key.arn, HERE.arn("alias/edge")):
            with pytest.raises(KeyRefused, match="belongs to another account or region"):
                ring.find(name, other)
        with pytest.raises(KeyRefused, match=rf"^Key '{other.arn('key/' + key.key_id)}' does not exist\."):
            ring.find(key.key_id, other)
        with pytest.raises(KeyRefused, match=rf"^Alias {other.arn('alias/edge')} is not found\."):
            ring.find("alias/edge", other)

    def test_an_arn_is_not_believed_about_whose_a_key_is(self, ring: Keyring, key: Key) -> None:
        other = Owner("999999999999", "eu-west-1")
        with pytest.raises(KeyRefused, match="does not exist"):
            ring.find(other.arn(f"key/{key.key_id}"), other)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "alias/",
            "alias/a b",
            "alias/../../x",
            "key/x",
            "../key",
            "arn:aws:kms:eu-west-1:1234:key/x",
            "arn:aws:s3:eu-west-1:123456789012:key/x",
            "arn:aws:kms:eu-west-1:123456789012:grant/x",
            f"arn:aws:kms:eu-west-1:123456789012:key/{UNKNOWN}\n",
            "x" * 2049 + "/",
        ],
    )
    def test_what_names_no_key_is_refused(self, ring: Keyring, name: str) -> None:
        with pytest.raises(KeyRefused, match=r"^Invalid keyId "):
            ring.find(name, HERE)

    @pytest.mark.parametrize(
        "name", [UNKNOWN, UNKNOWN.upper(), "x", f"arn:aws:kms:eu-west-1:123456789012:key/{UNKNOWN}"]
    )
    def test_an_unknown_key_is_named_whole(self, ring: Keyring, name: str) -> None:
        whole = name if name.startswith("arn:") else HERE.arn(f"key/{name}")
        with pytest.raises(KeyRefused, match=f"^Key '{whole}' does not exist. `edgewright kms list-keys`"):
            ring.find(name, HERE)

    def test_looking_makes_nothing(self, ring: Keyring, folder: Path) -> None:
        assert ring.list_keys() == []
        with pytest.raises(KeyRefused, match="is not found"):
            ring.find("alias/edge", HERE)
        assert not folder.parent.exists()


class TestKeeping:
    def test_only_the_services_user_may_read_it(self, key: Key, folder: Path) -> None:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert {path.name for path in folder.iterdir()} == {f"{key.key_id}.json", "aliases.json", ".lock"}
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}

    def test_a_key_shows_no_secret(self, ring: Keyring, key: Key) -> None:
        secret = json.loads(ring.keyset(key.key_id))["key"][0]["keyData"]["value"]
        assert secret not in repr(key)
        assert secret not in repr(ring.list_keys())

    def test_keys_are_listed_by_age(self, ring: Keyring) -> None:
        made = [ring.create(HERE, alias) for alias in ("one", None, "two")]
        assert sorted(ring.list_keys(), key=lambda key: key.key_id) == sorted(made, key=lambda key: key.key_id)
        assert ring.aliases() == {HERE.arn("alias/one"): made[0].key_id, HERE.arn("alias/two"): made[2].key_id}

    def test_an_alias_is_one_keys_alone(self, ring: Keyring, key: Key) -> None:
        with pytest.raises(KeyRefused, match=f"already exists, for key {key.key_id}"):
            ring.create(HERE, "alias/edge")
        assert ring.list_keys() == [key]
        elsewhere = ring.create(Owner(HERE.account, "us-east-1"), "edge")
        assert ring.find("alias/edge", elsewhere.owner) == elsewhere
        assert ring.find("alias/edge", HERE) == key

    def test_an_alias_moves(self, ring: Keyring, key: Key) -> None:
        newer = ring.create(HERE)
        assert ring.set_alias("edge", newer.arn) == newer
        assert ring.find("alias/edge", HERE) == newer
        assert ring.find(key.key_id, HERE) == key

    @pytest.mark.parametrize("alias", ["", "a b", "alias/aws/s3", "aws/s3", "x" * 251, "é"])
    def test_an_alias_that_cannot_be_is_refused(self, ring: Keyring, alias: str) -> None:
        with pytest.raises(KeyRefused, match="Invalid alias"):
            ring.create(HERE, alias)
        assert ring.list_keys() == []

    def test_a_disabled_key_is_refused_until_it_is_enabled(self, ring: Keyring, key: Key) -> None:
        secret = ring.keyset(key.key_id)
        assert ring.set_enabled(key.arn, enabled=False).enabled is False
        for name in names(key):
            with pytest.raises(KeyRefused, match=f"^{key.arn} is disabled. `edgewright kms enable-key {key.key_id}`"):
                ring.find(name, HERE)
        with pytest.raises(KeyRefused, match="is disabled"):
            ring.keyset(key.key_id)
        assert ring.set_enabled(HERE.arn("alias/edge"), enabled=True) == key
        assert ring.keyset(key.key_id) == secret

    def test_makers_at_once_lose_nothing(self, ring: Keyring) -> None:
        makers = [threading.Thread(target=ring.create, args=(HERE, f"key-{number}")) for number in range(8)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
        assert {key.key_id for key in ring.list_keys()} == set(ring.aliases().values())
        assert len(ring.aliases()) == 8

    def test_a_maker_that_is_killed_leaves_whole_files(self, folder: Path) -> None:
        code = (
            "import os, sys, pathlib; from edgewright.stores import keyring;"
            "ring = keyring.Keyring(pathlib.Path(sys.argv[1])); place = keyring.Owner('123456789012', 'r');"
            "ring.create(place, 'first');"
            "os.fsync = lambda _: os.kill(os.getpid(), 9); ring.create(place, 'second')"
        )
        done = subprocess.run([sys.executable, "-c", code, str(folder)], check=False)
        assert done.returncode == -9
        ring = Keyring(folder)
        assert [*ring.aliases().values()] == [key.key_id for key in ring.list_keys()]
        assert len([*folder.glob(".*.json.*")]) == 1
        assert ring.create(Owner("123456789012", "r"), "second") in ring.list_keys()
        assert len([*folder.glob(".*.json.*")]) == 0


class TestBadFiles:
    def test_a_file_open_to_others_is_refused(self, ring: Keyring, key: Key, folder: Path) -> None:
        (folder / f"{key.key_id}.json").chmod(0o640)
        with pytest.raises(KeyUnusable, match=r"open to others \(mode 0640\): run `chmod 600"):
            ring.find(key.key_id, HERE)

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"account": "1"}', "\x00", '{"created_at": "yesterday"}'])
    def test_a_file_that_is_no_key_is_refused(self, ring: Keyring, key: Key, folder: Path, text: str) -> None:
        (folder / f"{key.key_id}.json").write_text(text)
        with pytest.raises(KeyUnusable, match=key.key_id):
            ring.find(key.key_id, HERE)

    def test_a_keyring_that_is_no_folder_is_said_to_be(self, ring: Keyring, folder: Path) -> None:
        folder.parent.mkdir()
        folder.write_text("")
        for use in (lambda: ring.find(UNKNOWN, HERE), lambda: ring.create(HERE), ring.list_keys):
            with pytest.raises(KeyUnusable, match="cannot be used"):
                use()

    def test_the_folder_may_lie_elsewhere(self, ring: Keyring, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "safe").mkdir(mode=0o700)
        folder.parent.mkdir()
        folder.symlink_to(tmp_path / "safe")
        key = ring.create(HERE, "edge")
        assert ring.find("alias/edge", HERE) == key
        assert (tmp_path / "safe" / f"{key.key_id}.json").is_file()

    def test_other_files_in_the_folder_are_passed_over(self, ring: Keyring, key: Key, folder: Path) -> None:
        (folder / "README").write_text("mine")
        (folder / f"{uuid.uuid4()}.json.bak").write_text("mine")
        assert ring.list_keys() == [key]


class TestObjects:
    """The directory store with a keyring; what it shares with other stores is in the contract's suite."""

    def file(self, tmp_path: Path, uri: S3Uri = URI) -> Path:
        return tmp_path / "data" / "objects" / uri.bucket / uri.key

    def test_an_object_is_bound_to_its_own_key(self, store: DirectoryStore, key: Key, tmp_path: Path) -> None:
        name = store.check_key("alias/edge", HERE.account, HERE.region)
        assert name == key.arn
        store.write(URI, [b"\x1f\x8b plain text"], kms_key_id=name)
        file = self.file(tmp_path).read_bytes()
        assert file.startswith(encryption.MAGIC + b"\x01" + uuid.UUID(key.key_id).bytes)
        assert b"plain text" not in file
        assert b"".join(store.read(URI)) == b"\x1f\x8b plain text"
        assert store.size(URI) == len(b"\x1f\x8b plain text")
        assert list(store.list("bucket")) == [URI]

    def test_plain_and_encrypted_replace_each_other(self, store: DirectoryStore, key: Key, tmp_path: Path) -> None:
        for body, name in ((b"one", None), (b"second", key.arn), (b"3", None)):
            store.write(URI, [body], kms_key_id=name)
            assert b"".join(store.read(URI)) == body
            assert store.size(URI) == len(body)
        assert self.file(tmp_path).read_bytes() == b"3"

    def test_no_plain_byte_touches_the_disk(self, store: DirectoryStore, key: Key, tmp_path: Path) -> None:
        seen = bytearray()

        def pieces() -> Iterator[bytes]:
            for number in range(40):
                yield f"a known text, {number}. ".encode() * 20_000
                for path in (tmp_path / "data" / "objects" / ".staging").iterdir():
                    seen.extend(path.read_bytes())

        store.write(URI, pieces(), kms_key_id=key.arn)
        assert len(seen) > 1024 * 1024
        assert b"known" not in seen

    def test_a_plain_object_that_looks_encrypted_is_given_back(
        self, store: DirectoryStore, key: Key, tmp_path: Path
    ) -> None:
        store.write(URI, [b"inside"], kms_key_id=key.arn)
        body = self.file(tmp_path).read_bytes()
        for uri in (URI, S3Uri("bucket", "another")):
            store.write(uri, [body])
            assert b"".join(store.read(uri)) == body
            assert store.size(uri) == len(body)

    def test_an_encrypted_file_may_be_brought_back_from_a_backup(
        self, store: DirectoryStore, key: Key, tmp_path: Path
    ) -> None:
        store.write(URI, [b"inside"], kms_key_id=key.arn)
        backup = self.file(tmp_path).read_bytes()
        store.delete(URI)
        self.file(tmp_path).write_bytes(backup)
        assert b"".join(store.read(URI)) == b"inside"

    def test_an_encrypted_file_that_was_moved_is_refused(self, store: DirectoryStore, key: Key, tmp_path: Path) -> None:
        store.write(URI, [b"inside"], kms_key_id=key.arn)
        other = S3Uri("bucket", "a/other.tar.gz")
        self.file(tmp_path, other).write_bytes(self.file(tmp_path).read_bytes())
        with pytest.raises(ObjectDamaged, match=r"moved here from another object's place.*Key: a/other\.tar\.gz"):
            list(store.read(other))

    def test_an_encrypted_file_that_was_cut_is_refused(self, store: DirectoryStore, key: Key, tmp_path: Path) -> None:
        store.write(URI, [b"inside"], kms_key_id=key.arn)
        os.truncate(self.file(tmp_path), encryption.HEAD + 10)
        for use in (lambda: store.size(URI), lambda: list(store.read(URI)), lambda: store.exists(URI)):
            with pytest.raises(ObjectDamaged):
                use()
        store.write(URI, [b"anew"], kms_key_id=key.arn)
        assert b"".join(store.read(URI)) == b"anew"

    def test_nothing_is_read_with_a_disabled_or_lost_key(
        self, store: DirectoryStore, ring: Keyring, key: Key, folder: Path
    ) -> None:
        store.write(URI, [b"inside"], kms_key_id=key.arn)
        ring.set_enabled(key.key_id, enabled=False)
        with pytest.raises(ObjectForbidden, match=r"is disabled.*Bucket: bucket, Key: a/model\.tar\.gz"):
            list(store.read(URI))
        assert store.size(URI) == 6
        ring.set_enabled(key.key_id, enabled=True)
        (folder / f"{key.key_id}.json").rename(folder.parent / "away")
        with pytest.raises(ObjectForbidden, match="does not exist"):
            list(store.read(URI))
        with pytest.raises(ObjectForbidden, match="opened without a keyring"):
            list(DirectoryStore(folder.parent / "objects").read(URI))

    def test_nothing_is_written_with_a_disabled_or_unknown_key(
        self, store: DirectoryStore, ring: Keyring, key: Key, tmp_path: Path
    ) -> None:
        ring.set_enabled(key.key_id, enabled=False)
        for name in (key.arn, UNKNOWN, "alias/edge", "no key"):
            with pytest.raises(KeyRefused):
                store.write(URI, iter([b"x"]), kms_key_id=name)
        without = DirectoryStore(tmp_path / "data" / "objects")
        with pytest.raises(KeyRefused, match="nor any other"):
            without.write(URI, [b"x"], kms_key_id=key.arn)
        with pytest.raises(KeyRefused, match="nor any other"):
            without.check_key(key.arn, HERE.account, HERE.region)
        assert not (tmp_path / "data" / "objects").exists()
