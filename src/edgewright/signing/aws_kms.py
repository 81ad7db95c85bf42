"""Keys in AWS KMS: `awskms:` and a key id, an alias or an ARN. Needs the extra `aws`.

The account, region and endpoint are those of AWS's own chain (profile, environment, instance); an ARN names its region.
KMS signs with random nonces: the same data get another signature each time.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from edgewright.errors import KeyUnusable
from edgewright.signing.keys import PublicKey, checked_public_key

_ALGORITHMS: Final = {
    "ECDSA P-256": ("ECDSA_SHA_256", hashlib.sha256),
    "ECDSA P-384": ("ECDSA_SHA_384", hashlib.sha384),
}
_ARN_PARTS: Final = 6
_LONGEST_RAW: Final = 4096
"""Bytes that KMS hashes itself; of longer data it takes the digest."""


class KmsSigner:
    """A private key that stays in KMS: it is sent a digest, and answers with a signature."""

    deterministic: Final = False

    def __init__(self, client: Any, key_id: str, public_key: PublicKey) -> None:
        """Keep the parts.

        Args:
            client: boto3's, for KMS.
            key_id: as KMS takes it.
            public_key: the half that verifies.
        """
        self._client = client
        self._key_id = key_id
        self._public_key = public_key

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """The DER signature over `data`.

        Raises:
            KeyUnusable: KMS refuses, or does not answer.
        """
        algorithm, digest = _ALGORITHMS[self._public_key.algorithm]
        # Either way the signature is over the same digest; what imitates KMS often takes RAW alone.
        message = (data, "RAW") if len(data) <= _LONGEST_RAW else (digest(data).digest(), "DIGEST")
        answer = _asked(
            self._key_id,
            lambda: self._client.sign(
                KeyId=self._key_id, Message=message[0], MessageType=message[1], SigningAlgorithm=algorithm
            ),
        )
        return bytes(answer["Signature"])


def open_key(uri: str) -> KmsSigner:
    """The signer of an `awskms:` URI.

    Raises:
        KeyUnusable: boto3 is missing, KMS refuses or does not answer, or the key is not for ECDSA on P-256 or P-384.
    """
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key_id = uri.removeprefix("awskms:").removeprefix("///")
    if not key_id or key_id.startswith("/"):
        raise KeyUnusable(f"The URI {uri!r} names no KMS key: write awskms:alias/NAME, awskms:KEY_ID or awskms:ARN.")
    client = _client(key_id)
    answer = _asked(key_id, lambda: client.get_public_key(KeyId=key_id))
    if answer.get("KeyUsage") != "SIGN_VERIFY":
        raise KeyUnusable(f"The KMS key {key_id} does not sign: its use is {answer.get('KeyUsage')}, not SIGN_VERIFY.")
    public_key = checked_public_key(load_der_public_key(answer["PublicKey"]), f"The KMS key {key_id}")
    # By its own id from now on: an alias may be moved to a key that the public half does not verify.
    return KmsSigner(client, answer["KeyId"], public_key)


def _client(key_id: str) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        raise KeyUnusable("boto3 is not installed: `pip install 'edgewright[aws]'`.") from error
    parts = key_id.split(":")
    region = parts[3] if parts[0] == "arn" and len(parts) == _ARN_PARTS else None
    try:
        return boto3.client("kms", region_name=region)
    except BotoCoreError as error:  # such as no region at all
        remedy = "Name the key by its ARN, or set AWS_DEFAULT_REGION."
        raise KeyUnusable(f"KMS cannot be reached: {error} {remedy}") from error


def _asked(key_id: str, call: Any) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        found = error.response["Error"]
        raise KeyUnusable(f"KMS refuses key {key_id}: {found['Code']}: {found['Message']}") from error
    except BotoCoreError as error:
        raise KeyUnusable(f"KMS does not answer for key {key_id}: {error}") from error
