from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.console.signatures import read
from edgewright.signing import signature
from edgewright.signing.keys import EcdsaSigner

SIGNER = EcdsaSigner(ec.generate_private_key(ec.SECP256R1()))
DIGESTS = {"<b>.so": "0" * 64, "model\u202e.so": "1" * 64}


def test_a_signature_is_shown_as_it_is_written() -> None:
    text = signature.sign("digits", DIGESTS, SIGNER)
    found = read(text, [SIGNER.public_key])
    assert (found.key_id, found.trusted, found.subject, found.digests) == (
        SIGNER.public_key.key_id,
        True,
        "digits",
        DIGESTS,
    )
    assert not read(text, []).trusted


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"dsseEnvelope": {"payload": "!"}}', '{"dsseEnvelope": 7}'])
def test_what_is_no_signature_shows_nothing(text: str) -> None:
    found = read(text, [SIGNER.public_key])
    assert (found.text, found.key_id, found.trusted, found.digests) == (text, "", False, {})
