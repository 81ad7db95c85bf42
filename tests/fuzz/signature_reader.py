"""Coverage-guided fuzzing of the signature's and the manifest's readers: `python tests/fuzz/signature_reader.py`.

Needs `atheris` beside edgewright. The input is taken as a bundle, as a signed statement, and as a manifest.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.errors import PackageRefused
from edgewright.packaging.manifest import Manifest, manifest_bounds
from edgewright.signing import signature
from edgewright.signing.keys import EcdsaSigner, PublicKey

SIGNER = EcdsaSigner(ec.derive_private_key(1, ec.SECP256R1()))


class Believer(PublicKey):
    """Takes any signature for good, so that what is behind it gets fuzzed too."""

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Always."""
        return True


KEY = Believer(SIGNER.public_key.pem)
PATHS = [str(number) for number in range(1000)]
"""Files enough for every document of the corpus."""


def one_input(data: bytes) -> None:
    """Refused on purpose, or read into something that can be written again."""
    read_bundle(data)
    read_bundle(as_signed(data))
    try:
        manifest = Manifest.from_json(data, manifest_bounds(PATHS))
        assert (
            Manifest.from_json(manifest.to_json(), manifest_bounds([file.path for file in manifest.files])) == manifest
        )
    except PackageRefused:
        pass


def as_signed(payload: bytes) -> bytes:
    """A well-formed bundle around any payload."""
    bundle = json.loads(signature.sign("m", {}, SIGNER))
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    return json.dumps(bundle).encode()


def read_bundle(text: bytes) -> None:
    """What is read has the one form that the writer writes."""
    try:
        statement = signature.open_bundle(text, [KEY], PATHS)
    except PackageRefused:
        return
    assert statement.digests
    assert all(len(bytes.fromhex(digest)) == 32 for digest in statement.digests.values())
    made = signature.sign(statement.subject, statement.digests, SIGNER).encode()
    again = signature.open_bundle(made, [KEY], statement.digests)
    assert (again.subject, again.digests) == (statement.subject, statement.digests)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from fuzzing import fuzz

    fuzz(one_input, "signature")
