from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.console.signatures import read
from edgewright.signing import signature
from edgewright.signing.keys import EcdsaSigner
from edgewright.signing.states import KeyState

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
    assert (found.algorithm, found.state) == ("ECDSA P-256", "active")
    unknown = read(text, [])
    assert (unknown.algorithm, unknown.state, unknown.trusted) == ("", "", False)
    assert unknown.verdict == "Do not deploy: signed by a key that is not known here."


@pytest.mark.parametrize(("state", "trusted"), [("retired", True), ("revoked", False)])
def test_the_state_of_the_key_is_shown(*, state: str, trusted: bool) -> None:
    key = replace(SIGNER.public_key, state=KeyState(state), reason="lost")
    found = read(signature.sign("digits", DIGESTS, SIGNER), [key])
    assert (found.state, found.trusted, "lost" in found.verdict) == (state, trusted, not trusted)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"dsseEnvelope": {"payload": "!"}}', '{"dsseEnvelope": 7}'])
def test_what_is_no_signature_shows_nothing(text: str) -> None:
    found = read(text, [SIGNER.public_key])
    assert (found.text, found.key_id, found.trusted, found.digests) == (text, "", False, {})
