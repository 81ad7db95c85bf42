"""What a job's signature says, to be shown: read without a key, and so not believed. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgewright import strict_json
from edgewright.signing.trusted_keys import verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edgewright.signing.keys import PublicKey


@dataclass(frozen=True, slots=True)
class ShownSignature:
    """A signature as it is written.

    Attributes:
        text: the whole document.
        key_id: the key that it names.
        algorithm: of that key, such as `ECDSA P-256`; empty where the service does not know the key, as is its state.
        state: of that key: `active`, `retired` or `revoked`.
        trusted: whether the service knows that key, and it is not revoked.
        verdict: what its state says of the package, in a sentence.
        subject: the model that it names.
        digests: path → SHA-256 of what it says that it signed.
    """

    text: str
    key_id: str
    algorithm: str
    state: str
    trusted: bool
    verdict: str
    subject: str
    digests: Mapping[str, str]


def read(text: str, trusted: Sequence[PublicKey]) -> ShownSignature:
    """What a signature's document says; parts that it lacks are empty."""
    try:
        bundle: Any = strict_json.parse(text)
        statement: Any = strict_json.parse(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        key_id = str(bundle["verificationMaterial"]["publicKey"]["hint"])
        resources = statement["predicate"]["resources"]
        digests = {str(each["name"]): str(each["digest"]) for each in resources}
        subject = str(statement["subject"][0]["name"])
    except (ValueError, KeyError, TypeError, IndexError):
        return ShownSignature(text, "", "", "", trusted=False, verdict="", subject="", digests={})
    found = verdict(key_id, trusted)
    key = next((key for key in trusted if key.key_id == key_id), None)
    algorithm, state = (key.algorithm, str(key.state)) if key else ("", "")
    return ShownSignature(text, key_id, algorithm, state, found.deploy, found.sentence, subject, digests)
