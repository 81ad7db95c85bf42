"""The signed list of keys: what is read, and everything that is not."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from archives import model_tar_gz
from edgewright.errors import KeyListRefused, PackageRefused
from edgewright.packaging import verify
from edgewright.signing import envelope, signature
from edgewright.signing.keys import PublicKey, new_signer
from edgewright.signing.states import KeyState
from edgewright.signing.trusted_keys import (
    LONGEST_LIST,
    PAYLOAD_TYPE,
    KeyList,
    ListedKey,
    TrustedKeys,
    read_unsigned,
    sign_list,
    unsigned,
    verdict,
)
from packing import pack

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.signing.signers import Signer

NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)
ROOT, OTHER_ROOT = new_signer(), new_signer("P-384")


def listed(signer: Signer, state: KeyState = KeyState.ACTIVE, reason: str = "") -> ListedKey:
    at = NOW - timedelta(days=1)
    revoked = at if state is KeyState.REVOKED else None
    retired = at if state is KeyState.RETIRED else None
    return ListedKey(PublicKey(signer.public_key.pem, state, reason), NOW - timedelta(days=400), retired, revoked)


def key_list(*keys: ListedKey, version: int = 7) -> KeyList:
    return KeyList(version, NOW + timedelta(days=90), keys)


def forged(change: Callable[[Any], object], signer: Signer, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """A list whose payload was changed before the root key signed it."""
    payload = json.loads(base64.b64decode(json.loads(sign_list(key_list(listed(signer)), ROOT))["payload"]))
    change(payload)
    document = envelope.seal(payload_type, json.dumps(payload).encode(), ROOT, ROOT.public_key.key_id)
    return json.dumps(document).encode()


@pytest.mark.parametrize("root", [ROOT, OTHER_ROOT], ids=["P-256", "P-384"])
def test_a_list_comes_back_as_it_was_signed(root: Signer, signer: Signer, other_signer: Signer) -> None:
    made = key_list(listed(signer), listed(other_signer, KeyState.REVOKED, "stolen: é"))
    text = sign_list(made, root)
    found = TrustedKeys.read(text, [ROOT.public_key, OTHER_ROOT.public_key], NOW, minimum_version=7)
    assert (found.root_id, found.key_list) == (root.public_key.key_id, made)
    assert [(key.state, key.reason) for key in found.keys] == [("active", ""), ("revoked", "stolen: é")]
    assert text == sign_list(made, root)


def test_the_way_to_the_root_key_and_back(signer: Signer) -> None:
    text = unsigned(3, [listed(signer, KeyState.RETIRED)])
    made = read_unsigned(text, NOW + timedelta(days=1, microseconds=1))
    assert made == KeyList(3, NOW + timedelta(days=1), (listed(signer, KeyState.RETIRED),))
    assert read_unsigned(text, NOW, 9).version == 9
    with pytest.raises(KeyListRefused, match="it is from 1 to"):
        read_unsigned(text, NOW, 2**63)
    with pytest.raises(KeyListRefused, match="exactly"):
        read_unsigned(sign_list(made, ROOT), NOW)


def test_an_older_list_is_refused(signer: Signer) -> None:
    text = sign_list(key_list(listed(signer)), ROOT)
    with pytest.raises(KeyListRefused, match="has version 7, and version 8 was seen before"):
        TrustedKeys.read(text, [ROOT.public_key], NOW, minimum_version=8)


def test_an_expired_list_is_refused(signer: Signer) -> None:
    made = key_list(listed(signer))
    TrustedKeys.read(sign_list(made, ROOT), [ROOT.public_key], made.expires - timedelta(seconds=1))
    with pytest.raises(KeyListRefused, match="expired at 2027-05-01T12:00:00Z, and it is 2027-05-01T12:00:00Z"):
        TrustedKeys.read(sign_list(made, ROOT), [ROOT.public_key], made.expires)


def test_a_list_of_another_root_is_refused(signer: Signer) -> None:
    text = sign_list(key_list(listed(signer)), OTHER_ROOT)
    with pytest.raises(KeyListRefused, match=f"signed by root key '{OTHER_ROOT.public_key.key_id}', which is not trus"):
        TrustedKeys.read(text, [ROOT.public_key], NOW)
    renamed = json.loads(text)
    renamed["signatures"][0]["keyid"] = ROOT.public_key.key_id
    with pytest.raises(KeyListRefused, match="did not sign this list"):
        TrustedKeys.read(json.dumps(renamed).encode(), [ROOT.public_key], NOW)


def test_an_unsigned_list_is_refused(signer: Signer) -> None:
    with pytest.raises(KeyListRefused, match="It is not signed"):
        TrustedKeys.read(unsigned(7, [listed(signer)]), [ROOT.public_key], NOW)


def test_a_changed_list_is_refused(signer: Signer) -> None:
    document = json.loads(sign_list(key_list(listed(signer, KeyState.REVOKED)), ROOT))
    payload = base64.b64decode(document["payload"]).replace(b'"revoked","created"', b'"active","created"')
    document["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(KeyListRefused, match="did not sign this list"):
        TrustedKeys.read(json.dumps(document).encode(), [ROOT.public_key], NOW)


def test_a_signature_over_something_else_is_no_list(signer: Signer) -> None:
    """The root key's signature over a package, and a package's key as a root."""
    with pytest.raises(KeyListRefused, match="payload type"):
        TrustedKeys.read(forged(lambda _: None, signer, signature.PAYLOAD_TYPE), [ROOT.public_key], NOW)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda each: each.update(version=0), "it is from 1 to"),
        (lambda each: each.update(version=2**63), "it is from 1 to"),
        (lambda each: each.update(version=True), "no 'version' of type int"),
        (lambda each: each.update(version="7"), "no 'version' of type int"),
        (lambda each: each.update(expires="soon"), "'expires' is 'soon'"),
        (lambda each: each.pop("expires"), "exactly"),
        (lambda each: each.update(more=1), "exactly"),
        (lambda each: each.update(keys={}), "no 'keys' of type list"),
        (lambda each: each["keys"].append(each["keys"][0]), "names a key twice"),
        (lambda each: each["keys"][0].update(id="0" * 64), "is named '0000"),
        (lambda each: each["keys"][0].update(state="trusted"), "has the state 'trusted'"),
        (lambda each: each["keys"][0].update(public_key="none"), "holds no public key"),
        (lambda each: each["keys"][0].update(retired=5), "no 'retired' of type str"),
        (lambda each: each["keys"][0].pop("reason"), "exactly"),
    ],
)
def test_lists_of_another_form(change: Callable[[Any], object], message: str, signer: Signer) -> None:
    with pytest.raises(KeyListRefused, match=message):
        TrustedKeys.read(forged(change, signer), [ROOT.public_key], NOW)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"signatures": []}', b"\xff", b'{"payload": 1, "payload": 2}'])
def test_what_is_no_list(text: bytes) -> None:
    with pytest.raises(KeyListRefused, match="The list of keys is refused"):
        TrustedKeys.read(text, [ROOT.public_key], NOW)


def test_a_list_of_any_length_is_not_read(signer: Signer) -> None:
    with pytest.raises(KeyListRefused, match="is the most that is read"):
        TrustedKeys.read(b" " * (LONGEST_LIST + 1), [ROOT.public_key], NOW)
    with pytest.raises(KeyListRefused, match="is the most that is read"):
        sign_list(key_list(listed(signer, reason="x" * LONGEST_LIST)), ROOT)


def test_a_root_key_is_no_signing_key() -> None:
    with pytest.raises(KeyListRefused, match="The root key is in the list itself"):
        sign_list(key_list(listed(ROOT)), ROOT)


def test_packages_are_verified_with_the_keys_of_a_list(signer: Signer, other_signer: Signer) -> None:
    _, package = pack(signer, model_tar_gz({"model.onnx": b"weights"}))
    for state in (KeyState.ACTIVE, KeyState.RETIRED):
        found = TrustedKeys.read(sign_list(key_list(listed(signer, state)), ROOT), [ROOT.public_key], NOW)
        assert verify([package], found.keys).key_state is state
    revoked = key_list(listed(signer, KeyState.REVOKED, "the build host was broken into"), listed(other_signer))
    with pytest.raises(PackageRefused, match=r"Do not deploy .* is revoked \(the build host was broken into\)"):
        verify([package], TrustedKeys.read(sign_list(revoked, ROOT), [ROOT.public_key], NOW).keys)
    with pytest.raises(PackageRefused, match=r"Do not deploy .* is not trusted"):
        verify(
            [package], TrustedKeys.read(sign_list(key_list(listed(other_signer)), ROOT), [ROOT.public_key], NOW).keys
        )


def test_a_revoked_key_cannot_pass_for_another(signer: Signer, other_signer: Signer) -> None:
    """A bundle that was signed with the revoked key, and names the active one."""
    bundle = json.loads(signature.sign("m", {"a": "0" * 64}, signer))
    bundle["verificationMaterial"]["publicKey"]["hint"] = other_signer.public_key.key_id
    keys = [replace(signer.public_key, state=KeyState.REVOKED), other_signer.public_key]
    with pytest.raises(PackageRefused, match="The signature is wrong"):
        signature.open_bundle(json.dumps(bundle).encode(), keys, ["a"])


def test_what_a_key_says_of_its_packages(signer: Signer) -> None:
    key, key_id = signer.public_key, signer.public_key.key_id
    assert verdict(key_id, [key]) == verdict(key_id, [replace(key, reason="unused")])
    found = {state: verdict(key_id, [replace(key, state=state, reason="lost")]) for state in KeyState}
    assert {state: each.deploy for state, each in found.items()} == {"active": True, "retired": True, "revoked": False}
    assert found[KeyState.RETIRED].sentence == "signed by a retired key: valid"
    assert found[KeyState.REVOKED].sentence == "Do not deploy: signed by a revoked key: lost."
    assert not verdict(key_id, []).deploy
