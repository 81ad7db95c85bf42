"""The signature's form: what is written, and everything that is not read."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import PackageRefused
from edgewright.signing import envelope, keys, signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewright.signing.signers import Signer

A, B = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
DIGESTS = {"z": A, "d/e": B, "d-e": A, "ü": B}


def bundle(signer: Signer) -> Any:
    return json.loads(signature.sign("model", DIGESTS, signer))


def signed(signer: Signer, statement: bytes) -> bytes:
    """A bundle with a right signature over any statement."""
    made = bundle(signer)
    made["dsseEnvelope"]["payload"] = base64.b64encode(statement).decode()
    right = signer.sign(envelope.pre_authentication_encoding(signature.PAYLOAD_TYPE, statement))
    made["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(right).decode()
    return json.dumps(made).encode()


def test_round_trip(signer: Signer) -> None:
    text = signature.sign("model", DIGESTS, signer)
    statement = signature.open_bundle(text.encode(), [signer.public_key], DIGESTS)
    assert (statement.subject, statement.digests) == ("model", DIGESTS)
    assert statement.key_id == signer.public_key.key_id
    assert text == signature.sign("model", dict(reversed(DIGESTS.items())), signer)
    assert "\n" not in text


def test_statement(signer: Signer) -> None:
    statement = json.loads(base64.b64decode(bundle(signer)["dsseEnvelope"]["payload"]))
    names = [resource["name"] for resource in statement["predicate"]["resources"]]
    assert names == ["d/e", "d-e", "z", "ü"]
    root = hashlib.sha256(b"".join(bytes.fromhex(DIGESTS[name]) for name in names)).hexdigest()
    assert statement["subject"] == [{"name": "model", "digest": {"sha256": root}}]
    assert statement["predicate"]["serialization"]["ignore_paths"] == ["sagemaker_edge_signature"]


def test_pre_authentication_encoding() -> None:
    """The example of the DSSE protocol, with the type that is ours."""
    encoded = envelope.pre_authentication_encoding(signature.PAYLOAD_TYPE, b"hello world")
    assert encoded == b"DSSEv1 28 application/vnd.in-toto+json 11 hello world"


def changed(document: Any, path: str, value: Any) -> Any:
    """A document with one member replaced, or removed if the value is Ellipsis."""
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    inner = document
    for part in parents:
        inner = inner[part]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document


BUNDLES: list[tuple[str, Any, str]] = [
    ("mediaType", "application/vnd.dev.sigstore.bundle.v0.2+json", "media type"),
    ("mediaType", ..., "fields"),
    ("extra", 1, "fields"),
    ("verificationMaterial", {"certificate": {}}, "verification material"),
    ("verificationMaterial.publicKey", {}, "no 'hint'"),
    ("verificationMaterial.publicKey.hint", "0" * 64, "not trusted"),
    ("verificationMaterial.publicKey.hint", None, "no 'hint'"),
    ("verificationMaterial.tlogEntries", [1], "log entries"),
    ("dsseEnvelope", [], "envelope"),
    ("dsseEnvelope.payloadType", "text/plain", "payload type"),
    ("dsseEnvelope.payload", "e30=", "signature is wrong"),
    ("dsseEnvelope.payload", "e3\n0=", "not base64"),
    ("dsseEnvelope.payload", "ü", "beyond ASCII"),
    ("dsseEnvelope.payload", 5, "no 'payload'"),
    ("dsseEnvelope.signatures", [], "0 signatures"),
    ("dsseEnvelope.signatures.0.sig", "", "signature is wrong"),
    ("dsseEnvelope.signatures.0.sig", "AAAA", "signature is wrong"),
    ("dsseEnvelope.signatures.0.sig", "!", "not base64"),
    ("dsseEnvelope.signatures.0.keyid", ..., "envelope's signature"),
]


@pytest.mark.parametrize(("path", "value", "message"), BUNDLES)
def test_bundles_that_are_refused(path: str, value: Any, message: str, signer: Signer) -> None:
    text = json.dumps(changed(bundle(signer), path, value)).encode()
    with pytest.raises(PackageRefused, match=message):
        signature.open_bundle(text, [signer.public_key], DIGESTS)


def test_two_signatures_are_refused(signer: Signer) -> None:
    made = bundle(signer)
    made["dsseEnvelope"]["signatures"] *= 2
    with pytest.raises(PackageRefused, match="2 signatures"):
        signature.open_bundle(json.dumps(made).encode(), [signer.public_key], DIGESTS)


STATEMENTS: list[tuple[str, Any, str]] = [
    ("_type", "https://in-toto.io/Statement/v0.1", "statement type"),
    ("predicateType", "https://model_signing/Digests/v0.1", "predicate type"),
    ("predicateType", "https://model_signing/signature/v2.0", "predicate type"),
    ("extra", 1, "fields"),
    ("subject", [], "0 subjects"),
    ("subject.0.name", 5, "no 'name'"),
    ("subject.0.digest", {"sha256": A}, "digest over all files"),
    ("subject.0.digest.md5", "0", "digest over all files"),
    ("subject.0.annotations", {}, "subject"),
    ("predicate.extra", {}, "predicate"),
    ("predicate.serialization.method", "shards", "serialization"),
    ("predicate.serialization.hash_type", "blake2b", "serialization"),
    ("predicate.serialization.allow_symlinks", True, "serialization"),
    ("predicate.serialization.allow_symlinks", 0, "serialization"),
    ("predicate.serialization.ignore_paths", [], "serialization"),
    ("predicate.serialization.ignore_paths", ["sagemaker_edge_signature", "z"], "serialization"),
    ("predicate.serialization.ignore_paths", ..., "serialization"),
    ("predicate.resources", [], "names no files"),
    ("predicate.resources", {}, "no 'resources'"),
    ("predicate.resources.0", "z", "signed file"),
    ("predicate.resources.0.algorithm", "md5", "digest algorithm"),
    ("predicate.resources.0.algorithm", "SHA256", "digest algorithm"),
    ("predicate.resources.0.algorithm", ..., "signed file"),
    ("predicate.resources.0.digest", "", "64 lower-case"),
    ("predicate.resources.0.digest", A.upper(), "64 lower-case"),
    ("predicate.resources.0.digest", A[:40], "64 lower-case"),
    ("predicate.resources.0.digest", [A], "no 'digest'"),
    ("predicate.resources.0.digest", B[:-1] + "0", "digest over all files"),
    ("predicate.resources.0.name", "z", "names 'z' twice"),
    ("predicate.resources.0.name", None, "no 'name'"),
]


@pytest.mark.parametrize(("path", "value", "message"), STATEMENTS)
def test_statements_that_are_refused_though_signed(path: str, value: Any, message: str, signer: Signer) -> None:
    statement = changed(json.loads(signature.statement("model", DIGESTS)), path, value)
    with pytest.raises(PackageRefused, match=message):
        signature.open_bundle(signed(signer, json.dumps(statement).encode()), [signer.public_key], DIGESTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-1], "not strict JSON"),
        (lambda text: b"[" + text + b"]", "not a JSON object"),
        (lambda text: text[:-1] + b',"_type":"https://in-toto.io/Statement/v1"}', "one key twice"),
        (lambda text: text[:-1] + b',"x":NaN}', "NaN is no JSON"),
        (lambda text: text[:-1] + b',"x":"\xff"}', "not strict JSON"),
        (lambda text: b"\xef\xbb\xbf" + text, "not strict JSON"),
        (
            lambda text: b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}" + text[:0],
            "the files that the package has allow",
        ),
        (lambda text: text[:0], "not strict JSON"),
        (lambda text: text[:-1] + b',"x":' + b"9" * 5000 + b"}", "not strict JSON"),
    ],
)
def test_texts_that_are_no_strict_json(change: Callable[[bytes], bytes], message: str, signer: Signer) -> None:
    text = change(signature.statement("model", DIGESTS))
    for document, reason in ((signed(signer, text), message), (text, f"{message}|beyond ASCII")):
        with pytest.raises(PackageRefused, match=reason):
            signature.open_bundle(document, [signer.public_key], DIGESTS)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from('",[{')), min_size=1, unique=True)
)
def test_the_bounds_have_room_for_what_is_written(paths: list[str]) -> None:
    signer = keys.EcdsaSigner(ec.derive_private_key(1, ec.SECP384R1()))
    text = signature.sign("m" * 63, dict.fromkeys(paths, "f" * 64), signer).encode()
    assert set(signature.open_bundle(text, [signer.public_key], paths).digests) == set(paths)


def test_the_key_is_found_among_several(signer: Signer, other_signer: Signer) -> None:
    text = signature.sign("model", DIGESTS, signer).encode()
    trusted = [other_signer.public_key, signer.public_key]
    assert signature.open_bundle(text, trusted, DIGESTS).key_id == signer.public_key.key_id


def test_a_hint_is_no_proof(signer: Signer, other_signer: Signer) -> None:
    made = json.loads(signature.sign("model", DIGESTS, other_signer))
    made["verificationMaterial"]["publicKey"]["hint"] = signer.public_key.key_id
    with pytest.raises(PackageRefused, match="signature is wrong"):
        signature.open_bundle(json.dumps(made).encode(), [signer.public_key], DIGESTS)
