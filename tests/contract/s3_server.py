"""The S3 server of the tests: moto, put right where it differs from S3 in what the program relies on.

    s3_server.py -H 127.0.0.1 -p 0

- A request for an upload that is gone is answered with *NoSuchUpload*; moto breaks down for some, with 500.
- An upload is dated when it was begun; moto says 2010 of each.
- KMS signs a digest as it is; moto takes it for a message, and hashes it again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms.utils import ECDSAPrivateKey
from moto.s3 import models, responses
from moto.s3.exceptions import NoSuchUpload
from moto.server import main

if TYPE_CHECKING:
    from moto.core.common_types import TYPE_RESPONSE
    from moto.core.responses import ActionResult

_begun: dict[str, str] = {}
"""When each upload was begun, by its id."""
_serialized = responses.S3Response.serialized


class Uploads(models.MultipartDict):  # type: ignore[misc]  # moto is not typed
    """The unfinished uploads of a bucket by their ids."""

    def __setitem__(self, upload_id: str, upload: models.FakeMultipart) -> None:
        _begun[upload_id] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        super().__setitem__(upload_id, upload)

    def __missing__(self, upload_id: str) -> models.FakeMultipart:
        raise NoSuchUpload(upload_id=upload_id)


def serialized(response: responses.S3Response, action_result: ActionResult) -> TYPE_RESPONSE:
    """An answer, in which each upload is dated."""
    if response.data["Action"] == "ListMultipartUploads":
        uploads: Any = action_result.result
        for upload in uploads["Uploads"]:
            upload["Initiated"] = _begun[upload["UploadId"]]
    return _serialized(response, action_result)


def sign(key: ECDSAPrivateKey, message: bytes, signing_algorithm: str) -> bytes:
    """The signature over a message or over its digest: no message of the tests is as long as a digest."""
    digest: hashes.HashAlgorithm = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384()}[
        signing_algorithm
    ]
    form = Prehashed(digest) if len(message) == digest.digest_size else digest
    signature: bytes = key.private_key.sign(message, ec.ECDSA(form))
    return signature


if __name__ == "__main__":
    ECDSAPrivateKey.sign = sign
    models.MultipartDict, responses.S3Response.serialized = Uploads, serialized
    main()
