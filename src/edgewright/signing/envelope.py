"""DSSE envelopes, version 1.0: a payload, its type, and one signature over both. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from edgewright.errors import KeyUnusable, PackageRefused
from edgewright.signing.documents import equal, exactly, field

if TYPE_CHECKING:
    from edgewright.signing.keys import PublicKey
    from edgewright.signing.signers import Signer


def seal(payload_type: str, payload: bytes, signer: Signer, key_id: str = "") -> dict[str, Any]:
    """An envelope around a payload.

    Args:
        payload_type: what the payload is; it is signed too.
        payload: any bytes.
        signer: signs once.
        key_id: names the key for those who look it up; it is not signed.

    Raises:
        KeyUnusable: the key cannot be used any more, or is another one than the signer's public key.
    """
    encoded = pre_authentication_encoding(payload_type, payload)
    signature = signer.sign(encoded)
    if not signer.public_key.verify(signature, encoded):
        raise KeyUnusable(
            f"The signature does not verify with key {signer.public_key.key_id}: what signs, in a token or a KMS, is "
            "another key by now. Bring that one back, or run `edgewright keys rotate --key URI` and restart."
        )
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": key_id}],
    }


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """The bytes that DSSE signs: the payload's type and the payload, each behind its length in bytes."""
    encoded = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(encoded), encoded, len(payload), payload)


def key_id_of(envelope: Any, what: str) -> str:
    """The key that an envelope names. Anybody can write a name.

    Raises:
        PackageRefused: a form other than that of `seal`.
    """
    exactly(envelope, {"payload", "payloadType", "signatures"}, "envelope")
    signatures = field(envelope, "signatures", list, what)
    if len(signatures) != 1:
        raise PackageRefused(f"The envelope has {len(signatures)} signatures; one is wanted.")
    exactly(signatures[0], {"sig", "keyid"}, "envelope's signature")
    key_id: str = field(signatures[0], "keyid", str, what)
    return key_id


def unseal(envelope: Any, payload_type: str, key: PublicKey, what: str) -> bytes:
    """The payload, once its signature has been checked.

    Args:
        envelope: parsed JSON.
        payload_type: the type that is wanted.
        key: must have signed it.
        what: what is signed, for refusals.

    Raises:
        PackageRefused: a form other than that of `seal`, another type, or a signature that is not the key's.
    """
    key_id_of(envelope, "signature")
    equal(envelope["payloadType"], payload_type, "payload type")
    payload = _base64(field(envelope, "payload", str, "signature"))
    signature = _base64(field(envelope["signatures"][0], "sig", str, "signature"))
    if not key.verify(signature, pre_authentication_encoding(payload_type, payload)):
        raise PackageRefused(f"The signature is wrong: key {key.key_id} did not sign this {what}.")
    return payload


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise PackageRefused(f"The signature holds text that is not base64: {error}.") from error
