"""`sagemaker_edge_signature`: the OpenSSF Model Signing format, version 1.0, written and read. Pure.

A Sigstore bundle (v0.3, JSON) holds a DSSE envelope, the envelope an in-toto statement, the statement the digest of
each file. Sources: the OpenSSF Model Signing specification v1.0, the DSSE protocol v1.0, in-toto Statement v1.
The reader takes exactly what the writer writes: what is signed but not understood could mean something to someone else.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import PackageRefused
from edgewright.signing import envelope
from edgewright.signing.documents import DocumentBounds, equal, exactly, field, parse_document, path_order
from edgewright.signing.states import KeyState

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from edgewright.signing.keys import PublicKey
    from edgewright.signing.signers import Signer

SIGNATURE_NAME: Final = "sagemaker_edge_signature"
MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
SERIALIZATION: Final[dict[str, Any]] = {
    "method": "files",
    "hash_type": "sha256",
    "allow_symlinks": False,
    "ignore_paths": [SIGNATURE_NAME],
}
_DIGEST_LENGTH: Final = 64
_RESOURCE: Final = DocumentBounds(size=128, values=4)
"""Of one file in a statement, beside its path."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What was signed.

    Attributes:
        subject: the model's name.
        digests: path → SHA-256 in hexadecimal, for every file but the signature itself.
        key_id: the key that signed it.
        key_state: whether that key is active, or retired: a retired one signs no more, and its packages are valid.
    """

    subject: str
    digests: Mapping[str, str]
    key_id: str
    key_state: KeyState = KeyState.ACTIVE


def sign(subject: str, digests: Mapping[str, str], signer: Signer) -> str:
    """The bundle over some files, as the text of its member.

    Args:
        subject: the model's name.
        digests: path → SHA-256 in hexadecimal.
        signer: signs once.
    """
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": signer.public_key.key_id}, "tlogEntries": []},
        "dsseEnvelope": envelope.seal(PAYLOAD_TYPE, statement(subject, digests), signer),
    }
    return json.dumps(bundle, separators=(",", ":"))


def statement_bounds(paths: Collection[str]) -> DocumentBounds:
    """What a statement over these files may hold."""
    return DocumentBounds.listing(paths, _RESOURCE.size, _RESOURCE.values)


def bundle_bounds(paths: Collection[str]) -> DocumentBounds:
    """What a bundle over these files may hold: the statement in base64, and little beside."""
    head = DocumentBounds.listing((), 0, 0)
    return DocumentBounds(head.size + statement_bounds(paths).size * 4 // 3, head.values, width=1)


def open_bundle(text: bytes, trusted: Sequence[PublicKey], paths: Collection[str]) -> Statement:
    """What a bundle states, once one of the trusted keys has been found to have signed it.

    Args:
        text: the bundle.
        trusted: the keys of which one must have signed it.
        paths: of the files that were found: neither bundle nor statement is read that has room for more.

    Raises:
        PackageRefused: an unknown or a revoked key, a wrong signature, or a form other than the writer's.
    """
    bundle = parse_document(text, "signature", bundle_bounds(paths))
    exactly(bundle, {"mediaType", "verificationMaterial", "dsseEnvelope"}, "bundle")
    equal(bundle["mediaType"], MEDIA_TYPE, "media type")
    material = bundle["verificationMaterial"]
    exactly(material, {"publicKey", "tlogEntries"}, "verification material")
    equal(material["tlogEntries"], [], "transparency log entries")
    key = _trusted_key(field(material["publicKey"], "hint", str, "signature"), trusted)
    payload = envelope.unseal(bundle["dsseEnvelope"], PAYLOAD_TYPE, key, "package")
    return _read_statement(parse_document(payload, "signed statement", statement_bounds(paths)), key)


def statement(subject: str, digests: Mapping[str, str]) -> bytes:
    """The in-toto statement over some files, as JSON: what is signed. Arguments as for `sign`."""
    paths = sorted(digests, key=path_order)
    resources = [{"name": path, "algorithm": "sha256", "digest": digests[path]} for path in paths]
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": subject, "digest": {"sha256": _root(digests[path] for path in paths)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"serialization": SERIALIZATION, "resources": resources},
    }
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _root(digests: Any) -> str:
    """The SHA-256 over all digests, in the order of the resources."""
    return hashlib.sha256(b"".join(bytes.fromhex(digest) for digest in digests)).hexdigest()


def _trusted_key(hint: str, trusted: Sequence[PublicKey]) -> PublicKey:
    """The key that the bundle names. Anybody can write a name: who reads on must check the signature with the key."""
    key = next((key for key in trusted if key.key_id == hint), None)
    if key is None:
        known = ", ".join(key.key_id for key in trusted if key.state is not KeyState.REVOKED) or "none"
        raise PackageRefused(
            f"Do not deploy this package: it is signed by key {hint[:64]!r}, which is not trusted. Trusted: {known}."
        )
    if key.state is KeyState.REVOKED:
        why = f" ({key.reason})" if key.reason else ""
        raise PackageRefused(f"Do not deploy this package: it is signed by key {hint}, which is revoked{why}.")
    return key


def _read_statement(document: dict[str, Any], key: PublicKey) -> Statement:
    exactly(document, {"_type", "subject", "predicateType", "predicate"}, "signed statement")
    equal(document["_type"], STATEMENT_TYPE, "statement type")
    equal(document["predicateType"], PREDICATE_TYPE, "predicate type")
    predicate = document["predicate"]
    exactly(predicate, {"serialization", "resources"}, "predicate")
    equal(predicate["serialization"], SERIALIZATION, "serialization")
    digests = _read_resources(field(predicate, "resources", list, "signed statement"))
    subjects = field(document, "subject", list, "signed statement")
    if len(subjects) != 1:
        raise PackageRefused(f"The signed statement has {len(subjects)} subjects; one is wanted.")
    exactly(subjects[0], {"name", "digest"}, "subject")
    equal(subjects[0]["digest"], {"sha256": _root(digests.values())}, "digest over all files")
    return Statement(field(subjects[0], "name", str, "signed statement"), digests, key.key_id, key.state)


def _read_resources(resources: list[Any]) -> dict[str, str]:
    if not resources:
        raise PackageRefused("The signed statement names no files.")
    digests: dict[str, str] = {}
    for resource in resources:
        exactly(resource, {"name", "algorithm", "digest"}, "signed file")
        equal(resource["algorithm"], "sha256", "digest algorithm")
        name, digest = field(resource, "name", str, "signed file"), field(resource, "digest", str, "signed file")
        if len(digest) != _DIGEST_LENGTH or digest.strip("0123456789abcdef"):
            raise PackageRefused(f"The signed digest of {name!r} is not 64 lower-case hexadecimal digits.")
        if name in digests:
            raise PackageRefused(f"The signed statement names {name!r} twice.")
        digests[name] = digest
    return digests
