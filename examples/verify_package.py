"""Verify an edgewright package with nothing but Python's standard library and `cryptography`.

    python verify_package.py PACKAGE KEYS [MODEL_NAME [MODEL_VERSION]]

KEYS is a trusted public key in PEM, or a folder of some; trusted_keys.py makes one of the list that a root key signed.
Written from docs/format.md alone, to be ported to a device. It reads the package once and keeps no file in memory.
"""

# ruff: noqa: T201 - a script, and it prints

import base64
import gzip
import hashlib
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MANIFEST, SIGNATURE = "sagemaker_edge_manifest", "sagemaker_edge_signature"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
SERIALIZATION = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE]}


class Refused(Exception):
    """The package is not what the key signed."""


def require(condition: bool, complaint: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Refuse the package unless the condition holds."""
    if not condition:
        raise Refused(complaint)


def take_apart(path: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Hash every member as it passes: path → (size, SHA-256, executable); and the bytes of the last two."""
    files, documents = {}, {}
    with gzip.open(path) as tar, tarfile.open(fileobj=tar, mode="r|") as archive:
        for member in archive:
            name = member.name
            require(member.isreg() and not member.issparse(), f"{name!r} is no regular file")
            require(name not in files, f"{name!r} is there twice")
            require(not name.startswith("/") and ".." not in name.split("/"), f"{name!r} leaves its folder")
            require(len(documents) == (name == SIGNATURE), f"{name!r} is out of place")
            digest, kept, stream = hashlib.sha256(), [], archive.extractfile(member)
            is_document = name in (MANIFEST, SIGNATURE)
            longest = 153_000 + (sum(192 + 3 * len(path.encode()) for path in files) if is_document else 0)
            require(not is_document or member.size <= longest, f"{name!r} is too long for {len(files)} files")
            while piece := stream.read(1024 * 1024):
                digest.update(piece)
                kept += [piece] if is_document else []
            if is_document:
                documents[name] = b"".join(kept)
            files[name] = (member.size, digest.hexdigest(), bool(member.mode & 0o111))
    require(documents.keys() == {MANIFEST, SIGNATURE}, "the manifest or the signature is missing")
    return files, documents


def read_json(text: bytes) -> Any:
    """JSON, in which no object has a member twice."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        require(len(dict(pairs)) == len(pairs), "a member of a JSON object is there twice")
        return dict(pairs)

    return json.loads(text, object_pairs_hook=members)


def load_keys(path: Path) -> dict[str, Any]:
    """Key id → public key, of a PEM file or of each in a folder."""
    keys = [
        serialization.load_pem_public_key(pem.read_bytes()) for pem in (path.glob("*.pem") if path.is_dir() else [path])
    ]
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {hashlib.sha256(key.public_bytes(*form)).hexdigest(): key for key in keys}


def unseal(envelope: Any, payload_type: str, public_key: Any) -> bytes:
    """The payload of an envelope, once the key has been found to have signed it."""
    payload = base64.b64decode(envelope["payload"], validate=True)
    require(envelope["payloadType"] == payload_type and len(envelope["signatures"]) == 1, "unknown envelope")
    signed = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    try:
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        digest = {"secp256r1": hashes.SHA256, "secp384r1": hashes.SHA384}[public_key.curve.name]
        public_key.verify(signature, signed, ec.ECDSA(digest()))
    except InvalidSignature:
        raise Refused("the signature is wrong, or made with another key") from None
    return payload


def open_signature(text: bytes, keys: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The signed statement: model's name, and path → SHA-256."""
    bundle = read_json(text)
    require(bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json", "unknown bundle")
    key_id = bundle["verificationMaterial"]["publicKey"]["hint"]
    require(key_id in keys, f"no trusted key is {key_id!r}")
    statement = read_json(unseal(bundle["dsseEnvelope"], PAYLOAD_TYPE, keys[key_id]))
    require(statement["_type"] == "https://in-toto.io/Statement/v1", "unknown statement")
    require(statement["predicateType"] == "https://model_signing/signature/v1.0", "unknown predicate")
    require(statement["predicate"]["serialization"] == SERIALIZATION, "unknown serialization, or ignored paths")
    resources = statement["predicate"]["resources"]
    require(all(resource["algorithm"] == "sha256" for resource in resources), "a digest is not SHA-256")
    root = hashlib.sha256(b"".join(bytes.fromhex(resource["digest"]) for resource in resources)).hexdigest()
    (subject,) = statement["subject"]
    require(subject["digest"] == {"sha256": root}, "the digest over all files is wrong")
    digests = {resource["name"]: resource["digest"] for resource in resources}
    require(len(digests) == len(resources), "a file is signed twice")
    return subject["name"], digests


def verify(path: str, keys: dict[str, Any], name: str | None = None, version: str | None = None) -> Any:
    """The manifest, once everything has been found to be as signed."""
    files, documents = take_apart(path)
    subject, digests = open_signature(documents[SIGNATURE], keys)
    found = {path: sha256 for path, (_, sha256, _) in files.items() if path != SIGNATURE}
    require(found == digests, f"not as signed: {sorted(set(found.items()) ^ set(digests.items()))}")
    manifest = read_json(documents[MANIFEST])
    require(manifest["format_version"] == 1, "unknown format version")
    listed = {f["path"]: (f["size"], f["sha256"], f.get("executable", False)) for f in manifest["files"]}
    require(listed == {path: files[path] for path in files if path not in (MANIFEST, SIGNATURE)}, "wrong manifest")
    model = manifest["metadata"]
    require(model["model_name"] == subject == (name or subject), f"this is model {subject!r}")
    require(version in (None, model["model_version"]), f"this is version {model['model_version']!r}")
    return manifest


def main(package: str, keys: str, *asked: str) -> None:
    """Say what was verified, or why not."""
    try:
        manifest = verify(package, load_keys(Path(keys)), *asked)
    except (Refused, tarfile.TarError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        sys.exit(f"REFUSED: {error}")
    model = manifest["metadata"]
    print(f"{model['model_name']} {model['model_version']}: {len(manifest['files'])} files are as signed")
    if digest := manifest.get("source_sha256"):
        print(f"made of the artifact of compilation job {manifest['compilation_job']}, SHA-256 {digest}")
    for file in manifest["files"]:
        print(f"{file['sha256']}  {file['size']:>12}  {file['path']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
