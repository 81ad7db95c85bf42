"""The list of keys that devices trust: signed by an offline root key, with a version and an expiry. Pure.

A list is a DSSE envelope around a JSON object, of a payload type of its own, so that no signature over a list can be
taken for one over a package. A reader names the root keys, the time, and the version that it has seen
already: an older list could trust a key that has been revoked since.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import KeyListRefused, KeyUnusable, PackageRefused
from edgewright.signing import envelope
from edgewright.signing.documents import exactly, field, parse_document
from edgewright.signing.keys import PublicKey, read_public_key
from edgewright.signing.states import KeyState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgewright.signing.signers import Signer

PAYLOAD_TYPE: Final = "application/vnd.edgewright.keys.v1+json"
LONGEST_LIST: Final = 1024 * 1024
"""Bytes of a signed list: some 800 keys."""
HIGHEST_VERSION: Final = 2**63 - 1
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_KEY_MEMBERS: Final = {"id", "state", "created", "retired", "revoked", "reason", "public_key"}


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key with its life.

    Attributes:
        key: its public half and its state.
        created_at: when it became known; to the second in a list, as the others.
        retired_at: when it was retired; None if it never was.
        revoked_at: when it was revoked; None if it never was.
    """

    key: PublicKey
    created_at: datetime
    retired_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the state of a package's key says of the package; its signature is another question.

    Attributes:
        deploy: whether the package may be deployed.
        sentence: why, or why not.
    """

    deploy: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class KeyList:
    """What a root key signs.

    Attributes:
        version: from 1; a newer list has a higher one.
        expires: from then on the list is refused.
        keys: every key that is known, the revoked ones too.
    """

    version: int
    expires: datetime
    keys: tuple[ListedKey, ...]


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """A list whose signature, expiry and version were found to be right.

    Attributes:
        root_id: the root key that signed it.
        key_list: what it says.
    """

    root_id: str
    key_list: KeyList

    @classmethod
    def read(cls, text: bytes, roots: Sequence[PublicKey], now: datetime, *, minimum_version: int = 0) -> TrustedKeys:
        """A signed list, once everything about it was checked.

        Args:
            text: the envelope, as `sign_list` writes it.
            roots: the root keys of which one must have signed it.
            now: the time that the expiry is compared with.
            minimum_version: the highest version that was seen before.

        Raises:
            KeyListRefused: it is unsigned, signed by another key, expired, older than the one seen, or of another form.
        """
        try:
            found, root_id = _authenticated(text, roots)
        except PackageRefused as error:
            raise KeyListRefused(f"The list of keys is refused. {error.message}") from error
        if found.version < minimum_version:
            raise KeyListRefused(
                f"The list of keys has version {found.version}, and version {minimum_version} was seen before: an "
                "older list may trust a key that has been revoked since. Get the newest list."
            )
        if found.expires <= now:
            raise KeyListRefused(
                f"The list of keys expired at {found.expires.strftime(_TIME)}, and it is {now.strftime(_TIME)}. Get "
                "the newest list, or correct this device's clock."
            )
        return cls(root_id, found)

    @property
    def keys(self) -> tuple[PublicKey, ...]:
        """The public keys with their states, as `packaging.verify` takes them: it refuses those that are revoked."""
        return tuple(each.key for each in self.key_list.keys)


def verdict(key_id: str, known: Sequence[PublicKey]) -> Verdict:
    """What to think of a package that names this key as its signer.

    Args:
        key_id: the key.
        known: every key that is known, with its state.
    """
    key = next((key for key in known if key.key_id == key_id), None)
    if key is None:
        return Verdict(deploy=False, sentence="Do not deploy: signed by a key that is not known here.")
    if key.state is KeyState.REVOKED:
        why = f": {key.reason}" if key.reason else ""
        return Verdict(deploy=False, sentence=f"Do not deploy: signed by a revoked key{why}.")
    state = "a retired" if key.state is KeyState.RETIRED else "an active"
    return Verdict(deploy=True, sentence=f"signed by {state} key: valid")


def sign_list(keys: KeyList, root: Signer) -> bytes:
    """The list as devices take it, signed by the root key.

    Raises:
        KeyListRefused: it is longer than readers take, or the root key is one of the listed keys.
    """
    if root.public_key.key_id in {each.key.key_id for each in keys.keys}:
        raise KeyListRefused(
            "The root key is in the list itself. A root key signs lists and nothing else, and stays offline: make one "
            "with `edgewright keys create-root`."
        )
    document = envelope.seal(PAYLOAD_TYPE, _payload(keys), root, root.public_key.key_id)
    text = json.dumps(document, separators=(",", ":")).encode() + b"\n"
    if len(text) > LONGEST_LIST:
        raise KeyListRefused(f"The list would have {len(text)} bytes, and {LONGEST_LIST} is the most that is read.")
    return text


def unsigned(version: int, keys: Sequence[ListedKey]) -> bytes:
    """What is brought to the root key: the keys and the list's version, in JSON for people to read."""
    document = {"version": version, "keys": [_key_document(each) for each in keys]}
    return json.dumps(document, indent=2).encode() + b"\n"


def read_unsigned(text: bytes, expires: datetime, version: int | None = None) -> KeyList:
    """The list that `unsigned` wrote, with an expiry.

    Args:
        text: from `unsigned`.
        expires: when the list is to expire; seconds are kept.
        version: replaces the version in the text.

    Raises:
        KeyListRefused: another form.
    """
    try:
        document = parse_document(text, "list of keys")
        exactly(document, {"version", "keys"}, "list of keys")
        listed = _keys(document)
        if version is not None:
            document["version"] = version
        return KeyList(_version(document), expires.replace(microsecond=0), listed)
    except PackageRefused as error:
        raise KeyListRefused(error.message) from error


def _authenticated(text: bytes, roots: Sequence[PublicKey]) -> tuple[KeyList, str]:
    if len(text) > LONGEST_LIST:
        raise PackageRefused(f"It has {len(text)} bytes, and {LONGEST_LIST} is the most that is read.")
    document = parse_document(text, "list of keys")
    if "dsseEnvelope" not in document and "signatures" not in document:
        raise PackageRefused("It is not signed: sign it with `edgewright keys sign-list`.")
    named = envelope.key_id_of(document, "list of keys")
    root = next((root for root in roots if root.key_id == named), None)
    if root is None:
        known = ", ".join(root.key_id for root in roots) or "none"
        raise PackageRefused(f"It is signed by root key {named[:64]!r}, which is not trusted. Trusted: {known}.")
    return _read(envelope.unseal(document, PAYLOAD_TYPE, root, "list")), root.key_id


def _payload(keys: KeyList) -> bytes:
    document = {
        "version": keys.version,
        "expires": keys.expires.astimezone(UTC).strftime(_TIME),
        "keys": [_key_document(each) for each in keys.keys],
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _key_document(listed: ListedKey) -> dict[str, str | None]:
    return {
        "id": listed.key.key_id,
        "state": str(listed.key.state),
        "created": written_time(listed.created_at),
        "retired": written_time(listed.retired_at),
        "revoked": written_time(listed.revoked_at),
        "reason": listed.key.reason,
        "public_key": listed.key.pem.decode("ascii"),
    }


def written_time(time: datetime | None) -> str | None:
    """A time as lists have it: in UTC, to the second."""
    return None if time is None else time.astimezone(UTC).strftime(_TIME)


def _read(payload: bytes) -> KeyList:
    document = parse_document(payload, "list of keys")
    exactly(document, {"version", "expires", "keys"}, "list of keys")
    return KeyList(_version(document), _time(document, "expires"), _keys(document))


def _version(document: dict[str, Any]) -> int:
    version: int = field(document, "version", int, "list of keys")
    if not 1 <= version <= HIGHEST_VERSION:
        raise PackageRefused(f"The list's version is {version}; it is from 1 to {HIGHEST_VERSION}.")
    return version


def _keys(document: dict[str, Any]) -> tuple[ListedKey, ...]:
    listed = tuple(_key(each) for each in field(document, "keys", list, "list of keys"))
    if len({each.key.key_id for each in listed}) != len(listed):
        raise PackageRefused("The list names a key twice.")
    return listed


def _key(document: Any) -> ListedKey:
    exactly(document, _KEY_MEMBERS, "listed key")
    texts = {name: field(document, name, str, "listed key") for name in ("id", "state", "reason", "public_key")}
    if texts["state"] not in set(KeyState):
        raise PackageRefused(f"A listed key has the state {texts['state'][:50]!r}; one of {list(map(str, KeyState))}.")
    try:
        pem = read_public_key(texts["public_key"].encode(), f"Listed key {texts['id'][:64]!r}").pem
    except KeyUnusable as error:
        raise PackageRefused(error.message) from error
    key = PublicKey(pem, KeyState(texts["state"]), texts["reason"])
    if key.key_id != texts["id"]:
        raise PackageRefused(f"A listed key is named {texts['id'][:64]!r}, and its id is {key.key_id}.")
    times = [None if document[name] is None else _time(document, name) for name in ("retired", "revoked")]
    return ListedKey(key, _time(document, "created"), *times)


def _time(document: Any, name: str) -> datetime:
    text: str = field(document, name, str, "list of keys")
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise PackageRefused(f"The list's {name!r} is {text[:50]!r}; a time such as 2027-01-31T00:00:00Z.") from None
