"""`sagemaker_edge_signature`: the OpenSSF Model Signing format, version 1.0, written and read. Pure.

A Sigstore bundle (v0.3, JSON) holds a DSSE envelope, the envelope an in-toto statement, the statement the digest of
each file. Sources: the OpenSSF Model Signing specification v1.0, the DSSE protocol v1.0, in-toto Statement v1.
The reader takes exactly what the writer writes: what is signed but not understood could mean something to someone else.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import PackageRefused
from edgewright.signing.documents import field, parse_document, path_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


@dataclass(frozen=True, slots=True)
class Statement:
    """What was signed.

    Attributes:
        subject: the model's name.
        digests: path → SHA-256 in hexadecimal, for every file but the signature itself.
        key_id: the key that signed it.
    """

    subject: str
    digests: Mapping[str, str]
    key_id: str


def sign(subject: str, digests: Mapping[str, str], signer: Signer) -> str:
    """The bundle over some files, as the text of its member.

    Args:
        subject: the model's name.
        digests: path → SHA-256 in hexadecimal.
        signer: signs once.
    """
    payload = statement(subject, digests)
    signature = signer.sign(pre_authentication_encoding(payload))
    bundle = {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": signer.public_key.key_id}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(bundle, separators=(",", ":"))


def pre_authentication_encoding(payload: bytes) -> bytes:
    """The bytes that DSSE signs: the payload's type and the payload, each behind its length."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def open_bundle(text: bytes, trusted: Sequence[PublicKey]) -> Statement:
    """What a bundle states, once one of the trusted keys has been found to have signed it.

    Raises:
        PackageRefused: an unknown key, a wrong signature, or a form other than the writer's.
    """
    bundle = parse_document(text, "signature")
    _exactly(bundle, {"mediaType", "verificationMaterial", "dsseEnvelope"}, "bundle")
    _equal(bundle["mediaType"], MEDIA_TYPE, "media type")
    material = bundle["verificationMaterial"]
    _exactly(material, {"publicKey", "tlogEntries"}, "verification material")
    _equal(material["tlogEntries"], [], "transparency log entries")
    key = _trusted_key(field(material["publicKey"], "hint", str, "signature"), trusted)
    return _read_statement(_authenticated(bundle["dsseEnvelope"], key), key.key_id)


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
    for key in trusted:
        if key.key_id == hint:
            return key
    known = ", ".join(key.key_id for key in trusted) or "none"
    raise PackageRefused(f"The package is signed by key {hint[:64]!r}, which is not trusted. Trusted: {known}.")


def _authenticated(envelope: Any, key: PublicKey) -> bytes:
    """The envelope's payload, once its signature has been checked."""
    _exactly(envelope, {"payload", "payloadType", "signatures"}, "envelope")
    _equal(envelope["payloadType"], PAYLOAD_TYPE, "payload type")
    signatures = field(envelope, "signatures", list, "signature")
    if len(signatures) != 1:
        raise PackageRefused(f"The envelope has {len(signatures)} signatures; one is wanted.")
    _exactly(signatures[0], {"sig", "keyid"}, "envelope's signature")
    payload = _base64(field(envelope, "payload", str, "signature"))
    if not key.verify(_base64(field(signatures[0], "sig", str, "signature")), pre_authentication_encoding(payload)):
        raise PackageRefused(f"The signature is wrong: key {key.key_id} did not sign this package.")
    return payload


def _read_statement(payload: bytes, key_id: str) -> Statement:
    document = parse_document(payload, "signed statement")
    _exactly(document, {"_type", "subject", "predicateType", "predicate"}, "signed statement")
    _equal(document["_type"], STATEMENT_TYPE, "statement type")
    _equal(document["predicateType"], PREDICATE_TYPE, "predicate type")
    predicate = document["predicate"]
    _exactly(predicate, {"serialization", "resources"}, "predicate")
    _equal(predicate["serialization"], SERIALIZATION, "serialization")
    digests = _read_resources(field(predicate, "resources", list, "signed statement"))
    subjects = field(document, "subject", list, "signed statement")
    if len(subjects) != 1:
        raise PackageRefused(f"The signed statement has {len(subjects)} subjects; one is wanted.")
    _exactly(subjects[0], {"name", "digest"}, "subject")
    _equal(subjects[0]["digest"], {"sha256": _root(digests.values())}, "digest over all files")
    return Statement(field(subjects[0], "name", str, "signed statement"), digests, key_id)


def _read_resources(resources: list[Any]) -> dict[str, str]:
    if not resources:
        raise PackageRefused("The signed statement names no files.")
    digests: dict[str, str] = {}
    for resource in resources:
        _exactly(resource, {"name", "algorithm", "digest"}, "signed file")
        _equal(resource["algorithm"], "sha256", "digest algorithm")
        name, digest = field(resource, "name", str, "signed file"), field(resource, "digest", str, "signed file")
        if len(digest) != _DIGEST_LENGTH or digest.strip("0123456789abcdef"):
            raise PackageRefused(f"The signed digest of {name!r} is not 64 lower-case hexadecimal digits.")
        if name in digests:
            raise PackageRefused(f"The signed statement names {name!r} twice.")
        digests[name] = digest
    return digests


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PackageRefused(f"The signature holds text that is not base64: {error}.") from error


def _exactly(document: Any, names: set[str], what: str) -> None:
    if not isinstance(document, dict) or document.keys() != names:
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise PackageRefused(f"The {what} has the fields {str(found)[:200]}; exactly {sorted(names)} are wanted.")


def _equal(found: Any, wanted: Any, what: str) -> None:
    # As JSON texts: in Python, False == 0 and 1 == 1.0.
    if json.dumps(found, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise PackageRefused(f"The {what} is {str(found)[:200]!r}; {wanted!r} is wanted.")
