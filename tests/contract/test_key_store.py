"""The contract of the key store, on each database that it runs on."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from edgewright.errors import KeyChangeRefused, KeyListRefused, KeyUnusable
from edgewright.keys.opening import SigningKey
from edgewright.keys.store import KeyStore
from edgewright.signing import key_folder, keys
from edgewright.signing.keys import PRIVATE_FILE, PUBLIC_FILE, PublicKey, new_signer
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import KeyList, TrustedKeys, sign_list

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

NOON = datetime(2027, 3, 4, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def store(engine: Engine) -> KeyStore:
    times = iter(NOON + timedelta(minutes=minute) for minute in range(1000))
    return KeyStore(engine, lambda: next(times))


def new_key() -> PublicKey:
    return new_signer().public_key


class TestStates:
    def test_the_first_key_signs_and_a_second_first_one_does_not(self, store: KeyStore) -> None:
        first, old = new_key(), new_key()
        assert (store.all(), store.signing()) == ([], None)
        store.adopt(first, [old])
        store.adopt(new_key(), [new_key()])
        assert [(each.key_id, each.state, each.signs) for each in store.all()] == [
            (first.key_id, "active", True),
            (old.key_id, "retired", False),
        ]
        signing = store.signing()
        assert signing is not None
        assert (signing.listed.key, signing.listed.created_at) == (first, NOON)

    def test_hosts_that_start_at_once_agree_on_one_key(self, store: KeyStore) -> None:
        own = [new_key() for _ in range(8)]
        threads = [threading.Thread(target=store.adopt, args=[key]) for key in own]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.signs for each in store.all()] == [True]

    def test_rotating_retires_the_key_that_signed(self, store: KeyStore) -> None:
        first, second = new_key(), new_key()
        store.adopt(first)
        store.add(second, KeyState.ACTIVE)
        assert store.rotate(second.key_id).signs
        found = {each.key_id: each for each in store.all()}
        assert (found[first.key_id].state, found[first.key_id].signs) == ("retired", False)
        retired_at = found[first.key_id].listed.retired_at
        assert retired_at is not None
        assert retired_at > NOON
        for key, what in ((second, "is active, and signs"), (first, "is retired")):
            with pytest.raises(KeyChangeRefused, match=f"{what}: only an active key that does not sign yet"):
                store.rotate(key.key_id)
        signing = store.signing()
        assert signing is not None
        assert signing.key_id == second.key_id

    def test_one_of_two_rotations_at_once_wins(self, store: KeyStore) -> None:
        own = [new_key() for _ in range(4)]
        store.adopt(new_key())
        for key in own:
            store.add(key, KeyState.ACTIVE)
        with ThreadPoolExecutor(len(own)) as pool:
            done = [pool.submit(store.rotate, key.key_id) for key in own]
        refusals = [each.exception() for each in done if each.exception()]
        assert all(isinstance(refusal, KeyChangeRefused) for refusal in refusals)
        assert len(refusals) < len(own)
        assert sum(each.signs for each in store.all()) == 1

    def test_retiring(self, store: KeyStore) -> None:
        first, second = new_key(), new_key()
        store.adopt(first)
        store.add(second, KeyState.ACTIVE)
        with pytest.raises(KeyChangeRefused, match=r"is active, and signs: only .* `edgewright keys rotate` retires"):
            store.retire(first.key_id)
        assert store.retire(second.key_id).state is KeyState.RETIRED
        with pytest.raises(KeyChangeRefused, match="is retired: only an active key"):
            store.retire(second.key_id)

    def test_revoking(self, store: KeyStore) -> None:
        first, second = new_key(), new_key()
        store.adopt(first)
        revoked = store.revoke(first.key_id, "lost")
        assert (revoked.state, revoked.signs, revoked.listed.key.reason) == ("revoked", False, "lost")
        assert revoked.listed.revoked_at is not None
        assert store.signing() is None
        with pytest.raises(KeyChangeRefused, match="is revoked: only a key that is not revoked"):
            store.revoke(first.key_id, "again")
        with pytest.raises(KeyChangeRefused, match="is revoked: only an active key"):
            store.rotate(first.key_id)
        store.add(second, KeyState.ACTIVE)
        assert store.rotate(second.key_id).signs
        assert [(key.state, key.reason) for key in store.trusted()] == [("revoked", "lost"), ("active", "")]

    def test_a_key_is_known_once(self, store: KeyStore) -> None:
        key = new_key()
        store.adopt(key)
        with pytest.raises(KeyChangeRefused, match="is known already; it is active"):
            store.add(key, KeyState.RETIRED)

    def test_keys_are_named_by_the_start_of_their_ids(self, store: KeyStore) -> None:
        key = new_key()
        store.adopt(key)
        assert store.named(key.key_id[:8].upper()).key_id == store.named(key.key_id).key_id == key.key_id
        for name in (key.key_id[:7], "", "0" * 8):
            with pytest.raises(KeyChangeRefused, match="No keys have an id that begins with"):
                store.named(name)


def test_only_newer_lists_are_published(store: KeyStore) -> None:
    root = new_signer()

    def publish(version: int) -> bytes:
        text = sign_list(KeyList(version, NOON + timedelta(days=version), ()), root)
        store.publish(TrustedKeys.read(text, [root.public_key], NOON), text)
        return text

    assert store.published() is None
    for version in (1, 5):
        text = publish(version)
        found = store.published()
        assert found is not None
        assert (found.version, found.root_id, found.document) == (version, root.public_key.key_id, text)
    for version in (5, 4, 1):
        with pytest.raises(KeyListRefused, match="version 5 is published: sign one with version 6 or later"):
            publish(version)
    again = store.published()
    assert again == found


class TestHosts:
    """Hosts with folders of their own, on one database."""

    def test_an_existing_key_becomes_the_services(self, store: KeyStore, tmp_path: Path) -> None:
        before, trusted = keys.load_or_create(tmp_path), new_key()
        (tmp_path / "2025.pub.pem").write_bytes(trusted.pem)
        assert SigningKey(None, tmp_path, store).begin().public_key == before.public_key
        assert {each.key_id: each.state for each in store.all()} == {
            before.public_key.key_id: "active",
            trusted.key_id: "retired",
        }

    def test_a_host_with_another_key_signs_nothing(self, store: KeyStore, tmp_path: Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        service = SigningKey(None, one, store).begin().public_key.key_id
        other = keys.load_or_create(two).public_key.key_id
        host = SigningKey(None, two, store)
        for refused in (host.begin, host, host.check):
            with pytest.raises(KeyUnusable) as caught:
                refused()
            message = caught.value.message
            assert f"signs with key {service}" in message
            assert f"is another key, {other}" in message
            assert f"Copy {PRIVATE_FILE} from the folder `keys` of a host that has key {service} to {two}" in message
        (two / PRIVATE_FILE).write_bytes((one / PRIVATE_FILE).read_bytes())
        (two / PUBLIC_FILE).unlink()
        assert host.begin().public_key.key_id == service

    def test_a_second_host_makes_no_key(self, store: KeyStore, tmp_path: Path) -> None:
        SigningKey(None, tmp_path / "one", store).begin()
        with pytest.raises(KeyUnusable, match="is not there: packages of this host would not verify"):
            SigningKey(None, tmp_path / "two", store).begin()
        assert not (tmp_path / "two").exists()
        SigningKey(None, tmp_path / "two", store).check()  # a server without a worker signs nothing

    def test_a_host_that_was_late_keeps_no_key(self, store: KeyStore, tmp_path: Path) -> None:
        """Another host's key came between this one's look and its insert."""

        class Late(KeyStore):
            def adopt(self, key: PublicKey, retired: object = ()) -> None:
                store.adopt(new_key())
                super().adopt(key)

        with pytest.raises(KeyUnusable, match="is not there"):
            SigningKey(None, tmp_path / "keys", Late(store._engine)).begin()
        assert list((tmp_path / "keys").iterdir()) == []

    def test_a_public_half_alone(self, store: KeyStore, tmp_path: Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        keys.load_or_create(one)
        (one / PRIVATE_FILE).unlink()
        with pytest.raises(KeyUnusable, match=f"public half of key .* Copy the private key to {one / PRIVATE_FILE}"):
            SigningKey(None, one, store).begin()
        assert store.all() == []
        SigningKey(None, two, store).begin()
        with pytest.raises(KeyUnusable, match="is not there, but its public half alone"):
            SigningKey(None, one, store).begin()

    def test_a_rotation_reaches_hosts_that_have_the_key(self, store: KeyStore, tmp_path: Path) -> None:
        one, two = tmp_path / "one", tmp_path / "two"
        host = SigningKey(None, one, store)
        first = host.begin()
        assert host() is first
        (two).mkdir(mode=0o700)
        (two / PRIVATE_FILE).write_bytes((one / PRIVATE_FILE).read_bytes())
        (two / PRIVATE_FILE).chmod(0o600)
        other = SigningKey(None, two, store)
        other.begin()
        following = new_signer()
        key_folder.add(one, following)
        store.add(following.public_key, KeyState.ACTIVE)
        store.rotate(following.public_key.key_id)
        assert host().public_key == following.public_key
        with pytest.raises(KeyUnusable, match="is another key"):
            other()
        key_folder.add(two, following)
        assert other().public_key == following.public_key

    def test_after_a_revocation_nothing_is_signed(self, store: KeyStore, tmp_path: Path) -> None:
        host = SigningKey(None, tmp_path, store)
        store.revoke(host.begin().public_key.key_id, "lost")
        for refused in (host, host.begin):
            with pytest.raises(KeyUnusable, match=r"No key signs: .* `edgewright keys rotate`"):
                refused()

    def test_a_key_outside_the_folder(self, store: KeyStore, tmp_path: Path) -> None:
        signer = keys.load_or_create(tmp_path / "elsewhere")
        uri = (tmp_path / "elsewhere" / PRIVATE_FILE).as_uri()
        assert SigningKey(uri, tmp_path / "keys", store).begin().public_key == signer.public_key
        keys.load_or_create(tmp_path / "other")
        other = (tmp_path / "other" / PRIVATE_FILE).as_uri()
        with pytest.raises(KeyUnusable, match=r"the setting signing_key \(file://.*\) is another key"):
            SigningKey(other, tmp_path / "keys", store).begin()
        assert not (tmp_path / "keys").exists()
